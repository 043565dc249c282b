// The inner loops.
#include "tests/bench/jobs/jobs.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <sched.h>

namespace vmq::bench {
namespace {

void idle(const JobOptions& options) noexcept {
    if (options.yield) ::sched_yield();
}

std::size_t next_burst(const JobOptions& options, std::uint64_t left) noexcept {
    return static_cast<std::size_t>(std::min<std::uint64_t>(options.burst, left));
}

// Source and destination are the first twelve bytes: one load, one shuffle, one store.
void swap_mac_addresses(std::byte* bytes) noexcept {
    using Bytes = std::uint8_t __attribute__((vector_size(16)));
    Bytes head;
    std::memcpy(&head, bytes, sizeof head);
    head = __builtin_shufflevector(head, head, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15);
    std::memcpy(bytes, &head, sizeof head);
}

}  // namespace

std::uint64_t send(Lane& lane, const JobOptions& options, const Limit& limit) noexcept {
    std::uint64_t sent = 0;
    while (const std::uint64_t left = limit.left(sent)) {
        const std::size_t burst = next_burst(options, left);
        if (lane.batch.size() < burst) lane.pair.allocate(lane.batch, burst - lane.batch.size(), options.size);
        const std::size_t taken = lane.pair.send(lane.batch);
        if (taken == 0) idle(options);
        sent += taken;
    }
    return sent;
}

std::uint64_t receive(Lane& lane, const JobOptions& options, const Limit& limit) noexcept {
    std::uint64_t received = 0;
    std::uint64_t sum = 0;
    while (const std::uint64_t left = limit.left(received)) {
        const std::size_t count = lane.pair.recv(lane.batch, next_burst(options, left));
        if (count == 0) idle(options);
        for (Packet& packet : lane.batch) {
            std::uint64_t head = 0;
            std::memcpy(&head, packet.bytes().data(), sizeof head);
            sum += head;
        }
        received += count;
    }
    asm volatile("" : : "r"(sum));  // the bytes have been read
    return received;
}

std::uint64_t forward(Lane& lane, const JobOptions& options, const Limit& limit) noexcept {
    std::uint64_t forwarded = 0;
    for (;;) {
        while (!lane.batch.empty()) {  // some may be left of the round before
            const std::size_t taken = lane.pair.send(lane.batch);
            forwarded += taken;
            if (taken != 0) continue;
            if (limit.left(forwarded) == 0) return forwarded;
            idle(options);
        }
        const std::uint64_t left = limit.left(forwarded);
        if (left == 0) return forwarded;
        if (lane.pair.recv(lane.batch, next_burst(options, left)) == 0) idle(options);
        for (Packet& packet : lane.batch) swap_mac_addresses(packet.bytes().data());
    }
}

namespace {

constexpr std::size_t most_samples = 8'000'000;
constexpr std::size_t number_offset = 16;
constexpr std::chrono::milliseconds longest_sleep{200};  // so that a lost packet cannot hold up the end of a round

// Until the packet of that number is back; false when the limit came first.
bool await(Lane& lane, const JobOptions& options, const Limit& limit, std::uint64_t done) {
    while (limit.left(done) != 0) {
        if (lane.pair.recv(lane.batch, 1) == 0) {
            if (options.sleep) lane.pair.wait(longest_sleep);
            idle(options);
            continue;
        }
        std::uint64_t came = 0;
        std::memcpy(&came, lane.batch[0].bytes().data() + number_offset, sizeof came);
        lane.pair.recycle(lane.batch);
        if (came == lane.ping_number) return true;
    }
    return false;
}

}  // namespace

std::uint64_t ping(Lane& lane, const JobOptions& options, const Limit& limit, std::vector<std::uint32_t>& round_trips) {
    using Clock = std::chrono::steady_clock;
    round_trips.reserve(most_samples);
    while (limit.left(round_trips.size()) != 0 && round_trips.size() < most_samples) {
        ++lane.ping_number;
        const auto begin = Clock::now();
        if (lane.pair.allocate(lane.batch, 1, options.size) == 0) break;
        std::memcpy(lane.batch[0].bytes().data() + number_offset, &lane.ping_number, sizeof lane.ping_number);
        while (lane.pair.send(lane.batch) == 0 && limit.left(round_trips.size()) != 0) idle(options);
        if (!await(lane, options, limit, round_trips.size())) break;
        round_trips.push_back(static_cast<std::uint32_t>((Clock::now() - begin).count()));
    }
    lane.pair.recycle(lane.batch);
    return round_trips.size();
}

}  // namespace vmq::bench
