// Frames that Linux sent and answered, for the tests of mqperf's packet code: two interfaces joined by a veth,
// 192.168.5.1 (52:54:00:00:00:01) asking 192.168.5.2 (52:54:00:00:00:02).
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "tools/mqperf/packets.hpp"

namespace vmq::mqperf::frames {

inline std::vector<std::byte> from_hex(std::string_view hex) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(digit(hex[i]) * 16 + digit(hex[i + 1])));
    return bytes;
}

inline const Endpoint asker{{0x52, 0x54, 0, 0, 0, 1}, {0xc0a80501}, 4000};
inline const Endpoint answerer{{0x52, 0x54, 0, 0, 0, 2}, {0xc0a80502}, 7};

inline const auto arp_request =
    from_hex("ffffffffffff52540000000108060001080006040001525400000001c0a80501000000000000c0a80502");
inline const auto arp_reply =
    from_hex("52540000000152540000000208060001080006040002525400000002c0a80502525400000001c0a80501");
inline const auto echo_request = from_hex(
    "5254000000025254000000010800450000286e3740004001414ac0a80501c0a80502080077c762130001000102030405060708090a0b");
inline const auto echo_reply = from_hex(
    "525400000001525400000002080045000028a0cb000040014eb6c0a80502c0a8050100007fc762130001000102030405060708090a0b");
inline const auto udp_request =
    from_hex("525400000002525400000001080045000021037940004011abffc0a80501c0a805020fa00007000d210768656c6c6f");
inline const auto udp_reply =
    from_hex("5254000000015254000000020800450000218942400040112636c0a80502c0a8050100070fa0000d210768656c6c6f");

}  // namespace vmq::mqperf::frames
