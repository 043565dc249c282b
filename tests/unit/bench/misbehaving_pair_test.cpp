// The backend's misdeeds: each is done, as often as asked for, between packets that keep the rules.
#include "tests/bench/backend/misbehaving_pair.hpp"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/bench/backend/backend.hpp"
#include "tests/unit/bench/frontend.hpp"

namespace vmq::bench {
namespace {

using virtio::Feature;
using virtio::FeatureSet;

constexpr std::uint32_t receiveq = 0;
constexpr std::uint32_t transmitq = 1;
constexpr std::uint32_t good_length = 12 + 64;
constexpr std::uint32_t after = 4;
constexpr std::uint16_t ring_size = Frontend::ring_size;

class MisbehavingPairTest : public testing::TestWithParam<bool> {
protected:
    // A backend with that misdeed, and a driver that has filled both its rings.
    void meet(Misdeed kind, std::uint64_t most = 1000) {
        BackendOptions options;
        options.socket = testing::TempDir() + "vmq_misbehaving_" + std::to_string(::getpid());
        options.mode = Mode::both;
        options.yield = true;
        options.burst = after;
        options.features = all_features();
        options.misbehaviour = {kind, after, most};
        backend_.emplace(options);
        thread_ = std::thread{[this] { backend_->run(stop_.fd()); }};
        FeatureSet features{Feature::version_1, Feature::mrg_rxbuf};
        if (GetParam()) features.add(Feature::ring_packed);
        frontend_.emplace(options.socket, features);
        for (std::uint32_t index : {receiveq, transmitq}) frontend_->enable(index, false);
        for (std::uint32_t index : {receiveq, transmitq}) {
            for (std::uint32_t i = 0; i < ring_size; ++i) {
                const bool receives = index == receiveq;
                const std::array piece{
                    Piece{frontend_->address(index, i), receives ? Frontend::buffer_size : good_length}};
                frontend_->rings[index]->offer(piece, receives ? virtio::descriptor_flags::write : std::uint16_t{0});
            }
        }
        for (std::uint32_t index : {receiveq, transmitq}) frontend_->enable(index, true);
    }
    void TearDown() override {
        if (!backend_) return;
        frontend_.reset();
        stop_.signal();
        thread_.join();
    }

    // The lengths of the first receive buffers, with the misdeed's among them.
    std::vector<std::uint32_t> lengths(std::size_t count) {
        std::vector<std::uint32_t> lengths;
        for (const UsedBuffer& buffer : frontend_->take(receiveq, count)) lengths.push_back(buffer.length);
        lengths.resize(count);
        return lengths;
    }
    // The ids of a queue's first buffers; a packed ring by hand cannot tell them once one is wrong.
    void expect_id(std::uint32_t index, std::uint16_t wrong, std::size_t place) {
        if (GetParam()) {
            EXPECT_THROW(frontend_->take(index, ring_size), std::runtime_error);
            return;
        }
        const auto used = frontend_->take(index, after + 2);
        ASSERT_GE(used.size(), after + 2);
        for (std::size_t i = 0; i < after + 2; ++i) EXPECT_EQ(used[i].id, i == place ? wrong : i) << "buffer " << i;
    }
    // All buffers have the length of good ones but that, which is a byte longer.
    void expect_a_mark(std::size_t place) {
        std::vector<std::uint32_t> expected(after + 2, good_length);
        ++expected[place];
        EXPECT_EQ(lengths(expected.size()), expected);
    }
    [[nodiscard]] const virtio::NetHeader& header(std::uint32_t i) const {
        return *reinterpret_cast<const virtio::NetHeader*>(frontend_->at(frontend_->address(receiveq, i)));
    }

