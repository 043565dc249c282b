// Writing packets into receive buffers.
#include "tests/device/receiveq.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/device/scatter.hpp"

namespace vmq::software {

void Receiveq::start(virtio::FeatureSet features, Violations& violations) {
    merges_ = features.has(virtio::Feature::mrg_rxbuf);
    // 5.1.6.1: without both, num_buffers is not there.
    header_size_ = merges_ || features.has(virtio::Feature::version_1) ? 12 : 10;
    violations_ = &violations;
    held_.clear();
}

void Receiveq::check(const Chain& chain, Violations& violations) const {
    if (!chain.readable.empty()) violations.add(queue_.name() + ": a receive buffer that the device cannot write");
    // 5.1.6.3.1: at least 1,526 bytes without MRG_RXBUF, and the header with it.
    const std::size_t least = merges_ ? header_size_ : 1514 + header_size_;
    if (size_of(chain.writable) < least)
        violations.add(queue_.name() + ": a receive buffer of " + std::to_string(size_of(chain.writable)) + " bytes");
}

void Receiveq::fetch_all() {
    Chain chain;
    while (queue_.fetch(chain)) {
        check(chain, *violations_);
        held_.push_back(chain);
    }
}

std::size_t Receiveq::capacity(const Chain& chain, const Delivery& delivery) const noexcept {
    const std::size_t all = size_of(chain.writable);
    return delivery.bytes_per_buffer == 0 ? all : std::min(all, delivery.bytes_per_buffer);
}

bool Receiveq::deliver(std::span<const std::byte> packet, const Delivery& delivery) {
    std::size_t buffers = 0;
    for (std::size_t room = 0; room < header_size_ + packet.size(); ++buffers) {
        if (buffers == held_.size() || (buffers == 1 && !merges_)) return false;
        room += capacity(held_[buffers], delivery);
    }

    virtio::NetHeader header = delivery.header;
    header.num_buffers = delivery.num_buffers.value_or(static_cast<std::uint16_t>(buffers));
    std::vector<std::byte> bytes(header_size_ + packet.size());
    std::memcpy(bytes.data(), &header, header_size_);
    if (!packet.empty()) std::memcpy(bytes.data() + header_size_, packet.data(), packet.size());

    std::span<const std::byte> rest = bytes;
    for (std::size_t i = 0; i < buffers; ++i) {
        const Chain& chain = held_.front();
        const std::size_t count = std::min(rest.size(), capacity(chain, delivery));
        scatter(rest.first(count), chain.writable);
        rest = rest.subspan(count);
        const auto length = static_cast<std::uint32_t>(count);
        if (i + delivery.buffers_left_out < buffers)
            queue_.complete(chain.head, i == 0 ? delivery.used_length.value_or(length) : length);
        held_.pop_front();
    }
    return true;
}

std::optional<std::uint16_t> Receiveq::take_held() {
    if (held_.empty()) return std::nullopt;
    const std::uint16_t head = held_.front().head;
    held_.pop_front();
    return head;
}

}  // namespace vmq::software
