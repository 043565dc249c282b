// Where the control socket of a device is found.
#include "driver/control/socket_path.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "driver/support/errors.hpp"
#include "driver/support/unix_socket.hpp"
#include "driver/vhost/address.hpp"

namespace vmq::control {
namespace {

constexpr std::string_view suffix = ".sock";

bool is_hexadecimal(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// "00:04.0"
bool lacks_domain(std::string_view address) {
    constexpr std::string_view form = "xx:xx.x";
    return std::equal(address.begin(), address.end(), form.begin(), form.end(),
                      [](char c, char wanted) { return wanted == 'x' ? is_hexadecimal(c) : c == wanted; });
}

std::string lower_case(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

// "/run/ovs/a.sock" is "vhost-user::run:ovs:a.sock", so that the device's name can be had back from the file's. A path
// that is too long for that, or has such signs in it, stands there as a number.
constexpr std::string_view vhost_prefix = "vhost-user:";

std::string vhost_socket_path(const vhost::Address& device, std::string_view folder) {
    std::string name = device.path;
    std::replace(name.begin(), name.end(), '/', ':');
    const std::string path = std::string(folder) + '/' + std::string(vhost_prefix) + name + std::string(suffix);
    if (device.path.find(':') == std::string::npos && path.size() < sizeof(sockaddr_un::sun_path)) return path;
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : device.path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return std::string(folder) + "/vhost-user-" + std::to_string(hash) + std::string(suffix);
}

// As ControlClient takes it: the device's name, or the whole path of a socket that does not tell it.
std::string device_of(const std::string& path, std::string name) {
    if (name.starts_with("vhost-user-")) return path;
    if (name.starts_with(vhost_prefix))
        std::replace(name.begin() + static_cast<std::ptrdiff_t>(vhost_prefix.size()), name.end(), ':', '/');
    return name;
}

bool is_listening(const std::string& path) {
    const int error =
        support::connect_errno(support::make_socket().get(), support::socket_address(path, "control socket"));
    return error == 0 || error == EAGAIN || error == EACCES;
}

}  // namespace

std::string socket_path(std::string_view address, std::string_view folder) {
    if (const auto device = vhost::parse_address(address)) return vhost_socket_path(*device, folder);
    // Only an address is changed: another name (a socket "/run/vmq/Lab.sock") stays as it is.
    std::string name = lower_case(address);
    if (lacks_domain(name)) {
        name.insert(0, "0000:");
    } else if (name.size() < 8 || !lacks_domain(std::string_view{name}.substr(name.size() - 7))) {
        name = address;
    }
    return std::string(folder) + '/' + name + std::string(suffix);
}

std::vector<std::string> listening_devices(std::string_view folder) {
    std::vector<std::string> devices;
    std::error_code error;
    std::filesystem::directory_iterator entries(folder, error);
    if (error == std::errc::no_such_file_or_directory) return devices;
    if (error) support::fail(error, "read " + std::string(folder));
    for (const auto& entry : entries) {
        const std::string name = entry.path().filename();
        if (!name.ends_with(suffix) || !entry.is_socket(error) || !is_listening(entry.path())) continue;
        devices.push_back(device_of(entry.path(), name.substr(0, name.size() - suffix.size())));
    }
    std::sort(devices.begin(), devices.end());
    return devices;
}

}  // namespace vmq::control
