// Taking and checking transmitted packets.
#include "tests/device/transmitq.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/device/header.hpp"
#include "tests/device/offload.hpp"
#include "tests/device/scatter.hpp"

namespace vmq::software {

void Transmitq::start(virtio::FeatureSet features, Violations& violations) {
    features_ = features;
    header_size_ = net_header_size(features);
    violations_ = &violations;
    held_.clear();
}

std::vector<Frame> Transmitq::unwrap(Frame bytes) const {
    if (bytes.size() <= header_size_) {
        violation("a packet of " + std::to_string(bytes.size()) + " bytes, header included");
        return {Frame{}};
    }
    virtio::NetHeader header;
    std::memcpy(&header, bytes.data(), std::min(header_size_, sizeof header));
    // 5.1.6.2.1
    if (header.num_buffers.value() != 0) violation("num_buffers of a transmitted packet is not 0");
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header_size_));
    if (const auto fault = fault_of(header, bytes, features_)) {
        violation(*fault);
        return {std::move(bytes)};
    }
    return carry_out(header, std::move(bytes));
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
        for (Frame& frame : unwrap(std::move(bytes))) sink(std::move(frame));
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