    std::optional<Backend> backend_;
    std::optional<Frontend> frontend_;

private:
    support::EventFd stop_;
    std::thread thread_;
};

TEST_P(MisbehavingPairTest, ClaimsMoreThanTheBufferHas) {
    meet(Misdeed::length_beyond);
    const std::uint32_t good = good_length;
    EXPECT_EQ(lengths(6), (std::vector<std::uint32_t>{good, good, good, good, 60'000, good}));
}

TEST_P(MisbehavingPairTest, ClaimsLessThanAHeaderAgainAndAgain) {
    meet(Misdeed::length_short);
    const std::uint32_t good = good_length;
    EXPECT_EQ(lengths(15),
              (std::vector<std::uint32_t>{good, good, good, good, 6, good,  // each misdeed brings a good one
                                          good, good, good, good, 6, good, good, good, good}));
    frontend_->stop(receiveq);
    EXPECT_EQ(backend_->counters().at(0).misdeeds.value(), 2u);
    EXPECT_EQ(backend_->counters().at(0).sent.value(), ring_size - 2u);
}

TEST_P(MisbehavingPairTest, DeliversNothingAfterTheLastMisdeedAndStillTakes) {
    meet(Misdeed::length_short, 1);
    EXPECT_EQ(frontend_->take(receiveq, after + 2).size(), after + 2);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    EXPECT_TRUE(frontend_->rings[receiveq]->take().empty());
    EXPECT_EQ(frontend_->take(transmitq, ring_size).size(), ring_size);
    frontend_->stop(receiveq);
    EXPECT_EQ(backend_->counters().at(0).sent.value(), after + 1);
}

TEST_P(MisbehavingPairTest, NamesABufferThatTheRingDoesNotHave) {
    meet(Misdeed::id_outside);
    expect_id(receiveq, ring_size, after);
}

TEST_P(MisbehavingPairTest, UsesABufferTwice) {
    meet(Misdeed::id_twice);
    expect_id(receiveq, after, after + 1);
}

TEST_P(MisbehavingPairTest, NamesATransmitBufferThatTheRingDoesNotHave) {
    meet(Misdeed::transmit_id_outside);
    expect_id(transmitq, ring_size, after);
}

TEST_P(MisbehavingPairTest, UsesATransmitBufferTwice) {
    meet(Misdeed::transmit_id_twice);
    expect_id(transmitq, after, after + 1);
}

TEST_P(MisbehavingPairTest, LiesAboutTheNumberOfBuffers) {
    meet(Misdeed::many_buffers);
    expect_a_mark(after);
    EXPECT_EQ(header(after - 1).num_buffers.value(), 1);
    EXPECT_EQ(header(after).num_buffers.value(), 0xffff);
    EXPECT_EQ(header(after + 1).num_buffers.value(), 1);
}

TEST_P(MisbehavingPairTest, SaysThatThereIsNoBuffer) {
    meet(Misdeed::no_buffers);
    expect_a_mark(after);
    EXPECT_EQ(header(after).num_buffers.value(), 0);
}

TEST_P(MisbehavingPairTest, WantsAChecksumBehindThePacket) {
    meet(Misdeed::checksum_beyond);
    EXPECT_EQ(lengths(6), std::vector<std::uint32_t>(6, good_length));
    EXPECT_EQ(header(after).flags, virtio::net_header_flags::needs_csum);
    EXPECT_EQ(header(after).csum_start.value(), 60'000);
    EXPECT_EQ(header(after + 1).flags, 0);
}

TEST_P(MisbehavingPairTest, JumpsAheadInASplitRing) {
    if (GetParam()) GTEST_SKIP() << "a packed ring has no index";
    meet(Misdeed::index_jump);
    EXPECT_GT(frontend_->take(receiveq, ring_size + 1u).size(), ring_size);
}

TEST(Misbehaviour, EveryNameIsItsOwn) {
    const auto names = misdeed_names();
    EXPECT_EQ(names.size(), 10u);
    for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(static_cast<std::size_t>(parse_misdeed(names[i])), i);
    EXPECT_THROW(static_cast<void>(parse_misdeed("nothing")), std::out_of_range);
}

INSTANTIATE_TEST_SUITE_P(Layouts, MisbehavingPairTest, testing::Bool(),
                         [](const auto& layout) { return layout.param ? "packed" : "split"; });

}  // namespace
}  // namespace vmq::bench
