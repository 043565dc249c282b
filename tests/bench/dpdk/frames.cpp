// Packet memory.
#include "tests/bench/dpdk/frames.hpp"

#include <cstring>
#include <rte_mbuf.h>
#include <string>

#include "tests/bench/dpdk/eal.hpp"

namespace bench {
namespace {

constexpr unsigned cache_size = RTE_MEMPOOL_CACHE_MAX_SIZE;

void write_frame(rte_mempool*, void* size, void* object, unsigned) {
    static constexpr unsigned char addresses_and_type[] = {0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5};
    auto* packet = static_cast<rte_mbuf*>(object);
    rte_pktmbuf_reset(packet);
    packet->data_len = *static_cast<std::uint16_t*>(size);
    packet->pkt_len = packet->data_len;
    auto* bytes = rte_pktmbuf_mtod(packet, unsigned char*);
    std::memset(bytes, 0, packet->data_len);
    std::memcpy(bytes, addresses_and_type, sizeof addresses_and_type);
}

}  // namespace

rte_mempool* make_pool(unsigned pair, unsigned buffers, unsigned size) {
    const std::string name = "pair" + std::to_string(pair);
    auto* pool =
        rte_pktmbuf_pool_create(name.c_str(), buffers, cache_size, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (pool == nullptr) fail("rte_pktmbuf_pool_create: too little memory");
    auto length = static_cast<std::uint16_t>(size);
    rte_mempool_obj_iter(pool, write_frame, &length);
    return pool;
}

}  // namespace bench
