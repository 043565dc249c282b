// Taking and checking transmitted packets.
#include "tests/device/transmitq.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/device/header.hpp"
#include "tests/device/scatter.hpp"

namespace vmq::software {

void Transmitq::start(virtio::FeatureSet features, Violations& violations) {
    features_ = features;
    header_size_ = net_header_size(features);
    violations_ = &violations;
    held_.clear();
}

Frame Transmitq::unwrap(Frame bytes) const {
    if (bytes.size() <= header_size_) {
        violation("a packet of " + std::to_string(bytes.size()) + " bytes, header included");
        return {};
    }
    virtio::NetHeader header;
    std::memcpy(&header, bytes.data(), std::min(header_size_, sizeof header));
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
        Frame bytes = gather(chain.readable);
        if (!chain.writable.empty()) violation("a writable descriptor in a packet");
        if (net_header_is_apart(features_) && (chain.readable.size() < 2 || chain.readable[0].size() != header_size_))
            violation("a packet whose header has no descriptor of its own");
        held_.push_back({chain, completion.hold ? bytes : Frame{}});
        sink(unwrap(std::move(bytes)));
    }
    if (!completion.hold) complete_held(completion);
    return taken;
}

void Transmitq::complete_held(const Completion& completion, std::size_t most) {
    for (; most > 0 && !held_.empty(); --most) {
        std::size_t place = completion.newest_first ? held_.size() - 1 : 0;
        if (completion.shuffled) place = random_() % held_.size();
        complete_at(queue_.in_order() ? 0 : place, completion.used_length);
    }
}

void Transmitq::complete_at(std::size_t place, std::uint32_t used_length) {
    const auto chosen = held_.begin() + static_cast<std::ptrdiff_t>(place);
    // The driver may not touch a packet while the device could still read it.
    const Frame now = chosen->then.empty() ? Frame{} : gather(chosen->chain.readable);
    if (!now.empty() && std::memcmp(now.data(), chosen->then.data(), now.size()) != 0)
        violation("a packet that changed while the device had it");
    queue_.complete(chosen->chain.id, used_length);
    held_.erase(chosen);
}

}  // namespace vmq::software
