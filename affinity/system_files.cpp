// Reading and writing the kernel's small text files with plain system calls: a stream would lose errno.
#include "affinity/system_files.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace vmq::affinity {
namespace {

std::error_code last_error() { return {errno, std::system_category()}; }

class OpenFile {
public:
    OpenFile(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC)) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

}  // namespace

std::string read_text(const std::filesystem::path& path, std::error_code& error) {
    error.clear();
    const OpenFile file(path, O_RDONLY);
    if (file.fd() < 0) {
        error = last_error();
        return {};
    }
    std::string text;
    std::array<char, 16384> chunk;
    for (;;) {
        const ssize_t got = ::read(file.fd(), chunk.data(), chunk.size());
        if (got > 0) {
            text.append(chunk.data(), static_cast<std::size_t>(got));
        } else if (got == 0) {
            return text;
        } else if (errno != EINTR) {
            error = last_error();
            return {};
        }
    }
}

std::error_code write_text(const std::filesystem::path& path, std::string_view text) {
    const OpenFile file(path, O_WRONLY | O_TRUNC);
    if (file.fd() < 0) return last_error();
    const ssize_t written = ::write(file.fd(), text.data(), text.size());
    if (written < 0) return last_error();
    if (static_cast<std::size_t>(written) != text.size()) return std::make_error_code(std::errc::io_error);
    return {};
}

}  // namespace vmq::affinity
