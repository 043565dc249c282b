// What a transport tells the device about one virtqueue. VIRTIO 1.3, 4.1.4.3.
#pragma once

#include <cstdint>

#include "driver/virtio/types.hpp"

namespace vmq::virtio {

struct QueueConfig {
    std::uint16_t size = 0;
    Iova descriptor_area;
    Iova driver_area;
    Iova device_area;
    VectorIndex vector;
};

}  // namespace vmq::virtio
