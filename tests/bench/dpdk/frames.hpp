// Packet memory: a pool for each pair whose buffers already hold the frame.
#pragma once

#include <rte_mempool.h>

namespace bench {

// Frames of `size` bytes, 64 bytes of which are written into every buffer once. A cache of the lcore's own lies before
// the pool, so that buffers are used again while they are hot.
rte_mempool* make_pool(unsigned pair, unsigned buffers, unsigned size);

}  // namespace bench
