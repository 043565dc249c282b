// Which MSI-X vector serves what.
#include "driver/net/vector_plan.hpp"

namespace vmq::net {

namespace {

virtio::VectorIndex vector_index(unsigned index) { return {static_cast<std::uint16_t>(index)}; }

}  // namespace

VectorPlan plan_vectors(unsigned pairs, unsigned available) {
    VectorPlan plan;
    plan.pairs.resize(pairs);
    if (available == 0) return plan;

    plan.config = plan.control = vector_index(0);
    if (available >= pairs + 2) {
        const bool per_queue = available >= 2 * pairs + 2;
        plan.mode = per_queue ? WaitMode::own_vectors : WaitMode::own_vector;
        plan.control = vector_index(1);
        unsigned next = 2;
        for (VectorPlan::Pair& pair : plan.pairs) {
            pair.receive = vector_index(next++);
            pair.transmit = per_queue ? vector_index(next++) : pair.receive;
        }
        plan.count = next;
    } else {
        plan.mode = WaitMode::shared;
        plan.count = available >= 2 ? 2 : 1;
        for (VectorPlan::Pair& pair : plan.pairs) pair = {vector_index(plan.count - 1), vector_index(plan.count - 1)};
    }
    return plan;
}

std::string VectorPlan::sharing() const {
    switch (mode) {
        case WaitMode::own_vectors:
            return "per queue";
        case WaitMode::own_vector:
            return "per pair";
        case WaitMode::shared:
            return "shared";
        case WaitMode::polling:
            break;
    }
    return "polling";
}

std::string VectorPlan::owner(unsigned vector) const {
    if (mode == WaitMode::shared) return count == 2 && vector == 0 ? "config+control" : "shared";
    if (vector == config.value) return "config";
    if (vector == control.value) return "control";
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        if (vector == pairs[i].receive.value)
            return (mode == WaitMode::own_vector ? "rxtx-" : "rx-") + std::to_string(i);
        if (vector == pairs[i].transmit.value) return "tx-" + std::to_string(i);
    }
    return "unused";
}

}  // namespace vmq::net
