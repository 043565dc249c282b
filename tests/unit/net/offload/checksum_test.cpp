// The internet checksum, against RFC 1071's example and a slow sum.
#include "driver/net/offload/checksum.hpp"

#include <random>

#include <gtest/gtest.h>

#include "tests/device/offload.hpp"

namespace vmq::net::offload {
namespace {

software::Frame bytes_of(std::initializer_list<unsigned> values) {
    software::Frame bytes;
    for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

TEST(OnesSum, IsThatOfTheRfc) {
    OnesSum sum;
    sum.add(bytes_of({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}));  // RFC 1071, 3
    EXPECT_EQ(sum.value(), 0xddf2);
    EXPECT_EQ(sum.checksum(), 0x220d);
}

TEST(OnesSum, OfAnIpv4HeaderThatWasSeenOnALine) {
    OnesSum sum;
    sum.add(bytes_of({0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06,
                      0x00, 0x00, 0xac, 0x10, 0x0a, 0x63, 0xac, 0x10, 0x0a, 0x0c}));
    EXPECT_EQ(sum.checksum(), 0xb1e6);
}

TEST(OnesSum, OfNothingAndOfAllOnes) {
    OnesSum nothing;
    nothing.add({});
    EXPECT_EQ(nothing.value(), 0);
    EXPECT_EQ(nothing.checksum(), 0xffff);
    OnesSum ones;
    ones.add(bytes_of({0xff, 0xff, 0xff, 0xff}));
    EXPECT_EQ(ones.value(), 0xffff);
    EXPECT_EQ(ones.checksum(), 0xffff) << "0 would mean that there is none";
}

TEST(OnesSum, PiecesOfAnyLengthAreTheWhole) {
    std::minstd_rand random(1);
    for (unsigned round = 0; round < 2000; ++round) {
        software::Frame bytes(random() % 300);
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(round % 7 == 0 ? 0xff : random() >> 8);
        OnesSum sum;
        const auto word = static_cast<std::uint16_t>(random());
        sum.add_word(word);
        for (std::span<const std::byte> left = bytes; !left.empty();) {
            const std::size_t count = std::min<std::size_t>(left.size(), random() % 20);
            sum.add(left.first(count));
            left = left.subspan(count);
        }
        software::Frame all = bytes_of({word / 256u, word % 256u});
        all.insert(all.end(), bytes.begin(), bytes.end());
        // 0 and 0xffff are the same number.
        EXPECT_EQ(sum.value() % 0xffff, (0xffff - software::slow_checksum(all)) % 0xffff);
    }
}

}  // namespace
}  // namespace vmq::net::offload
