// Where the control socket of a device is found.
#include "driver/control/socket_path.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "driver/control/unix_socket.hpp"
#include "driver/support/errors.hpp"

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

bool is_listening(const std::string& path) {
    const int error = connect_errno(make_socket().get(), socket_address(path));
    return error == 0 || error == EAGAIN || error == EACCES;
}

}  // namespace

std::string socket_path(std::string_view address, std::string_view folder) {
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
        devices.push_back(name.substr(0, name.size() - suffix.size()));
    }
    std::sort(devices.begin(), devices.end());
    return devices;
}

}  // namespace vmq::control
