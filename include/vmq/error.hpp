// The failures that are virtio's own, as an error category. Everything else is the operating system's errno.
#pragma once

#include <system_error>

#include <vmq/export.hpp>

namespace vmq {

enum class Errc {
    no_such_device = 1,      // there is no virtio-net function of that name
    not_driven,              // the device exists, but no vmq application drives it
    busy,                    // another process or thread holds the device or the queue pair
    unsupported,             // the device or this version of vmq does not offer it
    bad_device,              // the device broke the specification
    device_timeout,          // the device did not answer within the deadline
    device_refused,          // the device answered VIRTIO_NET_ERR, or cleared FEATURES_OK
    device_removed,          // the device is gone (all registers read as ones)
    owner_timeout,           // a queue pair's thread did not call in within the deadline
    out_of_range,            // a number is outside what the device has
    control_queue_unusable,  // a command was never answered; reset the device
    interface_in_use,        // the kernel interface carries an address or a route
    bad_request,             // a control request that cannot be understood
};

[[nodiscard]] VMQ_EXPORT const std::error_category& error_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(Errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

}  // namespace vmq

template <>
struct std::is_error_code_enum<vmq::Errc> : std::true_type {};
