// A device that answers what its input says.
#include "tests/fuzz/targets/hostile_transport.hpp"

#include <algorithm>
#include <cerrno>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "tests/fuzz/targets/hostile_memory.hpp"

namespace vmq::fuzz {
namespace {

constexpr std::size_t most_memory = std::size_t{1} << 20;

}  // namespace

HostileTransport::HostileTransport(Input& input) : input_(input), control_(input) {
    features_ = virtio::FeatureSet{input.u64()};
    const std::uint8_t kind = input.u8();
    is_legacy_ = (kind & 1) != 0;
    is_modern_enough_ = (kind & 2) != 0;
    has_control_queue_ = (kind & 4) != 0;
    // Few, so that no input takes long: the driver makes rings for all pairs.
    queue_count_ = kind / 16;
    vectors_ = input.below(40);
    std::ranges::copy(input.bytes(input.below(1 + static_cast<unsigned>(config_.size()))), config_.begin());
    if (is_legacy_) features_ = virtio::FeatureSet{features_.bits() & 0xffff'ffff};
}

std::uint8_t HostileTransport::status() {
    const std::uint8_t said = input_.u8();
    return said < 0xe0 ? status_ : static_cast<std::uint8_t>(said << 3);
}

void HostileTransport::reset() {
    if (!agrees()) support::fail(Errc::device_timeout, "resetting " + name_);
    status_ = 0;
}

std::uint16_t HostileTransport::max_queue_size(virtio::QueueIndex queue) {
    const std::uint8_t said = input_.u8();
    if (queue.value >= queue_count_) return 0;
    return said < 0xf0 ? static_cast<std::uint16_t>(1U << said % 5) : static_cast<std::uint16_t>(said * 0x1111U);
}

std::size_t HostileTransport::enable_vectors(std::span<const int> eventfds) {
    return agrees() ? eventfds.size() : eventfds.size() / 2;
}

void HostileTransport::read_config(std::size_t offset, std::span<std::byte> bytes) {
    if (offset > config_.size() || bytes.size() > config_.size() - offset)
        support::fail(Errc::bad_device, "reading the configuration of " + name_);
    std::copy_n(config_.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
    if (!agrees()) std::ranges::copy(input_.bytes(bytes.size()), bytes.begin());
}

// Longer packets than usual take so much memory that little else would be tried.
virtio::DmaBlock HostileTransport::allocate(std::size_t size, int) {
    if (size > most_memory) support::fail({ENOMEM, std::generic_category()}, "allocating for " + name_);
    return Memory{size}.block();
}

void HostileTransport::Control::carry_out(virtio::ControlClass, std::uint8_t, std::span<const std::byte>,
                                          std::chrono::milliseconds, const std::string& what,
                                          std::span<std::byte> result) {
    const std::uint8_t said = input_.u8();
    if (said >= 0xf8) support::fail(Errc::device_timeout, what);
    if (said >= 0xf0) support::fail(Errc::device_refused, what);
    std::ranges::copy(input_.bytes(result.size()), result.begin());
}

}  // namespace vmq::fuzz
