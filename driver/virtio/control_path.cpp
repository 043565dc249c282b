// How control commands reach the device: what does not depend on the way.
#include "driver/virtio/control_path.hpp"

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"

namespace vmq::virtio {

void ControlPath::require_usable(const std::string& what) const {
    if (!usable()) {
        support::fail(Errc::control_queue_unusable, what + ": an earlier command was never answered",
                      "run: mqctl reset");
    }
}

void ControlPath::execute(ControlClass control_class, std::uint8_t command, std::span<const std::byte> data,
                          std::chrono::milliseconds deadline, const std::string& what, std::span<std::byte> result) {
    require_usable(what);
    commands_.fetch_add(1, std::memory_order_relaxed);
    try {
        carry_out(control_class, command, data, deadline, what, result);
    } catch (const std::system_error& error) {
        failures_.fetch_add(1, std::memory_order_relaxed);
        if (error.code() == Errc::device_timeout || error.code() == Errc::bad_device)
            usable_.store(false, std::memory_order_relaxed);
        throw;
    }
}

}  // namespace vmq::virtio
