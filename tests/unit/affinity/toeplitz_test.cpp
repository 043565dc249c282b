// The Toeplitz hash against its definition, against published results, and its two forms against each other.
#include "affinity/toeplitz.hpp"

#include <gtest/gtest.h>

#include <vmq/steering.hpp>

#include "tests/unit/affinity/random_flows.hpp"
#include "tests/unit/affinity/rss_vectors.hpp"

namespace vmq::steering {
namespace {

using Key = std::vector<std::uint8_t>;

// The definition: where a bit of the input is set, the key's first 32 bits are added; then the key moves on by a bit.
std::uint32_t by_definition(const Key& key, const Key& input) {
    std::vector<bool> bits;
    for (const std::uint8_t byte : key)
        for (int bit = 7; bit >= 0; --bit) bits.push_back((byte >> bit & 1) != 0);
    std::uint32_t hash = 0;
    for (const std::uint8_t byte : input) {
        for (int bit = 7; bit >= 0; --bit) {
            bits.resize(std::max<std::size_t>(bits.size(), 32));
            std::uint32_t first = 0;
            for (std::size_t i = 0; i < 32; ++i) first = first << 1 | (bits[i] ? 1u : 0u);
            if ((byte >> bit & 1) != 0) hash ^= first;
            bits.erase(bits.begin());
        }
    }
    return hash;
}

Key input_of(const RssVector& vector, bool ports) {
    Key input;
    for (const char* const text : {vector.source, vector.destination}) {
        const Address address = Address::parse(text);
        input.insert(input.end(), address.bytes().begin(), address.bytes().end());
    }
    if (!ports) return input;
    for (const unsigned port : {vector.source_port, vector.destination_port})
        for (const unsigned byte : {port >> 8, port & 0xff}) input.push_back(static_cast<std::uint8_t>(byte));
    return input;
}

TEST(Toeplitz, GivesThePublishedResults) {
    const Key key = default_key(40);
    const Toeplitz tables(key);
    for (const RssVector& vector : rss_vectors) {
        for (const bool ports : {false, true}) {
            const Key input = input_of(vector, ports);
            const std::uint32_t published = ports ? vector.ports_hash : vector.addresses_hash;
            EXPECT_EQ(toeplitz(key, input), published) << vector.source << ports;
            EXPECT_EQ(tables(input), published) << vector.source << ports;
        }
    }
}

TEST(Toeplitz, BothFormsFollowTheDefinition) {
    RandomFlows random(1);
    for (unsigned round = 0; round < 150; ++round) {
        const Key key = random.bytes(random.number(80));
        const Toeplitz tables(key);
        for (unsigned i = 0; i < 4; ++i) {
            const Key input = random.bytes(random.number(60));
            const std::uint32_t hash = by_definition(key, input);
            ASSERT_EQ(toeplitz(key, input), hash) << key.size() << ' ' << input.size();
            ASSERT_EQ(tables(input), hash) << key.size() << ' ' << input.size();
        }
    }
}

TEST(Toeplitz, BothFormsAgreeOnFlowsOfEveryLength) {
    RandomFlows random(2);
    for (unsigned round = 0; round < 200; ++round) {
        const Key key = random.bytes(round % 2 == 0 ? 40 : 52);
        const Toeplitz tables(key);
        for (const unsigned size : {0u, 1u, 8u, 12u, 32u, 36u, 200u}) {
            const Key input = random.bytes(size);
            ASSERT_EQ(tables(input), toeplitz(key, input)) << size;
        }
    }
}

TEST(Toeplitz, EveryBitOfTheInputAddsItsWindowOfTheKey) {
    RandomFlows random(3);
    const Key key = random.bytes(40);
    for (std::size_t bit = 0; bit < 8 * 44; ++bit) {
        Key input(44);
        input[bit / 8] = static_cast<std::uint8_t>(0x80u >> bit % 8);
        EXPECT_EQ(affinity::key_window(key, bit), by_definition(key, input)) << bit;
    }
}

TEST(Toeplitz, NoKeyIsAKeyOfZeros) {
    const Key input(36, 0xff);
    EXPECT_EQ(toeplitz({}, input), 0u);
    EXPECT_EQ(Toeplitz({})(input), 0u);
    EXPECT_EQ(toeplitz(Key(40), input), 0u);
    EXPECT_NE(toeplitz(default_key(40), input), 0u);
}

}  // namespace
}  // namespace vmq::steering
