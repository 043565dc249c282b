// A buffer that the driver made available, and the rules that its elements obey in either ring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "driver/virtio/features.hpp"
#include "driver/virtio/types.hpp"
#include "tests/device/memory.hpp"
#include "tests/device/violations.hpp"

namespace vmq::software {

// As it was when the device looked.
struct Chain {
    std::uint16_t id = 0;           // under which it goes back: the head descriptor, or the packed ring's buffer id
    std::uint16_t descriptors = 0;  // it takes in the ring itself
    std::vector<std::span<std::byte>> readable;
    std::vector<std::span<std::byte>> writable;
    std::span<const std::byte> table;  // of its indirect descriptors; empty without
};

// The features that change a virtqueue.
struct QueueRules {
    explicit QueueRules(virtio::FeatureSet features = {}) noexcept
        : packed(features.has(virtio::Feature::ring_packed)),
          event_idx(features.has(virtio::Feature::event_idx)),
          in_order(features.has(virtio::Feature::in_order)),
          indirect(features.has(virtio::Feature::indirect_desc)),
          legacy(!features.has(virtio::Feature::version_1)) {}
    bool packed, event_idx, in_order, indirect;
    bool legacy;  // in one piece, at a page's start: 2.7.2
};

// Reports what a virtqueue's driver does wrong, under the queue's name.
class Blame {
public:
    Blame(Violations& violations, std::string name) : violations_(violations), name_(std::move(name)) {}
    // False, for the caller to return.
    bool operator()(const std::string& text) const {
        violations_.add(name_ + ": " + text);
        return false;
    }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    Violations& violations_;
    std::string name_;
};

// Collects the elements of one buffer.
class ChainBuilder {
public:
    ChainBuilder(Memory& memory, const Blame& blame, Chain& chain, std::uint16_t most) noexcept
        : memory_(memory), blame_(blame), chain_(chain), most_(most) {}

    // All return false after a violation.
    bool element(virtio::Iova address, std::uint32_t length, bool device_writes);
    // The table that an indirect descriptor names: its bytes, a whole number of descriptors.
    bool table(virtio::Iova address, std::uint32_t length);

private:
    Memory& memory_;
    const Blame& blame_;
    Chain& chain_;
    std::uint16_t most_;  // elements that a buffer may have
};

}  // namespace vmq::software
