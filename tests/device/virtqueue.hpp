// The device's side of a split virtqueue, written apart from the driver's so that one misunderstanding is not in both.
// VIRTIO 1.3, 2.7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "driver/virtio/queue_config.hpp"
#include "driver/virtio/spec.hpp"
#include "tests/device/memory.hpp"
#include "tests/device/violations.hpp"

namespace vmq::software {

// A buffer that the driver made available, as it was when the device looked.
struct Chain {
    std::uint16_t head = 0;
    std::vector<std::span<std::byte>> readable;
    std::vector<std::span<std::byte>> writable;
};

// One thread at a time.
class Virtqueue {
public:
    Virtqueue(Memory& memory, Violations& violations, std::string name)
        : memory_(memory), violations_(violations), name_(std::move(name)) {}

    // `start` is where both indices begin.
    void enable(const virtio::QueueConfig& config, bool event_idx, std::uint16_t start);
    void disable() noexcept { enabled_ = false; }
    [[nodiscard]] bool enabled() const noexcept { return enabled_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::uint16_t size() const noexcept { return size_; }
    [[nodiscard]] virtio::VectorIndex vector() const noexcept { return vector_; }

    // Buffers that wait to be fetched.
    [[nodiscard]] std::uint16_t available() const noexcept;
    // The available index as the driver last wrote it.
    [[nodiscard]] std::uint16_t available_index() const noexcept;
    [[nodiscard]] std::uint16_t fetched_index() const noexcept { return fetched_; }
    // Takes the next available buffer. False: there is none, or it breaks the rules (then the queue is looked at no
    // more).
    [[nodiscard]] bool fetch(Chain& chain);

    // Gives a fetched buffer back to the driver, at the next publish().
    void complete(std::uint16_t head, std::uint32_t length);
    // True: the driver wants to be interrupted for what is new.
    [[nodiscard]] bool publish();

    // Whether notifications are wanted. wanted(true) returns false when something is available already, for which none
    // may come.
    [[nodiscard]] bool want_notifications(bool wanted) noexcept;

    // Faults: what a device that breaks the rules would do. Nothing is checked.
    void write_used(std::uint32_t id, std::uint32_t length);  // a used element, for the next publish()
    void move_used_index(int distance);                       // at once
    void scramble_descriptors();                              // the whole table

private:
    [[nodiscard]] bool areas_are_right(const virtio::QueueConfig& config);
    [[nodiscard]] bool follow(std::uint16_t head, Chain& chain);
    bool violation(const std::string& text);

    Memory& memory_;
    Violations& violations_;
    std::string name_;

    bool enabled_ = false;
    bool event_idx_ = false;
    std::uint16_t size_ = 0;
    virtio::VectorIndex vector_;
    virtio::Descriptor* table_ = nullptr;
    virtio::RingHeader* available_ = nullptr;
    virtio::le16* available_ring_ = nullptr;
    virtio::le16* used_event_ = nullptr;
    virtio::RingHeader* used_ = nullptr;
    virtio::UsedElement* used_ring_ = nullptr;
    virtio::le16* available_event_ = nullptr;

    std::uint16_t fetched_ = 0;    // next entry of the available ring
    std::uint16_t completed_ = 0;  // next entry of the used ring
    std::uint16_t published_ = 0;  // used index as the driver sees it
    bool notifications_ = true;
    std::vector<bool> held_;           // per descriptor: in a chain that was fetched and not completed
    std::vector<std::uint16_t> next_;  // and what came behind it then; itself at the end
};

}  // namespace vmq::software
