// How set-up and control report failure: the operation, the object, and the cure where there is a usual one.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace vmq::support {

// Throws std::system_error for `code`. `operation` names what was tried on what ("VFIO_GROUP_GET_DEVICE_FD
// 0000:00:04.0"); `cure` is a sentence fragment that says what to do ("run: mqctl bind 0000:00:04.0").
[[noreturn]] inline void fail(std::error_code code, std::string_view operation, std::string_view cure = {}) {
    std::string what{operation};
    if (!cure.empty()) what.append(" (").append(cure).append(")");
    throw std::system_error(code, what);
}

// The same for a system call that has just failed: takes errno first, before anything can change it.
[[noreturn]] inline void fail_errno(std::string_view operation, std::string_view cure = {}) {
    const std::error_code code{errno, std::generic_category()};
    fail(code, operation, cure);
}

}  // namespace vmq::support
