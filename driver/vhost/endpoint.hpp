// Where backend and frontend meet: a Unix socket that either of them listens on.
#pragma once

#include <optional>

#include "driver/support/unique_fd.hpp"
#include "driver/vhost/address.hpp"
#include "driver/vhost/channel.hpp"

namespace vmq::vhost {

// One thread.
class Endpoint {
public:
    // In server mode listens, in the place of a socket that nobody listens on any more. Throws std::system_error with
    // the cure: Errc::busy when somebody does.
    explicit Endpoint(Address address);
    // Removes the socket that it listened on.
    ~Endpoint();
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;

    [[nodiscard]] const Address& address() const noexcept { return address_; }

    // A connection with the backend. Client mode: at once, or an error that says why not. Server mode: as soon as a
    // backend connects; throws Errc::device_timeout when none does before the deadline.
    [[nodiscard]] support::UniqueFd connect(Deadline deadline);
    // The same if it can be had now.
    [[nodiscard]] std::optional<support::UniqueFd> try_connect();

private:
    void listen();
    void clear_stale();
    [[nodiscard]] std::optional<support::UniqueFd> try_accept();
    [[noreturn]] void fail_connect(int error) const;

    Address address_;
    support::UniqueFd listener_;
    unsigned long long device_ = 0;  // of the socket's file, so that only our own is removed
    unsigned long long inode_ = 0;
};

}  // namespace vmq::vhost
