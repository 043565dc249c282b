// The ping job: polling, or sleeping on DPDK's receive interrupts.
#include <chrono>
#include <cstring>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <utility>

#include "tests/bench/dpdk/eal.hpp"
#include "tests/bench/dpdk/jobs.hpp"

namespace bench {
namespace {

constexpr std::size_t most_samples = 8'000'000;
constexpr std::size_t stamp_offset = 16;
constexpr int wait_ms = 200;  // so that a lost packet cannot hold up the end of a round

class Pinger {
public:
    Pinger(const Options& options, const Port& port, unsigned pair)
        : options_(options), port_(port.id), queue_(static_cast<std::uint16_t>(pair)), pool_(port.pools[pair]) {
        static thread_local bool registered = false;  // epoll's registration outlives a round
        if (!options.sleep || std::exchange(registered, true)) return;
        if (rte_eth_dev_rx_intr_ctl_q(port_, queue_, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, nullptr) != 0)
            fail("rte_eth_dev_rx_intr_ctl_q: this port has no receive interrupts");
    }

    void send(std::uint64_t number) const {
        auto* packet = rte_pktmbuf_alloc(pool_);
        if (packet == nullptr) fail("ping: the pool is empty");
        auto* bytes = rte_pktmbuf_append(packet, static_cast<std::uint16_t>(options_.size));
        std::memcpy(bytes + stamp_offset, &number, sizeof number);
        while (rte_eth_tx_burst(port_, queue_, &packet, 1) == 0) {
        }
    }

    // Until the packet of that number is back; false when the limit came first.
    bool receive(std::uint64_t number, const Limit& limit) const {
        while (!limit.stop.load(std::memory_order_relaxed)) {
            if (poll(number)) return true;
            if (options_.yield) sched_yield();
            if (!options_.sleep) continue;
            rte_eth_dev_rx_intr_enable(port_, queue_);
            const bool came_meanwhile = poll(number);  // the device asked for our wish before we had it
            rte_epoll_event event;
            if (!came_meanwhile) rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, wait_ms);
            rte_eth_dev_rx_intr_disable(port_, queue_);
            if (came_meanwhile) return true;
        }
        return false;
    }

private:
    bool poll(std::uint64_t number) const {
        rte_mbuf* packet = nullptr;
        if (rte_eth_rx_burst(port_, queue_, &packet, 1) == 0) return false;
        std::uint64_t came = 0;
        std::memcpy(&came, rte_pktmbuf_mtod_offset(packet, const char*, stamp_offset), sizeof came);
        rte_pktmbuf_free(packet);
        return came == number;
    }

    const Options& options_;
    std::uint16_t port_;
    std::uint16_t queue_;
    rte_mempool* pool_;
};

}  // namespace

std::uint64_t ping(const Options& options, const Port& port, unsigned pair, const Limit& limit,
                   std::vector<std::uint32_t>& round_trips) {
    using Clock = std::chrono::steady_clock;
    static thread_local std::uint64_t number = 0;
    const Pinger pinger(options, port, pair);
    round_trips.reserve(most_samples);
    while (limit.goes_on(round_trips.size()) && round_trips.size() < most_samples) {
        ++number;
        const auto begin = Clock::now();
        pinger.send(number);
        if (!pinger.receive(number, limit)) break;
        round_trips.push_back(static_cast<std::uint32_t>((Clock::now() - begin).count()));
    }
    return round_trips.size();
}

}  // namespace bench
