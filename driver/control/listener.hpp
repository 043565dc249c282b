// A listening Unix socket that owns its file: takes the place of a dead one, never of a live one.
#pragma once

#include <string>
#include <sys/types.h>

#include "driver/support/unique_fd.hpp"

namespace vmq::control {

// Which file it is, whatever its name.
struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileId&) const = default;
};

class Listener {
public:
    // Makes the socket with mode 0660, and its folder with mode 0755 when that is missing. Throws std::system_error:
    // Errc::busy when somebody listens there, EEXIST when the path is no socket, EACCES, ENAMETOOLONG.
    explicit Listener(std::string path);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    // Removes the file if it is still the one that was made.
    ~Listener();

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    void bind_and_listen();
    void clear_stale() const;
    [[noreturn]] void give_up(int error) const;
    [[noreturn]] void fail_busy() const;

    std::string path_;
    support::UniqueFd fd_;
    FileId file_;
};

}  // namespace vmq::control
