// Memory that is the application's own, made reachable for the device.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "driver/vfio/container.hpp"
#include "driver/vfio/dma_buffer.hpp"

namespace vmq::vfio {

// Whole pages; throws EINVAL otherwise. They stay pinned until the owner is dropped; the application unmaps them later
// than that.
[[nodiscard]] DmaBuffer map_foreign(const std::shared_ptr<Container>& container, std::span<std::byte> memory);
// The same at its physical address: for huge pages that are one physical piece; throws EINVAL otherwise, with the cure.
[[nodiscard]] DmaBuffer map_foreign_physical(const std::shared_ptr<Container>& container, std::span<std::byte> memory);

}  // namespace vmq::vfio
