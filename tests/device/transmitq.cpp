// Taking and checking transmitted packets.
#include "tests/device/transmitq.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/device/scatter.hpp"

namespace vmq::software {

void Transmitq::start(virtio::FeatureSet features, Violations& violations) {
    features_ = features;
    header_size_ = features.has(virtio::Feature::mrg_rxbuf) || features.has(virtio::Feature::version_1) ? 12 : 10;
    violations_ = &violations;
    held_.clear();
}

Frame Transmitq::unwrap(const Chain& chain) const {
    const auto violation = [this](const std::string& text) { violations_->add(queue_.name() + ": " + text); };
    if (!chain.writable.empty()) violation("a writable descriptor in a packet");
    Frame bytes = gather(chain.readable);
    if (bytes.size() <= header_size_) {
        violation("a packet of " + std::to_string(bytes.size()) + " bytes, header included");
        return {};
    }
    virtio::NetHeader header;
    std::memcpy(&header, bytes.data(), header_size_);
    // 5.1.6.2.1
    if (header.num_buffers.value() != 0) violation("num_buffers of a transmitted packet is not 0");
    if (header.flags != 0 && !features_.has(virtio::Feature::csum)) violation("header flags without CSUM");
    const bool segments = features_.has(virtio::Feature::host_tso4) || features_.has(virtio::Feature::host_tso6);
    if (header.gso_type != virtio::gso_type::none && !segments) violation("a gso_type that was not negotiated");
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header_size_));
    return bytes;
}

std::size_t Transmitq::take(std::size_t most, const Completion& completion, const Sink& sink) {
    Chain chain;
    std::size_t taken = 0;
    for (; taken < most && queue_.fetch(chain); ++taken) {
        sink(unwrap(chain));
        held_.push_back(chain.head);
    }
    if (!completion.hold) complete_held(completion);
    return taken;
}

void Transmitq::complete_held(const Completion& completion) {
    if (completion.newest_first) std::reverse(held_.begin(), held_.end());
    for (const std::uint16_t head : held_) queue_.complete(head, completion.used_length);
    held_.clear();
}

}  // namespace vmq::software
