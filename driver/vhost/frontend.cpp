// One session with a backend.
#include "driver/vhost/frontend.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"

namespace vmq::vhost {

namespace {

constexpr std::uint64_t bit(ProtocolFeature feature) { return std::uint64_t{1} << static_cast<unsigned>(feature); }

constexpr std::uint64_t known_protocol_features =
    bit(ProtocolFeature::mq) | bit(ProtocolFeature::reply_ack) | bit(ProtocolFeature::net_mtu) |
    bit(ProtocolFeature::config) | bit(ProtocolFeature::configure_mem_slots) | bit(ProtocolFeature::status);

// Answers that may wait to be read: more might fill the socket, and the backend would block.
constexpr std::size_t most_under_way = 64;

}  // namespace

Frontend::Frontend(support::UniqueFd socket, std::string name, Deadline deadline)
    : channel_(std::move(socket), std::move(name)) {
    offer_.features = ask(Request::get_features, deadline);
    if ((offer_.features & protocol_features_bit) != 0) {
        const std::uint64_t common = ask(Request::get_protocol_features, deadline) & known_protocol_features;
        carry_out(with_number(Request::set_protocol_features, common), deadline);
        offer_.protocol_features = common;
    }
    if (offer_.has(ProtocolFeature::mq)) {
        // Kick and call messages have 8 bits for a vring's index.
        offer_.queue_pairs =
            static_cast<unsigned>(std::clamp<std::uint64_t>(ask(Request::get_queue_num, deadline), 1, max_vrings / 2));
    }
    if (offer_.has(ProtocolFeature::configure_mem_slots)) {
        offer_.memory_regions = static_cast<std::size_t>(
            std::clamp<std::uint64_t>(ask(Request::get_max_mem_slots, deadline), 1, max_regions));
    }
    carry_out({Request::set_owner}, deadline);
}

void Frontend::carry_out(std::span<const Command> commands, Deadline deadline) {
    const bool answered = offer_.has(ProtocolFeature::reply_ack);
    while (!commands.empty()) {
        const auto some = commands.first(std::min(commands.size(), most_under_way));
        for (const Command& command : some) {
            channel_.send(command.request, answered ? header_flags::need_reply : 0, command.payload,
                          command.descriptors, deadline);
        }
        if (answered) await_answers(some, deadline);
        commands = commands.subspan(some.size());
    }
    // The backend takes one request after the other, so an answer to this one says that those before are done.
    if (!answered) static_cast<void>(ask(Request::get_features, deadline));
}

void Frontend::await_answers(std::span<const Command> commands, Deadline deadline) {
    std::optional<Request> refused;
    for (const Command& command : commands) {
        std::uint64_t failure = 0;
        channel_.receive(command.request, std::as_writable_bytes(std::span{&failure, 1}), deadline);
        if (failure != 0 && !refused) refused = command.request;
    }
    if (refused) {
        support::fail(Errc::device_refused, channel_.name() + ": " + to_string(*refused) + ": refused by the backend",
                      "its log may say why");
    }
}

std::uint64_t Frontend::ask(Request request, Deadline deadline) {
    channel_.send(request, 0, {}, {}, deadline);
    std::uint64_t answer = 0;
    channel_.receive(request, std::as_writable_bytes(std::span{&answer, 1}), deadline);
    return answer;
}

void Frontend::stop_vrings(unsigned count, Deadline deadline) {
    for (unsigned first = 0; first < count; first += most_under_way) {
        const unsigned end = std::min<unsigned>(count, first + most_under_way);
        for (unsigned vring = first; vring < end; ++vring) {
            const VringState which{vring, 0};
            channel_.send(Request::get_vring_base, 0, std::as_bytes(std::span{&which, 1}), {}, deadline);
        }
        for (unsigned vring = first; vring < end; ++vring) {
            VringState base{};
            channel_.receive(Request::get_vring_base, std::as_writable_bytes(std::span{&base, 1}), deadline);
        }
    }
}

bool Frontend::read_config(std::span<std::byte> bytes, Deadline deadline) {
    const ConfigHeader header{0, static_cast<std::uint32_t>(bytes.size()), 0};
    std::vector<std::byte> payload(sizeof header + bytes.size());
    std::memcpy(payload.data(), &header, sizeof header);
    channel_.send(Request::get_config, 0, payload, {}, deadline);
    if (!channel_.receive_unless_refused(Request::get_config, payload, deadline)) return false;
    std::copy_n(payload.begin() + sizeof header, bytes.size(), bytes.begin());
    return true;
}

}  // namespace vmq::vhost
