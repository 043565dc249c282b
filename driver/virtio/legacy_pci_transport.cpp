// What of the legacy transport is more than a register.
#include "driver/virtio/legacy_pci_transport.hpp"

#include <bit>
#include <chrono>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"

namespace vmq::virtio {
namespace {

constexpr std::chrono::milliseconds reset_deadline{1000};
constexpr std::size_t bar_register = 0x10;
constexpr std::byte bar_in_io_space{0x01};

}  // namespace

bool has_legacy_registers(std::span<const std::byte> config, std::uint64_t bar_size) noexcept {
    return config.size() > bar_register && (config[bar_register] & bar_in_io_space) != std::byte{} &&
           bar_size >= legacy_config::device_config_with_msix;
}

LegacyPciTransport::LegacyPciTransport(std::unique_ptr<vfio::Function> owned)
    : PciFunctionTransport(std::move(owned)), ports_(function().bar_file(0)), registers_(ports_, name()) {
    if constexpr (std::endian::native != std::endian::little)
        support::fail(Errc::unsupported, "opening " + name(),
                      "a legacy device, whose rings would be big-endian on this machine; vmq drives modern ones here");
}

void LegacyPciTransport::reset() {
    registers_.reset(reset_deadline);
    // Not earlier: what a former owner left running must not write any more.
    function().enable_bus_mastering();
}

std::size_t LegacyPciTransport::enable_vectors(std::span<const int> eventfds) {
    const std::size_t granted = PciFunctionTransport::enable_vectors(eventfds);
    registers_.set_msix(!eventfds.empty() && granted == eventfds.size());
    return granted;
}

Doorbell LegacyPciTransport::doorbell(QueueIndex queue) {
    return Doorbell::at_file(ports_.fd(), ports_.start() + legacy_config::queue_notify.offset, {queue.value});
}

}  // namespace vmq::virtio
