// The jobs, written for DPDK's best: buffers are taken from and given back to the pool in bulk, without the resets
// that rte_pktmbuf_alloc_bulk and rte_pktmbuf_free_bulk make; what a reset would restore is never changed here.
#include "tests/bench/dpdk/jobs.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <tmmintrin.h>

namespace bench {
namespace {

struct Lane {
    std::uint16_t port;
    std::uint16_t queue;
    rte_mempool* pool;
    unsigned burst;
    unsigned size;
    bool yield;

    void idle() const noexcept {
        if (yield) sched_yield();
    }
    std::uint16_t receive(rte_mbuf** packets) const noexcept {
        return rte_eth_rx_burst(port, queue, packets, static_cast<std::uint16_t>(burst));
    }
    unsigned send(rte_mbuf** packets, unsigned count) const noexcept {
        return rte_eth_tx_burst(port, queue, packets, static_cast<std::uint16_t>(count));
    }
    void give_back(rte_mbuf** packets, unsigned count) const noexcept {
        rte_mempool_put_bulk(pool, reinterpret_cast<void**>(packets), count);
    }
    // Appends `count` empty packets, `size` bytes long, the bytes as they were.
    unsigned take(rte_mbuf** packets, unsigned count) const noexcept {
        if (rte_mempool_get_bulk(pool, reinterpret_cast<void**>(packets), count) != 0) return 0;
        for (unsigned i = 0; i < count; ++i) {
            packets[i]->data_len = static_cast<std::uint16_t>(size);
            packets[i]->pkt_len = size;
        }
        return count;
    }
};

std::uint64_t send(const Lane& lane, const Limit& limit) {
    rte_mbuf* packets[max_burst];
    unsigned held = 0;
    std::uint64_t sent = 0;
    while (limit.goes_on(sent)) {
        if (held < lane.burst) held += lane.take(packets + held, lane.burst - held);
        const unsigned taken = lane.send(packets, held);
        if (taken == 0) lane.idle();
        held -= taken;
        if (held != 0 && taken != 0) std::memmove(packets, packets + taken, held * sizeof *packets);
        sent += taken;
    }
    lane.give_back(packets, held);
    return sent;
}

std::uint64_t receive(const Lane& lane, const Limit& limit) {
    rte_mbuf* packets[max_burst];
    std::uint64_t received = 0;
    std::uint64_t sum = 0;
    while (limit.goes_on(received)) {
        const unsigned count = lane.receive(packets);
        if (count == 0) {
            lane.idle();
            continue;
        }
        for (unsigned i = 0; i < count; ++i) sum += *rte_pktmbuf_mtod(packets[i], const std::uint64_t*);
        lane.give_back(packets, count);
        received += count;
    }
    asm volatile("" : : "r"(sum));  // the bytes have been read
    return received;
}

void swap_addresses(rte_mbuf& packet) {
    auto* bytes = rte_pktmbuf_mtod(&packet, __m128i*);
    const auto order = _mm_set_epi8(15, 14, 13, 12, 5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6);
    _mm_storeu_si128(bytes, _mm_shuffle_epi8(_mm_loadu_si128(bytes), order));
}

std::uint64_t forward(const Lane& lane, const Limit& limit) {
    rte_mbuf* packets[max_burst];
    std::uint64_t forwarded = 0;
    while (limit.goes_on(forwarded)) {
        const unsigned count = lane.receive(packets);
        if (count == 0) lane.idle();
        for (unsigned i = 0; i < count; ++i) swap_addresses(*packets[i]);
        unsigned sent = 0;
        while (sent < count && !limit.stop.load(std::memory_order_relaxed)) {
            const unsigned taken = lane.send(packets + sent, count - sent);
            if (taken == 0) lane.idle();
            sent += taken;
        }
        if (sent < count) lane.give_back(packets + sent, count - sent);
        forwarded += sent;
    }
    return forwarded;
}

}  // namespace

Outcome run_job(const Options& options, const Port& port, unsigned pair, const Limit& limit) {
    const Lane lane{port.id,      static_cast<std::uint16_t>(pair), port.pools[pair], options.burst, options.size,
                    options.yield};
    Outcome outcome;
    const auto begin = std::chrono::steady_clock::now();
    switch (options.job) {
        case Job::send:
            outcome.packets = send(lane, limit);
            break;
        case Job::receive:
            outcome.packets = receive(lane, limit);
            break;
        case Job::forward:
            outcome.packets = forward(lane, limit);
            break;
        case Job::ping:
            outcome.packets = ping(options, port, pair, limit, outcome.round_trips);
            break;
    }
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return outcome;
}

}  // namespace bench
