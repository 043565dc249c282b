// The virtio_user port of the frontend.
#include "tests/bench/dpdk/port.hpp"

#include <dlfcn.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "tests/bench/dpdk/eal.hpp"
#include "tests/bench/dpdk/frames.hpp"

namespace bench {
namespace {

constexpr unsigned buffers_per_pair = 2047;

void check(int result, const char* operation) {
    if (result != 0) fail(std::string(operation) + ": " + rte_strerror(result < 0 ? -result : result));
}

std::string name_of(void* function) {
    Dl_info info{};
    return dladdr(function, &info) != 0 && info.dli_sname != nullptr ? info.dli_sname : "?";
}

}  // namespace

std::string virtio_user_arguments(const Options& options) {
    const auto flag = [](const char* name, bool on) { return std::string(",") + name + (on ? "=1" : "=0"); };
    return "net_virtio_user0,path=" + options.socket + ",queues=" + std::to_string(options.pairs) +
           ",queue_size=" + std::to_string(options.ring_size) + flag("packed_vq", options.packed) +
           flag("mrg_rxbuf", options.mergeable) + flag("in_order", options.in_order) +
           flag("vectorized", options.vectorized) + ",mac=02:00:00:00:00:01";
}

Port start_port(const Options& options) {
    Port port;
    if (rte_eth_dev_count_avail() != 1)
        fail("no virtio_user port: is the backend listening on " + options.socket + "?");
    rte_eth_dev_info info{};
    check(rte_eth_dev_info_get(port.id, &info), "rte_eth_dev_info_get");
    rte_eth_conf configuration{};
    configuration.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
    configuration.intr_conf.rxq = options.sleep ? 1 : 0;
    const auto pairs = static_cast<std::uint16_t>(options.pairs);
    check(rte_eth_dev_configure(port.id, pairs, pairs, &configuration), "rte_eth_dev_configure");
    const auto ring = static_cast<std::uint16_t>(options.ring_size);
    for (std::uint16_t pair = 0; pair < pairs; ++pair) {
        port.pools.push_back(make_pool(pair, buffers_per_pair, options.size));
        check(rte_eth_rx_queue_setup(port.id, pair, ring, 0, nullptr, port.pools.back()), "rte_eth_rx_queue_setup");
        check(rte_eth_tx_queue_setup(port.id, pair, ring, 0, nullptr), "rte_eth_tx_queue_setup");
    }
    check(rte_eth_dev_start(port.id), "rte_eth_dev_start");
    return port;
}

void stop_port(const Port& port) {
    rte_eth_dev_stop(port.id);
    rte_eth_dev_close(port.id);
}

std::string chosen_routines(const Port& port) {
    const auto& routines = rte_eth_fp_ops[port.id];
    return R"({"receive":")" + name_of(reinterpret_cast<void*>(routines.rx_pkt_burst)) + R"(","send":")" +
           name_of(reinterpret_cast<void*>(routines.tx_pkt_burst)) + R"("})";
}

}  // namespace bench
