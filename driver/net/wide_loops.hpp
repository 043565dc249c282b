// The loops of the wide routines, included by one source for each instruction set once it has defined
//     VMQ_WIDE_TARGET            the attribute that allows the instructions
//     Words                      eight words of 64 bits: for each of four packets an even and an odd one
//     Quads                      four words of 32 bits, one for each
// and, on these, what is called below. Everything lies in unnamed namespaces, so that no linker takes a function for
// another processor.
//
// The handles of a group are d0 b0 s0 d1 b1 s1 d2 b2 s2 d3 b3 s3, where d is the data's address, b the buffer and s the
// shape; its refs are d0 b0 d1 b1 d2 b2 d3 b3, and its descriptors, in either ring, d0 s0 d1 s1 d2 s2 d3 s3 once the
// addresses and shapes have been moved by constants.
#include <atomic>
#include <cstring>

#include "driver/net/packet_access.hpp"
#include "driver/net/wide.hpp"
#include "driver/net/wide_quads.hpp"

namespace vmq::net::wide {
namespace {

inline bool has_form(const Packet* four, std::uint32_t form) noexcept {
    return PacketAccess::form(four[0]) == form && PacketAccess::form(four[1]) == form &&
           PacketAccess::form(four[2]) == form && PacketAccess::form(four[3]) == form;
}

VMQ_WIDE_TARGET inline void clear_headers(const Packet* four) noexcept {
    if (headers_are_clear(
            PacketAccess::data(four[0]) - plain_header_size, PacketAccess::data(four[1]) - plain_header_size,
            PacketAccess::data(four[2]) - plain_header_size, PacketAccess::data(four[3]) - plain_header_size))
        return;
    for (std::size_t i = 0; i < group; ++i)
        std::memset(PacketAccess::data(four[i]) - plain_header_size, 0, plain_header_size);
}

// num_buffers of the packet in this buffer, 0 for the usual 1.
inline unsigned further_buffers(const BufferRef& ref) noexcept {
    std::uint16_t num_buffers;
    std::memcpy(&num_buffers, ref.data - sizeof num_buffers, sizeof num_buffers);
    return num_buffers ^ 1u;
}

VMQ_WIDE_TARGET std::size_t make(Packet* packets, const BufferRef* refs, std::size_t count,
                                 std::uint64_t shape) noexcept {
    const Words shapes = alternating(0, shape);
    std::size_t done = 0;
    for (; count - done >= group; done += group) store_handles(packets + done, load(refs + done), shapes);
    return done;
}

VMQ_WIDE_TARGET std::size_t give(BufferRef* refs, const Packet* packets, std::size_t count,
                                 std::uint32_t form) noexcept {
    std::size_t done = 0;
    for (; count - done >= group && has_form(packets + done, form); done += group)
        store(refs + done, load_refs(packets + done));
    return done;
}

VMQ_WIDE_TARGET Moved stage(virtio::RawDescriptors at, BufferRef* slots, const Packet* packets, std::size_t count,
                            const Staging& staging) noexcept {
    const Words shortest = alternating(0, staging.shortest);
    const Words shapes = limit(staging.shapes);
    // Takes the form out of a shape and puts flags and id in its place.
    const std::uint64_t to_word = at.word + plain_header_size - (staging.shortest - 1);
    Words change = add(alternating(staging.to_header, to_word), steps(at.step));
    Words to_descriptors = add(change, first_odd(at.hide));
    const Words next_group = alternating(0, group * at.step);
    Words sum = alternating(0, 0);
    std::size_t done = 0;
    for (; count - done >= group; done += group) {
        const Words words = load_addresses_and_shapes(packets + done);
        const Words over = sub(words, shortest);
        if (!odd_below(over, shapes)) break;
        clear_headers(packets + done);
        store(at.first + done * 16, add(words, to_descriptors));
        store(slots + done, load_refs(packets + done));
        to_descriptors = change = add(change, next_group);
        sum = add(sum, over);
    }
    return {done, sum_of_odd(sum) + done};
}

VMQ_WIDE_TARGET std::size_t post(virtio::RawDescriptors at, BufferRef* slots, const BufferRef* refs, std::size_t count,
                                 std::uint64_t to_header) noexcept {
    const Words addresses = alternating(to_header, 0);
    Words words = add(alternating(0, at.word), steps(at.step));
    Words seconds = add(words, first_odd(at.hide));
    const Words next_group = alternating(0, group * at.step);
    std::size_t done = 0;
    for (; count - done >= group; done += group) {
        const Words four = load(refs + done);
        if (!at.lasting || !is_same(load(slots + done), four)) {
            store(slots + done, four);
            store(at.first + done * 16, even_and_odd(add(four, addresses), seconds));
        }
        seconds = words = add(words, next_group);
    }
    return done;
}

// Four used elements as words of length in the lower and id (and flags) in the upper half, at the odd places.
VMQ_WIDE_TARGET inline Words load_used(const virtio::RawUsed& used, std::size_t index) noexcept {
    const Words words = used.packed ? load(used.first + index * 16) : load_id_and_length(used.first + index * 8);
    // Once, and before whatever the buffers hold; the processor itself keeps loads in order.
    std::atomic_signal_fence(std::memory_order_acq_rel);
    return words;
}

VMQ_WIDE_TARGET Moved take(virtio::RawUsed used, const BufferRef* slots, Packet* packets, std::size_t count,
                           const Taking& taking) noexcept {
    const Words matters = alternating(0, std::uint64_t{used.mask} << 32 | 0xffffffff);
    const std::uint64_t shortest = std::uint64_t{used.expected} << 32 | (plain_header_size + 1);
    Words expected = add(alternating(0, shortest), steps(std::uint64_t{1} << 32));
    const Words next_group = alternating(0, std::uint64_t{group} << 32);
    const Words lengths = limit(taking.longest);
    const Words to_shape = alternating(0, taking.whole + 1);
    Words sum = alternating(0, 0);
    std::size_t done = 0;
    for (; count - done >= group; done += group) {
        const Words over = sub(both(load_used(used, done), matters), expected);
        // In a packed ring this also tells what is used.
        if ((virtio::device_is_checked || used.packed) && !odd_below(over, lengths)) break;
        const BufferRef* const four = slots + done;
        if (taking.mergeable && (further_buffers(four[0]) | further_buffers(four[1]) | further_buffers(four[2]) |
                                 further_buffers(four[3])) != 0)
            break;
        store_handles(packets + done, load(four), add(over, to_shape));
        expected = add(expected, next_group);
        sum = add(sum, over);
    }
    return {done, sum_of_odd(sum) + done};
}

VMQ_WIDE_TARGET std::size_t check(virtio::RawUsed used, std::size_t count) noexcept {
    const Quads matters = repeated(used.mask);
    Quads expected = counting(used.expected);
    const Quads next_group = repeated(group);
    std::size_t done = 0;
    if (used.packed) {
        for (; count - done >= group; done += group) {
            if (!is_same(both(upper_halves(used.first + done * 16), matters), expected)) break;
            expected = add(expected, next_group);
        }
    } else {
        for (; count - done >= group; done += group) {
            if (!is_same(lower_halves(used.first + done * 8), expected)) break;
            expected = add(expected, next_group);
        }
    }
    return done;
}

constexpr Routines loops{make, give, stage, post, take, check};

}  // namespace
}  // namespace vmq::net::wide
