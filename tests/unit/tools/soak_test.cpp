// mqperf soak: what its packets look like, and that it sees every way in which one can go wrong.
#include "tools/mqperf/soak.hpp"

#include <array>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "tools/mqperf/checksum.hpp"
#include "tools/mqperf/responder.hpp"
#include "tools/mqperf/soak_frames.hpp"
#include "tools/mqperf/soak_ledger.hpp"

namespace vmq::mqperf {

namespace {

const Endpoint here{{2, 0, 0, 0, 0, 1}, {0xc6120001}, 0};
const Endpoint there{{2, 0, 0, 0, 0, 2}, {0xc6120002}, 7};

class SoakFramesTest : public testing::Test {
protected:
    std::vector<std::byte> frame(std::size_t size, const SoakLabel& label) const {
        std::vector<std::byte> bytes(size);
        frames_.build(bytes, label);
        return bytes;
    }
    SoakFrames::Finding finding(ConstBytes bytes) const { return frames_.read(bytes).finding; }

    SoakFrames frames_{77, 3, here, there};
};

}  // namespace

TEST_F(SoakFramesTest, SayTheirLabelInEverySize) {
    for (std::size_t size = smallest_soak_frame; size < smallest_soak_frame + 20; ++size) {
        const SoakLabel label{2, 15, 0x1'0000'0000 + size};
        const SoakFrames::Reading reading = frames_.read(frame(size, label));
        EXPECT_EQ(reading.finding, SoakFrames::Finding::whole) << size;
        EXPECT_EQ(reading.label, label);
    }
}

TEST_F(SoakFramesTest, AnEchoServerAnswersThemAndTheyAreStillWhole) {
    auto bytes = frame(300, {1, 3, 19});
    EXPECT_EQ(ipv4_payload(bytes, bytes.size()), 34u);
    EXPECT_EQ(load16(bytes, 34 + udp::source_port), 20'000 + 16 + 3);
    EXPECT_EQ(load16(bytes, 34 + udp::length), 300 - 34);
    EXPECT_EQ(checksum_finish(checksum_add(std::span{bytes}.subspan(ethernet::size, ipv4::smallest_header))), 0);
    ASSERT_TRUE(answer(bytes, bytes.size(), there));
    EXPECT_EQ(frames_.read(bytes).label, (SoakLabel{1, 3, 19}));
}

TEST_F(SoakFramesTest, EveryChangedByteOfThePayloadShows) {
    const auto whole = frame(101, {1, 1, 17});
    for (std::size_t at = smallest_ip_frame + 8; at < whole.size(); ++at) {
        auto bytes = whole;
        bytes[at] ^= std::byte{1};
        EXPECT_EQ(finding(bytes), SoakFrames::Finding::damaged) << at;
    }
}

TEST_F(SoakFramesTest, ShorterOrLongerThanItWasIsDamaged) {
    auto bytes = frame(200, {0, 0, 0});
    bytes.push_back(std::byte{0});
    EXPECT_EQ(finding(bytes), SoakFrames::Finding::damaged);
    bytes.resize(199);
    EXPECT_EQ(finding(bytes), SoakFrames::Finding::damaged);
}

TEST_F(SoakFramesTest, OtherPacketsAreNotItsOwn) {
    EXPECT_EQ(finding({}), SoakFrames::Finding::foreign);
    EXPECT_EQ(finding(std::vector<std::byte>(1514)), SoakFrames::Finding::foreign);
    const SoakFrames another_run{78, 3, here, there};
    EXPECT_EQ(another_run.read(frame(100, {0, 0, 0})).finding, SoakFrames::Finding::foreign);
}

TEST_F(SoakFramesTest, AreForWhoIsNamed) {
    frames_.address_to({2, 0, 0, 0, 0, 9});
    EXPECT_EQ(load_mac(frame(100, {2, 0, 0}), ethernet::destination), (MacAddress{2, 0, 0, 0, 0, 9}));
}

TEST(SoakLedger, CountsEachPacketOnce) {
    SoakLedger ledger;
    for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(ledger.leave(), i);
    EXPECT_EQ(ledger.outstanding(), 5u);
    for (const std::uint64_t number : {4u, 0u, 1u, 2u}) ledger.came_back(number);
    EXPECT_EQ(ledger.returned(), 4u);
    ledger.came_back(4);
    EXPECT_EQ(ledger.doubled(), 1u);
    EXPECT_EQ(ledger.returned(), 4u);
    ledger.came_back(5);
    EXPECT_EQ(ledger.doubled(), 2u) << "it was never sent";
    EXPECT_EQ(ledger.outstanding(), 1u);
}

TEST(SoakLedger, WhatIsGivenUpIsLostOrLate) {
    SoakLedger ledger;
    for (int i = 0; i < 3; ++i) static_cast<void>(ledger.leave());
    ledger.came_back(1);
    ledger.give_up(false);
    EXPECT_EQ(ledger.given_up(), 2u);
    EXPECT_EQ(ledger.outstanding(), 0u);
    ledger.came_back(0);
    EXPECT_EQ(ledger.late(), 1u);
    EXPECT_EQ(ledger.returned(), 1u);
    ledger.came_back(0);
    EXPECT_EQ(ledger.doubled(), 1u);
}

TEST(SoakLedger, WhatIsExcusedIsNeither) {
    SoakLedger ledger;
    for (int i = 0; i < 3; ++i) static_cast<void>(ledger.leave());
    ledger.give_up(true);
    EXPECT_EQ(ledger.excused(), 3u);
    EXPECT_EQ(ledger.given_up(), 0u);
    ledger.came_back(2);
    EXPECT_EQ(ledger.late() + ledger.doubled() + ledger.returned(), 0u);
    EXPECT_EQ(ledger.outstanding(), 0u);
}

TEST(SoakLedger, AGapThatStaysIsGivenUpInTheEnd) {
    SoakLedger ledger;
    static_cast<void>(ledger.leave());
    for (int i = 0; i < 5000; ++i) ledger.came_back(ledger.leave());
    EXPECT_EQ(ledger.given_up(), 1u);
    EXPECT_EQ(ledger.outstanding(), 0u);
    EXPECT_EQ(ledger.returned(), 5000u);
}

TEST(SoakLedger, IsFullWithAWindowOnItsWay) {
    SoakLedger ledger;
    while (!ledger.full()) static_cast<void>(ledger.leave());
    EXPECT_EQ(ledger.sent(), SoakLedger::window);
    ledger.came_back(0);
    EXPECT_FALSE(ledger.full());
}

TEST(SoakReport, IsCleanOnlyWithoutAnyFault) {
    SoakReport report;
    report.sent = report.verified = 10;
    report.excused = 1;
    EXPECT_TRUE(report.clean());
    for (std::uint64_t SoakReport::*fault :
         {&SoakReport::lost, &SoakReport::doubled, &SoakReport::damaged, &SoakReport::reordered}) {
        SoakReport faulty = report;
        faulty.*fault = 1;
        EXPECT_FALSE(faulty.clean());
    }
    report.changes.kinds["combined"].refused = 1;
    EXPECT_FALSE(report.clean());
}

}  // namespace vmq::mqperf
