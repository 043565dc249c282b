// A virtio-net device with all its queue pairs. This header is all a program needs.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include <vmq/coalescing.hpp>
#include <vmq/device_stats.hpp>
#include <vmq/error.hpp>
#include <vmq/export.hpp>
#include <vmq/filter.hpp>
#include <vmq/info.hpp>
#include <vmq/memory.hpp>
#include <vmq/offload.hpp>
#include <vmq/options.hpp>
#include <vmq/packet.hpp>
#include <vmq/queue_pair.hpp>
#include <vmq/rss.hpp>
#include <vmq/stats.hpp>

namespace vmq {

class VMQ_EXPORT Device {
public:
    // Takes the device at a PCI address ("0000:00:04.0" or "00:04.0") that is bound to vfio-pci, or the vhost-user
    // backend behind a socket ("vhost-user:/path/to/socket", with ",server" behind it to listen there and wait up to
    // options.connect_deadline for the backend), resets it, negotiates, and starts it with options.queue_pairs pairs.
    // Blocks for some tens of milliseconds. Throws std::system_error that names the operation, the object and the cure,
    // or std::invalid_argument for an option that makes no sense; nothing is left behind then.
    [[nodiscard]] static Device open(std::string_view address, const Options& options = {});

    Device(Device&&) noexcept;
    Device& operator=(Device&&) noexcept;
    // Resets the device and sees it reset before any memory it could write is unmapped. Every QueuePair, Batch and
    // Packet of the device must be gone by then.
    ~Device();

    // Any thread may make these calls at any time.

    [[nodiscard]] unsigned queue_pairs() const noexcept;
    [[nodiscard]] unsigned max_queue_pairs() const noexcept;
    // A snapshot.
    [[nodiscard]] Info info() const;
    // A snapshot of counters; never disturbs the data path.
    [[nodiscard]] Stats stats() const;
    // A snapshot of the vectors; reads /proc and so costs more than stats().
    [[nodiscard]] InterruptTable interrupts() const;

    // Changes the number of pairs while traffic flows; blocks until it is done. It happens whole, or throws and leaves
    // the old number in force: Errc::out_of_range (0, or more than max_queue_pairs()), owner_timeout, device_refused,
    // device_timeout. No packet that send accepted is lost or sent twice, and no packet that the device delivered is
    // lost. VIRTIO 1.3, 5.1.6.5.5.
    void set_queue_pairs(unsigned count);

    // Resets the device and sets it up again as it was: pairs, RSS and every other setting. Blocks until it is done;
    // the threads notice a gap. What was in flight is lost, and counted in tx_lost and rx_lost. Throws
    // Errc::owner_timeout, and nothing has happened then; or device_timeout, device_refused or device_removed, and it
    // is tried again until it works. The same happens by itself when the device asks for it (DEVICE_NEEDS_RESET).
    // VIRTIO 1.3, 2.1.1, 2.4.
    void reset();

    // Receive-side scaling: where flows arrive. Throws Errc::unsupported where the device offers neither RSS nor
    // HASH_REPORT.
    [[nodiscard]] RssInfo rss() const;
    // Happens whole, or throws and leaves the old settings in force: Errc::out_of_range for what the device cannot do,
    // Errc::unsupported, device_refused, device_timeout. Packets that are on their way may still arrive where the old
    // table had them. VIRTIO 1.3, 5.1.6.5.7.
    void set_rss(const RssSettings& settings);

    // Which packets arrive; info() tells what is in force. Each happens whole and outlives a reset of the device, or
    // throws and leaves the old setting in force: Errc::unsupported, naming the feature that the device does not offer,
    // device_refused, device_timeout (the device may then be doing either), std::invalid_argument for an address that
    // is not of its kind. VIRTIO 1.3, 5.1.6.5.1 to 5.1.6.5.3.
    void set_receive_mode(const ReceiveMode& mode);
    // Replaces all; Errc::out_of_range for more than MacFilters::most.
    void set_mac_filters(const MacFilters& filters);
    void set_mac(const MacAddress& mac);
    // Unless the receive mode is promiscuous, a device with CTRL_VLAN drops packets of VLANs that were not added. 0 to
    // 4094, else Errc::out_of_range; adding one twice and removing one that is not there do nothing.
    void add_vlan(unsigned id);
    void remove_vlan(unsigned id);

    // Interrupt coalescing: of all pairs, needing NOTF_COAL, and of one pair (Errc::out_of_range beyond the last),
    // needing VQ_NOTF_COAL. What was set last counts. Throw as above.
    [[nodiscard]] CoalescingInfo coalescing() const;
    void set_coalescing(const Coalescing& all);
    void set_coalescing(unsigned pair, const Coalescing& coalescing);

    // Asks the device, a command for each virtqueue: Errc::unsupported without DEVICE_STATS, device_refused,
    // device_timeout, bad_device.
    [[nodiscard]] DeviceStats device_stats() const;

    // What the device does with packets before it delivers them; as the Options said, at first.
    [[nodiscard]] ReceiveOffloads receive_offloads() const;
    // Happens whole, or throws and leaves the old settings in force: Errc::unsupported where the device offers no
    // CTRL_GUEST_OFFLOADS, or for what the Options did not ask for or the device does not offer; device_refused,
    // device_timeout. Packets that are on their way come as before. VIRTIO 1.3, 5.1.6.5.8.
    void set_receive_offloads(ReceiveOffloads offloads);

    // Pins whole pages of the application's own memory and maps them for the device to read and write, so that packets
    // can carry pieces of it (QueuePair::attach). The memory must stay mapped in this process until the handle has gone
    // and every piece has come back. Throws std::errc::invalid_argument for what is not whole pages (or, with no_iommu,
    // not huge pages that follow each other in physical memory), not_enough_memory with the cure when so much cannot be
    // pinned, Errc::unsupported for a vhost-user backend, which reaches only memory that was allocated for it.
    [[nodiscard]] RegisteredMemory register_memory(std::span<std::byte> memory);

    // Exclusive: throws Errc::busy when another thread has the pair, Errc::out_of_range when there is none of that
    // index. Pins the calling thread to the pair's vCPU unless Options said not to. A pair beyond queue_pairs() may be
    // taken; it is parked.
    [[nodiscard]] QueuePair take_queue_pair(unsigned index);

private:
    class Impl;
    explicit Device(std::unique_ptr<Impl> impl) noexcept;
    friend struct DeviceFactory;

    std::unique_ptr<Impl> impl_;
};

}  // namespace vmq
