// What the application has set, put in force on a device that was reset and so has forgotten it. VIRTIO 1.3, 2.1.1.
#include "driver/net/net_device.hpp"

namespace vmq::net {

// After DRIVER_OK, since it takes commands. Every setting has its line here, and is its own file's business.
void NetDevice::put_settings_in_force() {
    start_hashing();
    if (queue_pairs() > 1) command_queue_pairs(queue_pairs());
}

}  // namespace vmq::net
