// vmq_bench_dpdk_vhost: DPDK's vhost library as a backend that does no more than the benchmark asks of it. Listens on
// the socket until it is ended, and serves one frontend after another.
#include <array>
#include <atomic>
#include <chrono>
#include <iostream>
#include <rte_mbuf.h>
#include <rte_vhost.h>
#include <sched.h>
#include <signal.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/bench/dpdk/eal.hpp"
#include "tests/bench/dpdk/frames.hpp"

namespace {

using namespace bench;

constexpr std::uint16_t burst = 32;
constexpr unsigned buffers = 2047;
constexpr int nobody = -1;
// VIRTIO 1.3, 5.1.3 and 6.
constexpr std::uint64_t mrg_rxbuf = 1ULL << 15;
constexpr std::uint64_t ring_packed = 1ULL << 34;
constexpr std::uint64_t in_order = 1ULL << 35;

std::atomic<int> frontend = nobody;
std::atomic<bool> ending = false;

// Counts the rounds of each worker, so that a frontend's memory is given back only when nobody looks at it any more.
struct alignas(64) Rounds {
    std::atomic<std::uint64_t> count = 0;
};
std::array<Rounds, 8> rounds;
unsigned workers = 0;

int appeared(int device) {
    const int queues = rte_vhost_get_vring_num(device);
    for (int queue = 0; queue < queues; ++queue)
        rte_vhost_enable_guest_notification(device, static_cast<std::uint16_t>(queue), 0);
    frontend.store(device, std::memory_order_release);
    return 0;
}

void disappeared(int) {
    frontend.store(nobody, std::memory_order_seq_cst);
    for (unsigned worker = 0; worker < workers; ++worker) {
        const auto before = rounds[worker].count.load(std::memory_order_acquire);
        while (rounds[worker].count.load(std::memory_order_acquire) < before + 2 && !ending) std::this_thread::yield();
    }
}

class Worker {
public:
    Worker(const Options& options, unsigned pair, rte_mempool* pool)
        : options_(options),
          rounds_(rounds[pair]),
          pool_(pool),
          to_driver_(static_cast<std::uint16_t>(2 * pair)),
          from_driver_(static_cast<std::uint16_t>(2 * pair + 1)) {
        if (rte_pktmbuf_alloc_bulk(pool, flood_.data(), burst) != 0) fail("the pool is empty");
        for (auto* packet : flood_) rte_pktmbuf_append(packet, static_cast<std::uint16_t>(options.size));
    }

    void run() {
        while (!ending.load(std::memory_order_relaxed)) {
            rounds_.count.store(rounds_.count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
            const int device = frontend.load(std::memory_order_acquire);
            const unsigned moved = device == nobody ? 0 : serve(device);
            if (device == nobody)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            else if (moved == 0 && options_.yield)
                sched_yield();
        }
    }

private:
    unsigned serve(int device) {
        unsigned moved = 0;
        // The same packets again and again: enqueueing copies them and does not take them.
        if (options_.mode == Mode::flood || options_.mode == Mode::both)
            moved = rte_vhost_enqueue_burst(device, to_driver_, flood_.data(), burst);
        if (options_.mode == Mode::flood) return moved;
        std::array<rte_mbuf*, burst> packets;
        const auto count = rte_vhost_dequeue_burst(device, from_driver_, pool_, packets.data(), burst);
        if (count == 0) return moved;
        if (options_.mode == Mode::forward) rte_vhost_enqueue_burst(device, to_driver_, packets.data(), count);
        rte_pktmbuf_free_bulk(packets.data(), count);
        return moved + count;
    }

    const Options& options_;
    Rounds& rounds_;
    rte_mempool* pool_;
    std::uint16_t to_driver_;
    std::uint16_t from_driver_;
    std::array<rte_mbuf*, burst> flood_{};
};

void listen(const Options& options) {
    static const rte_vhost_device_ops operations = [] {
        rte_vhost_device_ops made{};
        made.new_device = appeared;
        made.destroy_device = disappeared;
        return made;
    }();
    const char* path = options.socket.c_str();
    unlink(path);
    if (rte_vhost_driver_register(path, 0) != 0) fail("rte_vhost_driver_register " + options.socket);
    std::uint64_t refused = 0;
    if (!options.packed) refused |= ring_packed;
    if (!options.in_order) refused |= in_order;
    if (!options.mergeable) refused |= mrg_rxbuf;
    if (rte_vhost_driver_disable_features(path, refused) != 0) fail("rte_vhost_driver_disable_features");
    if (rte_vhost_driver_callback_register(path, &operations) != 0) fail("rte_vhost_driver_callback_register");
    if (rte_vhost_driver_start(path) != 0) fail("rte_vhost_driver_start " + options.socket);
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse_options(argc, argv);
    workers = options.pairs;
    sigset_t signals;  // every thread inherits the mask, so that only sigwait sees them
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    start_eal(options, "");
    std::vector<rte_mempool*> pools;
    for (unsigned pair = 0; pair < options.pairs; ++pair) pools.push_back(make_pool(pair, buffers, options.size));
    start_on_lcores(options.pairs, [&](unsigned pair) { Worker(options, pair, pools[pair]).run(); });
    listen(options);
    std::cout << "ready {}" << std::endl;
    int number = 0;
    sigwait(&signals, &number);
    ending = true;
    finish_on_lcores(options.pairs);
    unlink(options.socket.c_str());
    _exit(0);
}
