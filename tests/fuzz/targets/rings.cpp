// A queue pair on rings into which the device writes what it likes, between the calls of an application that receives,
// sends and forwards. VIRTIO 1.3, 2.7, 2.8 and 5.1.6.
#include <array>
#include <utility>

#include "driver/net/wide.hpp"
#include "tests/fuzz/harness/targets.hpp"
#include "tests/fuzz/targets/hostile_pair.hpp"

namespace vmq::fuzz {
namespace {

using virtio::Feature;

// The first bytes of an input.
PairForm read_form(Input& input, bool packed) {
    PairForm form;
    const std::uint16_t bits = input.u16();
    const auto bit = [bits](unsigned i) { return (bits >> i & 1) != 0; };
    form.mergeable = bit(0);
    form.indirect = bit(1);
    form.format = {.packed = packed, .in_order = bit(2), .event_idx = bit(3)};
    if (bit(4)) form.header.size = net::hash_header_size;
    if (bit(5) && !packed) {  // 5.1.6.1: a legacy device
        form.format.legacy = true;
        form.format.in_order = false;
        form.indirect = form.indirect && !bit(6);
        form.mergeable = form.mergeable && !bit(6);
        form.header = {form.mergeable ? net::plain_header_size : net::legacy_header_size, bit(6)};
    }
    for (const auto& [feature, place] :
         {std::pair{Feature::csum, 7U}, std::pair{Feature::host_tso4, 8U}, std::pair{Feature::host_uso, 9U}})
        if (bit(place)) form.features.add(feature);
    if (bit(10)) form.max_packet_bytes = 65'550;
    const std::uint8_t sizes = input.u8();
    constexpr std::array<std::uint16_t, 8> ring_sizes{4, 8, 4, 8, 2, 16, 8, 32};
    form.ring_size = ring_sizes[sizes % ring_sizes.size()];
    form.buffer_size = 192 + 64 * (sizes >> 6);
    form.buffers = form.ring_size + 2U + input.below(32);
    return form;
}

std::uint32_t read_length(Input& input) {
    const std::uint16_t length = input.u16();
    return length == 0xffff ? input.u32() : length;
}

void application_step(HostilePair& pair, Input& input) {
    const std::uint8_t what = input.u8();
    const std::size_t amount = 1 + what / 8 % 32;
    switch (what % 8) {
        case 0:
            return pair.receive(amount);
        case 1:
            return pair.lay_aside();
        case 2:
            return pair.drop();
        case 3:
            return pair.send(amount, input.u8());
        case 4:
            return pair.forward(false);
        case 5:
            return pair.forward(true);
        case 6:
            return pair.wait();
        default:
            return amount == 1 ? pair.reset_device() : pair.reset_receiveq();
    }
}

void deliver(HostilePair& pair, Input& input) {
    const std::uint8_t which = input.u8();
    const std::uint32_t length = read_length(input);
    const auto header = input.bytes(input.below(64));
    for (unsigned i = 0; i <= which / 16U; ++i) pair.deliver(which % 16, length, header);
}

void complete(HostilePair& pair, Input& input) {
    const std::uint8_t which = input.u8();
    for (unsigned i = 0; i <= which / 16U; ++i) pair.complete(which % 16, which);
}

void device_step(HostilePair& pair, Input& input, std::uint8_t what) {
    HostileQueue& queue = what / 8 % 2 == 0 ? pair.receiveq() : pair.transmitq();
    switch (what % 8) {
        case 2:
            return deliver(pair, input);
        case 3:
            return complete(pair, input);
        case 4: {
            const std::uint32_t id = what / 16 % 2 == 0 ? input.u8() : input.u32();
            return queue.use(id, read_length(input), 1 + what / 32);
        }
        case 5:
            return queue.move_used(input.number<std::int8_t>());
        case 6:
            return queue.scribble(input);
        default:
            return pair.scribble_on_packets(input);
    }
}

// The pair's wide routines: those of this processor, of a lesser one, or none.
class Routines {
public:
    explicit Routines(unsigned which) noexcept {
        if (which == 1) net::wide::choose(net::wide::with_avx2());
        if (which == 2) net::wide::choose(nullptr);
    }
    ~Routines() { net::wide::choose(before_); }
    Routines(const Routines&) = delete;
    Routines& operator=(const Routines&) = delete;

private:
    const net::wide::Routines* before_ = net::wide::routines();
};

std::size_t run(std::span<const std::byte> bytes, bool packed) {
    Input input{bytes};
    const Routines routines{input.below(3)};
    HostilePair pair{read_form(input, packed)};
    while (!input.empty()) {
        const std::uint8_t what = input.u8();
        what % 8 < 2 ? application_step(pair, input) : device_step(pair, input, what);
    }
    const auto through = static_cast<std::size_t>(pair.packets());
    pair.recover();
    pair.close();
    return through;
}

}  // namespace

std::size_t split_ring(std::span<const std::byte> bytes) { return run(bytes, false); }

std::size_t packed_ring(std::span<const std::byte> bytes) { return run(bytes, true); }

}  // namespace vmq::fuzz
