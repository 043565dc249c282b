// Memory that the device finds at its physical address, mapped there in the IOMMU as well where there is one.
#include "driver/vfio/physical_region.hpp"

#include <utility>

#include "driver/vfio/physical_run.hpp"

namespace vmq::vfio {

namespace {

struct PhysicalRegion {
    PhysicalRegion(std::shared_ptr<Container> in, PhysicalRun pages) : container(std::move(in)), run(std::move(pages)) {
        container->map_at(run.memory.bytes(), run.address);
    }
    ~PhysicalRegion() { container->unmap_at(run.address, run.memory.size()); }
    PhysicalRegion(const PhysicalRegion&) = delete;
    PhysicalRegion& operator=(const PhysicalRegion&) = delete;

    std::shared_ptr<Container> container;
    PhysicalRun run;
};

}  // namespace

DmaBuffer take_physical_run(const std::shared_ptr<Container>& container, std::size_t size, int numa_node) {
    const auto region =
        std::make_shared<const PhysicalRegion>(container, map_physical_run({}, container->object(), size, numa_node));
    region->run.verify({}, container->object());  // pinning moves pages out of memory that may go offline
    return {region->run.memory.data(), region->run.memory.size(), region->run.address, true, region};
}

}  // namespace vmq::vfio
