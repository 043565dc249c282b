// Queue pairs with devices that behave, and that break each of the rules.
#include <initializer_list>

#include "tests/fuzz/harness/script.hpp"
#include "tests/fuzz/harness/seeds.hpp"

namespace vmq::fuzz {
namespace {

// The bits of a pair's form.
namespace form {
constexpr unsigned mergeable = 1;
constexpr unsigned indirect = 2;
constexpr unsigned in_order = 4;
constexpr unsigned event_idx = 8;
constexpr unsigned hash = 16;
constexpr unsigned legacy = 32;
constexpr unsigned apart = 64;
constexpr unsigned checksum = 128;
}  // namespace form

// The steps, as the target reads them.
class Steps {
public:
    explicit Steps(unsigned bits, unsigned routines = 0) { script_.u8(routines).u16(bits).u8(1).u8(30); }

    Steps& receive(unsigned most = 32) { return application(0, most); }
    Steps& lay_aside() { return application(1, 1); }
    Steps& drop() { return application(2, 1); }
    Steps& send(unsigned count, unsigned length) {
        application(3, count);
        script_.u8(length);
        return *this;
    }
    Steps& forward() { return application(4, 1); }
    Steps& forward_with_requests() { return application(5, 1); }
    Steps& wait() { return application(6, 1); }
    Steps& reset_device() { return application(7, 1); }
    Steps& reset_receiveq() { return application(7, 2); }

    // `count` buffers, of which each time the one at `which` comes first.
    Steps& deliver(unsigned count, unsigned length, unsigned buffers = 1, unsigned which = 0) {
        script_.u8(2).u8((count - 1) * 16 + which).u16(length);
        script_.u8(12).u32(0).u32(0).u16(0).u16(buffers);
        return *this;
    }
    Steps& complete(unsigned count, unsigned which = 0) {
        script_.u8(3).u8((count - 1) * 16 + which);
        return *this;
    }
    Steps& use(unsigned queue, unsigned id, unsigned length) {
        script_.u8(4 + 8 * queue).u8(id).u16(length);
        return *this;
    }
    Steps& move_used(unsigned queue, unsigned by) {
        script_.u8(5 + 8 * queue).u8(by);
        return *this;
    }
    Steps& scribble(unsigned queue, unsigned offset) {
        script_.u8(6 + 8 * queue).u16(offset).u8(3).u32(0xffff'ffff);
        return *this;
    }
    Steps& scribble_on_packets(unsigned offset) {
        script_.u8(7).u16(offset).u8(3).u32(0xffff'ffff);
        return *this;
    }
    [[nodiscard]] std::vector<std::byte> take() { return script_.take(); }

private:
    Steps& application(unsigned what, unsigned amount) {
        script_.u8(0).u8(what + 8 * (amount - 1));
        return *this;
    }
    Script script_;
};

std::vector<Seed> good_devices() {
    return {
        {"receive", Steps(0).deliver(4, 72).receive().take(), 4},
        {"receive-out-of-order", Steps(0).deliver(4, 72, 1, 3).receive().take(), 4},
        {"receive-hash", Steps(form::hash).deliver(4, 80).receive().take(), 4},
        {"receive-merged", Steps(form::mergeable).deliver(4, 72, 2).receive().take(), 2},
        {"forward", Steps(0).deliver(4, 72).receive().forward().complete(4).send(8, 60).wait().take(), 8},
        {"forward-merged",
         Steps(form::mergeable | form::indirect).deliver(4, 72, 2).receive().forward().complete(2).send(8, 9).take(),
         4},
        {"in-order", Steps(form::in_order).deliver(4, 72).receive().forward().complete(4).send(8, 60).take(), 8},
        {"event-idx", Steps(form::event_idx).deliver(4, 72).receive().wait().deliver(4, 72).receive().take(), 8},
        {"requests", Steps(form::checksum).deliver(2, 72).receive().forward_with_requests().complete(2).take(), 2},
        {"laid-aside", Steps(0).deliver(2, 72).receive().lay_aside().deliver(2, 72).receive().drop().take(), 4},
        {"resets",
         Steps(0).deliver(4, 72).reset_receiveq().receive().send(4, 60).reset_device().deliver(2, 72).receive().take(),
         6}};
}

// Each breaks a rule; what it broke is mended at the end of every input.
std::vector<Seed> bad_devices() {
    return {{"id-not-outstanding", Steps(0).use(0, 3, 72).use(0, 3, 72).receive().take(), 1},
            {"id-too-large", Steps(0).use(0, 200, 72).receive().take(), 0},
            {"transmit-id-too-large", Steps(0).use(1, 200, 0).send(8, 60).send(8, 60).take(), 0},
            {"length-too-large", Steps(0).deliver(2, 60'000).receive().take(), 0},
            {"length-too-short", Steps(0).deliver(2, 12).deliver(2, 3).receive().take(), 0},
            {"no-buffers", Steps(form::mergeable).deliver(2, 72, 0).receive().take(), 0},
            {"too-many-buffers", Steps(form::mergeable).deliver(2, 72, 1000).receive().take(), 0},
            {"tail-missing", Steps(form::mergeable).deliver(2, 72, 3).receive().deliver(1, 72).receive().take(), 1},
            {"index-jumps", Steps(0).move_used(0, 100).receive().take(), 0},
            {"index-goes-back", Steps(0).deliver(2, 72).receive().move_used(0, 0xff).receive().take(), 2},
            {"scribble",
             Steps(0).scribble(0, 0).scribble(1, 8).scribble_on_packets(120).deliver(2, 72).receive().take(), 2}};
}

std::vector<Seed> ring_seeds() {
    std::vector<Seed> seeds = good_devices();
    for (Seed& seed : bad_devices()) seeds.push_back(std::move(seed));
    return seeds;
}

}  // namespace

std::vector<Seed> packed_ring_seeds() { return ring_seeds(); }

std::vector<Seed> split_ring_seeds() {
    std::vector<Seed> seeds = ring_seeds();
    seeds.push_back({"legacy", Steps(form::legacy).deliver(2, 72).receive().forward().complete(2).take(), 2});
    seeds.push_back(
        {"legacy-apart", Steps(form::legacy | form::apart).deliver(2, 72).receive().forward().complete(2).take(), 2});
    return seeds;
}

}  // namespace vmq::fuzz
