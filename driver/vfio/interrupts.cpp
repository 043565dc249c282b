// The MSI-X vectors of a VFIO device and its request interrupt, connected to eventfds.
#include "driver/vfio/interrupts.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/vfio.h>
#include <string>
#include <sys/ioctl.h>
#include <vector>

#include "driver/support/errors.hpp"

namespace vmq::vfio {

namespace {

// VFIO_DEVICE_SET_IRQS for eventfds 0 … n-1 of an index, put together in `bytes`; returns what the kernel does. No
// eventfds: all are disconnected.
int set_eventfds(const Device& device, unsigned index, std::span<const int> eventfds,
                 std::span<std::byte> bytes) noexcept {
    vfio_irq_set request{};
    request.argsz = static_cast<std::uint32_t>(sizeof request + eventfds.size_bytes());
    request.flags =
        VFIO_IRQ_SET_ACTION_TRIGGER | (eventfds.empty() ? VFIO_IRQ_SET_DATA_NONE : VFIO_IRQ_SET_DATA_EVENTFD);
    request.index = index;
    request.count = static_cast<std::uint32_t>(eventfds.size());
    std::memcpy(bytes.data(), &request, sizeof request);
    if (!eventfds.empty()) std::memcpy(bytes.data() + sizeof request, eventfds.data(), eventfds.size_bytes());
    return ::ioctl(device.fd(), VFIO_DEVICE_SET_IRQS, bytes.data());
}

// At most one; needs no memory, as also a destructor may.
int set_eventfd(const Device& device, unsigned index, std::span<const int> eventfd) noexcept {
    alignas(vfio_irq_set) std::array<std::byte, sizeof(vfio_irq_set) + sizeof(int)> bytes{};
    return set_eventfds(device, index, eventfd, bytes);
}

}  // namespace

Interrupts::Interrupts(const Device& device)
    : device_(device), vectors_(device.interrupt_count(VFIO_PCI_MSIX_IRQ_INDEX)) {
    if (device.interrupt_count(VFIO_PCI_REQ_IRQ_INDEX) == 0) return;
    request_.emplace();
    const int fd = request_->fd();
    if (set_eventfd(device_, VFIO_PCI_REQ_IRQ_INDEX, {&fd, 1}) != 0) request_.reset();
}

Interrupts::~Interrupts() {
    disable();
    if (!request_) return;
    // The only way to disconnect a request interrupt is to give it no eventfd.
    const int none = -1;
    set_eventfd(device_, VFIO_PCI_REQ_IRQ_INDEX, {&none, 1});
}

std::size_t Interrupts::enable(std::span<const int> eventfds) {
    // MSI-X cannot grow while it is on (VFIO_IRQ_INFO_NORESIZE), so it is always off first and then on for all.
    disable();
    if (eventfds.empty()) return 0;
    if (eventfds.size() > vectors_) return vectors_;
    std::vector<std::byte> bytes(sizeof(vfio_irq_set) + eventfds.size_bytes());
    const int result = set_eventfds(device_, VFIO_PCI_MSIX_IRQ_INDEX, eventfds, bytes);
    if (result > 0) return static_cast<std::size_t>(result);  // so many could be had
    if (result < 0 && errno == ENOSPC) return 0;              // not a single one
    if (result < 0)
        support::fail_errno(device_.address() + ": VFIO_DEVICE_SET_IRQS for " + std::to_string(eventfds.size()) +
                            " MSI-X vectors");
    enabled_ = true;
    return eventfds.size();
}

void Interrupts::disable() noexcept {
    if (enabled_) set_eventfd(device_, VFIO_PCI_MSIX_IRQ_INDEX, {});
    enabled_ = false;
}

}  // namespace vmq::vfio
