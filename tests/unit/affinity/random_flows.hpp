// Random bytes, keys and flows, the same ones in every run.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include <vmq/steering.hpp>

namespace vmq::steering {

class RandomFlows {
public:
    explicit RandomFlows(unsigned seed) : random_(seed) {}

    // 0 to below - 1.
    unsigned number(unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random_); }
    std::uint16_t port() { return static_cast<std::uint16_t>(number(0x10000)); }

    std::vector<std::uint8_t> bytes(std::size_t size) {
        std::vector<std::uint8_t> bytes(size);
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(number(256));
        return bytes;
    }

    Address address(bool v4) { return v4 ? Address::v4(array<4>()) : Address::v6(array<16>()); }

    // IPv4 or IPv6, TCP or UDP.
    Flow flow() {
        const bool v4 = number(2) == 0;
        return {.source = address(v4),
                .destination = address(v4),
                .protocol = number(2) == 0 ? Protocol::tcp : Protocol::udp,
                .source_port = port(),
                .destination_port = port()};
    }

private:
    template <std::size_t size>
    std::array<std::uint8_t, size> array() {
        std::array<std::uint8_t, size> bytes;
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(number(256));
        return bytes;
    }

    std::mt19937 random_;
};

}  // namespace vmq::steering
