// What a virtio driver needs of the bus its device sits on. Used on the control path only; a queue's doorbell is handed
// out as a value so that a notification costs no virtual call. VIRTIO 1.3, chapter 4.
//
// Every call is made by one thread at a time (the opener, then the control thread) and may block for the bus. Failures
// throw std::system_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "driver/support/memory.hpp"
#include "driver/virtio/control_path.hpp"
#include "driver/virtio/doorbell.hpp"
#include "driver/virtio/features.hpp"
#include "driver/virtio/queue_config.hpp"
#include "driver/virtio/types.hpp"

namespace vmq::virtio {

// Memory that the device may read and write. It is zero-filled, at least page-aligned, contiguous for driver and
// device, and stays mapped until the last owner lets go. The device must be reset before that.
struct DmaBlock {
    std::byte* data = nullptr;
    std::size_t size = 0;
    Iova iova;
    bool huge_pages = false;
    std::shared_ptr<const void> owner;

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data, size}; }
};

class Transport {
public:
    virtual ~Transport() = default;

    // "0000:00:04.0", or "vhost-user:/path".
    [[nodiscard]] virtual const std::string& name() const = 0;
    // What stands between the device's writes and this machine's memory: "type1v2", "none", …, for info().
    [[nodiscard]] virtual std::string iommu_mode() const = 0;
    // A legacy (0.9.5) device: no VERSION_1, no FEATURES_OK (3.1.2), rings in one piece (2.7.2) that have the size
    // which the device gives them.
    [[nodiscard]] virtual bool is_legacy() const { return false; }

    [[nodiscard]] virtual std::uint8_t status() = 0;
    virtual void set_status(std::uint8_t status) = 0;
    // Writes 0 and waits until the device reads back 0; throws Errc::device_timeout after the deadline
    // (2.4.1, 4.1.4.3.2).
    virtual void reset() = 0;

    [[nodiscard]] virtual FeatureSet device_features() = 0;
    virtual void set_driver_features(FeatureSet features) = 0;

    [[nodiscard]] virtual std::uint16_t queue_count() = 0;
    [[nodiscard]] virtual std::uint16_t max_queue_size(QueueIndex queue) = 0;  // 0: the queue does not exist

    // Vectors the device has; 0 when it can only be polled. enable_vectors connects vector i to eventfds[i], all at
    // once, and replaces what was connected before; an empty span disconnects all. It returns how many vectors the
    // system granted when that is fewer than asked for (then nothing is connected), else eventfds.size(). The
    // descriptors stay the caller's.
    [[nodiscard]] virtual unsigned max_vectors() = 0;
    [[nodiscard]] virtual std::size_t enable_vectors(std::span<const int> eventfds) = 0;

    // Both return false when the device answered NO_VECTOR to a vector that was asked for (4.1.5.1.2.2). enable_queue
    // sets size, addresses and vector before queue_enable; on false the queue was enabled without a vector.
    [[nodiscard]] virtual bool set_config_vector(VectorIndex vector) = 0;
    [[nodiscard]] virtual bool enable_queue(QueueIndex queue, const QueueConfig& config) = 0;
    [[nodiscard]] virtual Doorbell doorbell(QueueIndex queue) = 0;
    // Whether single queues can be reset, with RING_RESET negotiated. reset_queue then returns once the device has let
    // go of all the queue's buffers, and the queue may be enabled anew; throws Errc::device_timeout after the deadline.
    // Nobody may notify the queue meanwhile. 2.6.1, 4.1.4.3.2
    [[nodiscard]] virtual bool resets_queues() const { return false; }
    virtual void reset_queue(QueueIndex /*queue*/) {}

    // Device configuration, consistent by config_generation within bounded tries (2.5.1, 4.1.4.3.1). Ask for one field
    // a call: 2, 4 or 8 bytes are read as such a field, in little-endian order, anything else byte by byte (4.1.3.1).
    // Throws Errc::bad_device when the space is shorter than offset + bytes or never stable.
    virtual void read_config(std::size_t offset, std::span<std::byte> bytes) = 0;
    [[nodiscard]] virtual std::size_t config_size() = 0;

    // What carries out control commands in the place of a control virtqueue; nullptr: the device has a virtqueue.
    [[nodiscard]] virtual ControlPath* control_path() { return nullptr; }
    // Whether the device may choose a flow's receiveq by the transmitq it saw the flow on (5.1.6.5.6).
    [[nodiscard]] virtual bool steers_by_transmission() const { return true; }

    // A first look at all that will be allocated, in this order, before the first byte is locked, so that one message
    // can name the whole need: throws ENOMEM or ENOSPC with the cure when so much cannot be had.
    virtual void check_memory(std::span<const support::MemoryNeed> /*needs*/) {}
    // numa_node: where the memory is wanted, -1 for anywhere.
    [[nodiscard]] virtual DmaBlock allocate(std::size_t size, int numa_node) = 0;
    // Blocks of one size, in as few pieces as can be had: each block whole in one of them, as many as fit from its
    // beginning on, and all pieces as far apart for the driver as for the device.
    [[nodiscard]] virtual std::vector<DmaBlock> allocate_array(const support::MemoryNeed& need);
    // The application's own memory, whole pages of it, made reachable for the device until the owner lets go, on any
    // thread. Throws Errc::unsupported where the device reaches only memory that was allocated here.
    [[nodiscard]] virtual DmaBlock map_memory(std::span<std::byte> memory);

    // Becomes readable when the system asks for the device back (VFIO's request interrupt); -1 when it cannot ask.
    [[nodiscard]] virtual int request_event_fd() = 0;

    // For a device that may go away and come back. connection_fd is readable when check_connection is to be called; -1:
    // there is no connection that could be lost. While there is none the device reaches no memory, and every call that
    // would need it throws Errc::device_removed.
    [[nodiscard]] virtual int connection_fd() { return -1; }
    [[nodiscard]] virtual bool check_connection() { return true; }
    // Tries to have the device back, in the state after reset, within a command's deadline. False: not yet. Throws when
    // it is there, but not as it has to be.
    [[nodiscard]] virtual bool reconnect() { return true; }
    // Gives the device up until reconnect.
    virtual void disconnect() {}
};

}  // namespace vmq::virtio
