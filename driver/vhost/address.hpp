// The address of a vhost-user device: "vhost-user:/path/to/socket", and behind it ",server" when we listen there and
// ",queues=N" for the number of queue pairs, which is the frontend's to choose.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmq::vhost {

struct Address {
    std::string path;  // absolute
    bool server = false;
    unsigned queues = 0;  // 0: as many as the backend says that it has

    // The device's name: the same for both ends of the connection, whoever listens.
    [[nodiscard]] std::string name() const { return "vhost-user:" + path; }
};

// Nothing when it is the address of another kind of device.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);

}  // namespace vmq::vhost
