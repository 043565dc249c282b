// Memory that the device finds at its physical address, mapped there in the IOMMU as well where there is one.
#include "driver/vfio/physical_region.hpp"

#include <utility>

#include "driver/vfio/physical_runs.hpp"

namespace vmq::vfio {

namespace {

class PhysicalRegion {
public:
    PhysicalRegion(std::shared_ptr<Container> container, PhysicalRuns memory)
        : container_(std::move(container)), memory_(std::move(memory)) {
        try {
            for (const PhysicalRun& run : memory_.runs) {
                container_->map_at(run.memory, run.address);
                ++mapped_;
            }
            memory_.verify({}, container_->object());  // pinning moves pages out of memory that may go offline
        } catch (...) {
            unmap();
            throw;
        }
    }
    ~PhysicalRegion() { unmap(); }
    PhysicalRegion(const PhysicalRegion&) = delete;
    PhysicalRegion& operator=(const PhysicalRegion&) = delete;

    [[nodiscard]] const std::vector<PhysicalRun>& runs() const noexcept { return memory_.runs; }

private:
    void unmap() noexcept {
        while (mapped_ > 0) {
            const PhysicalRun& run = memory_.runs[--mapped_];
            container_->unmap_at(run.address, run.memory.size());
        }
    }

    std::shared_ptr<Container> container_;
    PhysicalRuns memory_;
    std::size_t mapped_ = 0;
};

}  // namespace

std::vector<DmaBuffer> take_physical_runs(const std::shared_ptr<Container>& container,
                                          const support::MemoryNeed& need) {
    const auto region =
        std::make_shared<const PhysicalRegion>(container, map_physical_runs({}, container->object(), need));
    std::vector<DmaBuffer> buffers;
    for (const PhysicalRun& run : region->runs())
        buffers.push_back({run.memory.data(), run.memory.size(), run.address, true, region});
    return buffers;
}

}  // namespace vmq::vfio
