// What a frontend tells a backend.
#include "driver/vhost/command.hpp"

#include <cassert>
#include <cstring>

namespace vmq::vhost {

namespace {

template <typename Payload>
std::vector<std::byte> bytes_of(const Payload& payload, std::size_t size = sizeof(Payload)) {
    const auto bytes = std::as_bytes(std::span{&payload, 1});
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

Command with_state(Request request, unsigned vring, std::uint32_t number) {
    return {request, bytes_of(VringState{vring, number})};
}

Command with_eventfd(Request request, unsigned vring, int fd) {
    if (fd < 0) return with_number(request, vring | no_descriptor);
    Command command = with_number(request, vring);
    command.descriptors.push_back(fd);
    return command;
}

// A fresh ring. Packed: both positions 0 with their wrap counters 1, in bit 15 and bit 31.
std::uint32_t ring_start(bool packed) { return packed ? 0x8000'8000 : 0; }

}  // namespace

Command with_number(Request request, std::uint64_t number) { return {request, bytes_of(number)}; }

Command set_mem_table(std::span<const SharedRegion> regions) {
    assert(regions.size() <= max_regions);
    MemoryTable table{};
    Command command{Request::set_mem_table};
    for (const SharedRegion& region : regions) {
        table.regions[table.count++] = region.region;
        command.descriptors.push_back(region.fd);
    }
    command.payload = bytes_of(table, offsetof(MemoryTable, regions) + regions.size() * sizeof(MemoryRegion));
    return command;
}

Command add_mem_reg(const SharedRegion& region) {
    return {Request::add_mem_reg, bytes_of(SingleRegion{0, region.region}), {region.fd}};
}

Command set_vring_enable(unsigned vring, bool enabled) {
    return with_state(Request::set_vring_enable, vring, enabled ? 1 : 0);
}

std::vector<Command> set_vring(const virtio::QueueConfig& config, unsigned vring, bool packed, int kick, int call) {
    // Without ACCESS_PLATFORM these are addresses of this process. So are the I/O addresses of SharedMemory.
    const VringAddress address{.index = vring,
                               .flags = 0,
                               .descriptor = config.descriptor_area.value,
                               .used = config.device_area.value,
                               .available = config.driver_area.value,
                               .log = 0};
    return {with_state(Request::set_vring_num, vring, config.size),
            with_state(Request::set_vring_base, vring, ring_start(packed)),
            {Request::set_vring_addr, bytes_of(address)},
            with_eventfd(Request::set_vring_call, vring, call),
            with_eventfd(Request::set_vring_kick, vring, kick)};
}

}  // namespace vmq::vhost
