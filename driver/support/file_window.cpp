// Registers behind a device file.
#include "driver/support/file_window.hpp"

#include <cerrno>
#include <unistd.h>

#include "driver/support/errors.hpp"

namespace vmq::support {

void FileWindow::read_bytes(std::size_t offset, std::span<std::byte> bytes) const {
    const bool inside = offset <= size_ && bytes.size() <= size_ - offset;
    errno = ERANGE;
    const auto done =
        inside ? ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(start_ + offset)) : ssize_t{-1};
    if (done != static_cast<ssize_t>(bytes.size())) fail("read", offset, done < 0);
}

void FileWindow::write_bytes(std::size_t offset, std::span<const std::byte> bytes) const {
    const bool inside = offset <= size_ && bytes.size() <= size_ - offset;
    errno = ERANGE;
    const auto done =
        inside ? ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(start_ + offset)) : ssize_t{-1};
    if (done != static_cast<ssize_t>(bytes.size())) fail("write", offset, done < 0);
}

void FileWindow::fail(const char* operation, std::size_t offset, bool told) const {
    const std::string what = name_ + ": " + operation + " at " + std::to_string(offset);
    if (told) fail_errno(what);
    support::fail(std::make_error_code(std::errc::io_error), what);
}

}  // namespace vmq::support
