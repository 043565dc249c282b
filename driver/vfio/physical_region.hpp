// Memory that the device finds at its physical address, mapped there in the IOMMU as well where there is one.
#pragma once

#include <cstddef>
#include <memory>

#include "driver/vfio/container.hpp"
#include "driver/vfio/dma_buffer.hpp"

namespace vmq::vfio {

// A run of huge pages of at least `size` bytes. With an IOMMU its pages are pinned, and a device that goes through the
// IOMMU after all reaches them too. Throws ENOMEM, EPERM, … with the cure.
[[nodiscard]] DmaBuffer take_physical_run(const std::shared_ptr<Container>& container, std::size_t size, int numa_node);

}  // namespace vmq::vfio
