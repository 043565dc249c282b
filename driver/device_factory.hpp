// Opens a Device on any transport: what Device::open does once it has found the device, and what tests start from.
#pragma once

#include <memory>

#include <vmq/device.hpp>

#include "driver/virtio/transport.hpp"

namespace vmq {

struct DeviceFactory {
    [[nodiscard]] static Device open(std::unique_ptr<virtio::Transport> transport, const Options& options);
};

}  // namespace vmq
