// Memory of the application's own that the device reads packets from: sending without a copy.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <vmq/export.hpp>

namespace vmq {

namespace net {
class Registration;
}

// What is told when a piece that QueuePair::attach has put into a packet is the application's again: the device has
// read it, or never will. Once for each piece, by the thread on which the packet ended: the one that sent it in any
// call on its pair (or pair 0's owner, when that sent it for a parked pair), the one that dropped the packet, and for
// what is in flight when the device is reset or closed the pair's owner, or the control thread or the closing one when
// it has none. It must not call the pair, the device or wait. A packet in flight on a device that has stopped ends when
// the Device is closed.
struct SendDone {
    void (*told)(void* context, std::span<const std::byte> piece) noexcept = nullptr;  // nullptr: nobody
    void* context = nullptr;
};

// Keeps memory mapped for a device (Device::register_memory). Move-only; must not outlive its Device. One thread at a
// time, but for in_use and QueuePair::attach: any number.
class VMQ_EXPORT RegisteredMemory {
public:
    RegisteredMemory(RegisteredMemory&&) noexcept;
    RegisteredMemory& operator=(RegisteredMemory&&) noexcept;
    // Unmaps the memory; while pieces of it are in packets it stays mapped until the last of them has been told done,
    // and must stay what it is until then.
    ~RegisteredMemory();

    [[nodiscard]] std::span<std::byte> bytes() const noexcept;
    // Pieces attached and not yet told done. 0: the memory may be unregistered and given back at once.
    [[nodiscard]] std::size_t in_use() const noexcept;

private:
    friend class Device;
    friend class QueuePair;
    explicit RegisteredMemory(std::shared_ptr<net::Registration> registration) noexcept;

    std::shared_ptr<net::Registration> registration_;
};

}  // namespace vmq
