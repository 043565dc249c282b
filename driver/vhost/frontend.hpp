// One session with a backend: the handshake, and requests in the protocol features that both sides know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "driver/vhost/channel.hpp"
#include "driver/vhost/command.hpp"

namespace vmq::vhost {

// What the backend has.
struct Offer {
    std::uint64_t features = 0;           // the device's, protocol_features_bit among them
    std::uint64_t protocol_features = 0;  // that both sides know
    unsigned queue_pairs = 1;
    std::size_t memory_regions = max_regions;

    [[nodiscard]] bool has(ProtocolFeature feature) const noexcept {
        return (protocol_features >> static_cast<unsigned>(feature) & 1) != 0;
    }
};

// One thread. Failures throw as Channel's do; Errc::device_refused when the backend answers with a failure.
class Frontend {
public:
    // Shakes hands on a connected, non-blocking socket.
    Frontend(support::UniqueFd socket, std::string name, Deadline deadline);

    [[nodiscard]] const Offer& offer() const noexcept { return offer_; }
    [[nodiscard]] int fd() const noexcept { return channel_.fd(); }
    // False once the connection is of no use any more.
    [[nodiscard]] bool good() const noexcept { return channel_.good(); }

    // Returns when the backend has carried out all of them; the first refusal is thrown after all answers are in. They
    // are sent together, since each wait for an answer costs two changes of threads.
    void carry_out(std::span<const Command> commands, Deadline deadline);
    void carry_out(const Command& command, Deadline deadline) { carry_out({&command, 1}, deadline); }

    [[nodiscard]] std::uint64_t ask(Request request, Deadline deadline);
    // The backend lets go of vrings 0 to count - 1: it has stopped to look at them when this returns.
    void stop_vrings(unsigned count, Deadline deadline);
    // The first bytes of the device's configuration; false when the backend does not tell them. Only with
    // ProtocolFeature::config.
    [[nodiscard]] bool read_config(std::span<std::byte> bytes, Deadline deadline);

private:
    void await_answers(std::span<const Command> commands, Deadline deadline);

    Channel channel_;
    Offer offer_;
};

}  // namespace vmq::vhost
