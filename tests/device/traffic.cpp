// Sending in turn, and counting what comes back.
#include "tests/device/traffic.hpp"

namespace vmq::software {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

}  // namespace

Traffic::Traffic(NetDevice& device, const TrafficShape& shape)
    : device_(device),
      shape_(shape),
      flows_(shape.flows),
      turn_(std::make_unique<std::atomic<unsigned>[]>(device.pairs())),
      on_pair_(std::make_unique<std::atomic<std::uint64_t>[]>(device.pairs())) {
    for (Flow& flow : flows_) flow.times_seen = std::make_unique<std::atomic<std::uint8_t>[]>(shape.packets_per_flow);
}

std::optional<Frame> Traffic::transmitted(unsigned pair, Frame frame) {
    on_pair_[pair].fetch_add(1, relaxed);
    const auto label = check_frame(frame);
    if (!label || label->flow >= shape_.flows || frame.size() != shape_.length ||
        label->sequence >= flows_[label->flow].sent.load(relaxed)) {
        strangers_.fetch_add(1, relaxed);
        return std::nullopt;
    }
    Flow& flow = flows_[label->flow];
    if (flow.times_seen[label->sequence].fetch_add(1, relaxed) != 0)
        doubled_.fetch_add(1, relaxed);
    else
        flow.returned.fetch_add(1, relaxed);
    return std::nullopt;
}

std::optional<Frame> Traffic::next(unsigned pair) {
    if (finishing_.load(relaxed)) return std::nullopt;
    const unsigned pairs = device_.pairs_in_use();
    const unsigned first = turn_[pair].fetch_add(1, relaxed);
    for (unsigned i = 0; i < shape_.flows; ++i) {
        const unsigned number = (first + i) % shape_.flows;
        if (device_.steering().pair_for(number, pairs) != pair) continue;
        Flow& flow = flows_[number];
        std::uint32_t sequence = flow.sent.load(relaxed);
        // Two pairs may ask at once while the flow moves from one to the other.
        while (sequence < shape_.packets_per_flow && sequence - flow.returned.load(relaxed) < shape_.window)
            if (flow.sent.compare_exchange_weak(sequence, sequence + 1, relaxed))
                return make_frame({number, sequence}, shape_.length);
    }
    return std::nullopt;
}

std::uint64_t Traffic::sent() const noexcept {
    std::uint64_t sum = 0;
    for (const Flow& flow : flows_) sum += flow.sent.load(relaxed);
    return sum;
}

std::uint64_t Traffic::returned() const noexcept {
    std::uint64_t sum = 0;
    for (const Flow& flow : flows_) sum += flow.returned.load(relaxed);
    return sum;
}

}  // namespace vmq::software
