// Writing packets into receive buffers.
#include "tests/device/receiveq.hpp"

#include <algorithm>
#include <cstring>

#include "tests/device/header.hpp"

namespace vmq::software {

void Receiveq::start(virtio::FeatureSet features, Violations& violations) {
    merges_ = features.has(virtio::Feature::mrg_rxbuf);
    header_size_ = net_header_size(features);
    header_is_apart_ = net_header_is_apart(features);
    violations_ = &violations;
    stop();
}

void Receiveq::stop() noexcept {
    held_.clear();
    memory_.clear();
}

void Receiveq::check(const Chain& chain) {
    if (!chain.readable.empty()) violations_->add(queue_.name() + ": a receive buffer that the device cannot write");
    if (header_is_apart_ && (chain.writable.size() < 2 || chain.writable[0].size() != header_size_))
        violations_->add(queue_.name() + ": a receive buffer whose header has no descriptor of its own");
    // 5.1.6.3.1: at least 1,526 bytes without MRG_RXBUF, and the header with it.
    const std::size_t least = merges_ ? header_size_ : 1514 + header_size_;
    if (size_of(chain.writable) < least)
        violations_->add(queue_.name() + ": a receive buffer of " + std::to_string(size_of(chain.writable)) + " bytes");
    for (const auto& piece : chain.writable)
        if (!memory_.insert(piece.data()).second)
            violations_->add(queue_.name() + ": memory that is in another receive buffer already");
}

void Receiveq::forget(const Chain& chain) {
    for (const auto& piece : chain.writable) memory_.erase(piece.data());
}

void Receiveq::fetch_all() {
    Chain chain;
    while (queue_.fetch(chain)) {
        check(chain);
        held_.push_back(chain);
    }
}

std::size_t Receiveq::capacity(const Chain& chain, const Delivery& delivery) const noexcept {
    const std::size_t all = size_of(chain.writable);
    return delivery.bytes_per_buffer == 0 ? all : std::min(all, delivery.bytes_per_buffer);
}

void Receiveq::shuffle(std::size_t window, unsigned seed) {
    window_ = window;
    random_.seed(seed);
}

std::size_t Receiveq::next_place(const Delivery& delivery) {
    if (queue_.in_order()) return 0;
    if (delivery.held_at) return *delivery.held_at;
    return random_() % std::min(window_, held_.size());
}

// Empty: there are not enough.
std::vector<Chain> Receiveq::take_for(std::size_t bytes, const Delivery& delivery) {
    std::vector<Chain> taken;
    std::vector<std::size_t> places;
    for (std::size_t room = 0; room < bytes;) {
        const std::size_t place = held_.empty() ? 0 : next_place(delivery);
        if (place >= held_.size() || (taken.size() == 1 && !merges_)) {
            for (; !taken.empty(); taken.pop_back(), places.pop_back())
                held_.insert(held_.begin() + static_cast<std::ptrdiff_t>(places.back()), taken.back());
            return {};
        }
        const auto chosen = held_.begin() + static_cast<std::ptrdiff_t>(place);
        room += capacity(*chosen, delivery);
        taken.push_back(*chosen);
        places.push_back(place);
        held_.erase(chosen);
    }
    return taken;
}

bool Receiveq::deliver(std::span<const std::byte> packet, const Delivery& delivery) {
    const std::vector<Chain> chains = take_for(header_size_ + packet.size(), delivery);
    if (chains.empty()) return false;
    virtio::NetHashHeader header{.header = delivery.header,
                                 .hash_value = virtio::le32{delivery.hash.value},
                                 .hash_report = virtio::le16{static_cast<std::uint16_t>(delivery.hash.report)},
                                 .padding_reserved = {}};
    header.header.num_buffers = delivery.num_buffers.value_or(static_cast<std::uint16_t>(chains.size()));
    std::vector<std::byte> bytes(header_size_ + packet.size());
    std::memcpy(bytes.data(), &header, header_size_);
    if (!packet.empty()) std::memcpy(bytes.data() + header_size_, packet.data(), packet.size());
    fill(chains, bytes, delivery);
    return true;
}

void Receiveq::fill(const std::vector<Chain>& chains, std::span<const std::byte> bytes, const Delivery& delivery) {
    for (std::size_t i = 0; i < chains.size(); ++i) {
        const std::size_t count = std::min(bytes.size(), capacity(chains[i], delivery));
        scatter(bytes.first(count), chains[i].writable);
        bytes = bytes.subspan(count);
        forget(chains[i]);
        if (i + delivery.buffers_left_out >= chains.size()) continue;
        const auto length = static_cast<std::uint32_t>(count);
        queue_.complete(chains[i].id, i == 0 ? delivery.used_length.value_or(length) : length, i != 0);
    }
}

std::optional<std::uint16_t> Receiveq::take_held() {
    if (held_.empty()) return std::nullopt;
    const Chain chain = std::move(held_.front());
    held_.pop_front();
    forget(chain);
    return chain.id;
}

}  // namespace vmq::software
