// Memory that the device finds at its physical address, mapped there in the IOMMU as well where there is one.
#pragma once

#include <memory>
#include <vector>

#include "driver/support/memory.hpp"
#include "driver/vfio/container.hpp"
#include "driver/vfio/dma_buffer.hpp"

namespace vmq::vfio {

// Runs of huge pages that hold what is needed, all as far apart for the driver as for the device. With an IOMMU the
// pages are pinned, and a device that goes through the IOMMU after all reaches them too. Throws ENOMEM, EPERM, … with
// the cure.
[[nodiscard]] std::vector<DmaBuffer> take_physical_runs(const std::shared_ptr<Container>& container,
                                                        const support::MemoryNeed& need);

}  // namespace vmq::vfio
