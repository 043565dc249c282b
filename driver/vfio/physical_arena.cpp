// Blocks carved from runs of huge pages.
#include "driver/vfio/physical_arena.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include "driver/vfio/huge_pages.hpp"
#include "driver/vfio/iova_allocator.hpp"

namespace vmq::vfio {

namespace {

constexpr std::size_t granule = 4096;

}  // namespace

// A run and which of its bytes are free. The blocks own it.
class PhysicalArena::Chunk : public std::enable_shared_from_this<Chunk> {
public:
    Chunk(DmaBuffer run, int numa_node)
        : run_(std::move(run)),
          numa_node_(numa_node),
          free_(std::array{IovaRange{run_.iova, run_.iova + run_.size - 1}}, granule) {}

    [[nodiscard]] int numa_node() const noexcept { return numa_node_; }

    // Null data: there is no room.
    [[nodiscard]] DmaBuffer take(std::size_t size) {
        const std::lock_guard lock{mutex_};
        const auto address = free_.allocate(size, granule);
        if (!address) return {};
        return {run_.data + (*address - run_.iova), size, *address, true,
                std::make_shared<const Lease>(shared_from_this(), *address, size)};
    }

private:
    struct Lease {
        Lease(std::shared_ptr<Chunk> from, std::uint64_t iova, std::size_t bytes)
            : chunk(std::move(from)), address(iova), size(bytes) {}
        ~Lease() {
            const std::lock_guard lock{chunk->mutex_};
            chunk->free_.release(address, size);
        }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;

        std::shared_ptr<Chunk> chunk;
        std::uint64_t address;
        std::size_t size;
    };

    DmaBuffer run_;
    int numa_node_;
    std::mutex mutex_;  // guards free_
    IovaAllocator free_;
};

std::vector<DmaBuffer> PhysicalArena::allocate(const support::MemoryNeed& need) {
    std::erase_if(chunks_, [](const auto& chunk) { return chunk.expired(); });
    for (const auto& weak : chunks_) {
        const auto chunk = weak.lock();
        if (!chunk || (need.numa_node >= 0 && chunk->numa_node() != need.numa_node)) continue;
        if (DmaBuffer block = chunk->take(whole_pages(need.bytes(), granule)); block.size != 0) return {block};
    }
    std::vector<DmaBuffer> pieces;
    std::size_t missing = need.count;
    for (DmaBuffer& run : take_runs_(need)) {
        const std::size_t held = std::min(missing, run.size / need.size);
        const auto chunk = std::make_shared<Chunk>(std::move(run), need.numa_node);
        chunks_.push_back(chunk);
        pieces.push_back(chunk->take(whole_pages(held * need.size, granule)));
        missing -= held;
    }
    return pieces;
}

}  // namespace vmq::vfio
