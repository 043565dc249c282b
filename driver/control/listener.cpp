// A listening Unix socket that owns its file: takes the place of a dead one, never of a live one.
#include "driver/control/listener.hpp"

#include <cerrno>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/support/unix_socket.hpp"

namespace vmq::control {
namespace {

constexpr int backlog = 16;
constexpr const char* access_cure = "run as root, or give Options::control_socket a path of your own";

struct FileState {
    FileId id;
    bool socket = false;
};

// Nothing, and errno, when there is no such file or it cannot be looked at.
std::optional<FileState> look_at(const std::string& path) noexcept {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
    return FileState{{status.st_dev, status.st_ino}, S_ISSOCK(status.st_mode)};
}

bool is_at(const std::string& path, FileId file) noexcept {
    const auto found = look_at(path);
    return found && found->id == file;
}

void make_folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0) return;
    const std::string folder = path.substr(0, slash);
    if (::mkdir(folder.c_str(), 0755) != 0) {
        if (errno == EEXIST) return;
        support::fail_errno("mkdir " + folder + " for the control socket", access_cure);
    }
    // The process's umask may have taken bits away.
    if (::chmod(folder.c_str(), 0755) != 0) support::fail_errno("chmod " + folder);
}

}  // namespace

Listener::Listener(std::string path) : path_(std::move(path)), fd_(support::make_socket()) { bind_and_listen(); }

Listener::~Listener() {
    if (is_at(path_, file_)) ::unlink(path_.c_str());
}

void Listener::bind_and_listen() {
    const support::SocketAddress address = support::socket_address(path_, "control socket");
    make_folder_of(path_);
    if (::bind(fd_.get(), address.get(), address.length) != 0) {
        if (errno != EADDRINUSE) support::fail_errno("bind control socket " + path_, access_cure);
        clear_stale();
        if (::bind(fd_.get(), address.get(), address.length) != 0) {
            if (errno == EADDRINUSE) fail_busy();
            support::fail_errno("bind control socket " + path_);
        }
    }
    const auto made = look_at(path_);
    if (!made && errno == ENOENT) fail_busy();
    if (!made) give_up(errno);
    file_ = made->id;

    // The mode comes before listen: until then nobody can connect, whatever the umask left.
    const int chmod_error = ::chmod(path_.c_str(), 0660) == 0 ? 0 : errno;
    const int listen_error = ::listen(fd_.get(), backlog) == 0 ? 0 : errno;
    // Between bind and listen another process may have thought the socket dead and taken its place.
    const auto now = look_at(path_);
    if (now ? now->id != file_ : errno == ENOENT) fail_busy();
    if (!now) give_up(errno);
    if (const int error = chmod_error != 0 ? chmod_error : listen_error; error != 0) give_up(error);
}

// Takes the socket that was made away again: the destructor does not run.
void Listener::give_up(int error) const {
    ::unlink(path_.c_str());
    support::fail({error, std::generic_category()}, "listen on control socket " + path_);
}

// Removes the socket file of a process that is gone.
void Listener::clear_stale() const {
    const auto before = look_at(path_);
    if (!before) return;
    if (!before->socket)
        support::fail({EEXIST, std::generic_category()}, "control socket " + path_, "that is another kind of file");
    const int error =
        support::connect_errno(support::make_socket().get(), support::socket_address(path_, "control socket"));
    if (error == ENOENT) return;
    if (error == EACCES) support::fail({error, std::generic_category()}, "control socket " + path_, access_cure);
    if (error != ECONNREFUSED || !is_at(path_, before->id)) fail_busy();
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT)
        support::fail_errno("remove the dead control socket " + path_, access_cure);
}

void Listener::fail_busy() const {
    support::fail(Errc::busy, "control socket " + path_ + " is in use by another application");
}

}  // namespace vmq::control
