// The part of the vhost-user protocol that the backend speaks: numbers, layouts, and messages on a socket.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "driver/support/unique_fd.hpp"

namespace vmq::bench {

enum class Request : std::uint32_t {
    get_features = 1,
    set_features = 2,
    set_owner = 3,
    reset_owner = 4,
    set_mem_table = 5,
    set_vring_num = 8,
    set_vring_addr = 9,
    set_vring_base = 10,
    get_vring_base = 11,
    set_vring_kick = 12,
    set_vring_call = 13,
    set_vring_err = 14,
    get_protocol_features = 15,
    set_protocol_features = 16,
    get_queue_num = 17,
    set_vring_enable = 18,
    net_set_mtu = 20,
    get_max_mem_slots = 36,
    add_mem_reg = 37,
    rem_mem_reg = 38,
    set_status = 39,
    get_status = 40,
};

inline constexpr std::uint64_t protocol_features_bit = std::uint64_t{1} << 30;  // among the device's features

namespace protocol_feature {
inline constexpr std::uint64_t mq = 1 << 0;
inline constexpr std::uint64_t reply_ack = 1 << 3;
inline constexpr std::uint64_t net_mtu = 1 << 4;
inline constexpr std::uint64_t configure_mem_slots = 1 << 15;
inline constexpr std::uint64_t status = 1 << 16;
}  // namespace protocol_feature

struct VringState {
    std::uint32_t index;
    std::uint32_t number;
};

struct VringAddress {
    std::uint32_t index;
    std::uint32_t flags;
    std::uint64_t descriptors;
    std::uint64_t used;  // packed: the device's event suppression
    std::uint64_t available;
    std::uint64_t log;
};

struct MemoryRegion {
    std::uint64_t guest_address;
    std::uint64_t size;
    std::uint64_t user_address;
    std::uint64_t mmap_offset;
};

inline constexpr std::size_t max_table_regions = 8;  // of SET_MEM_TABLE

struct Message {
    Request request{};
    bool needs_reply = false;
    std::vector<std::byte> payload;
    std::vector<support::UniqueFd> fds;

    // The payload, or what lies at `offset` of it; throws std::runtime_error when it is too short.
    template <typename T>
    [[nodiscard]] T as(std::size_t offset = 0) const {
        if (payload.size() < offset + sizeof(T)) throw std::runtime_error("a vhost-user message is too short");
        T value;
        std::memcpy(&value, payload.data() + offset, sizeof value);
        return value;
    }
};

// Blocks. std::nullopt: the frontend has closed the connection. Throws std::system_error or std::runtime_error.
[[nodiscard]] std::optional<Message> receive_message(int socket);
void send_reply(int socket, Request request, std::span<const std::byte> payload);

}  // namespace vmq::bench
