// Opening a device: what is negotiated, the vector ladder, and devices that cannot be used.
#include <array>
#include <ostream>

#include "tests/unit/net/fixture.hpp"

namespace vmq {
namespace {

using virtio::Feature;

class NetOpen : public NetTest {};

TEST_F(NetOpen, TellsWhatWasNegotiated) {
    software::NetConfig config;
    config.config.mtu = 1400;
    options.queue_pairs = 2;
    const Info info = open(config).info();
    EXPECT_EQ(info.name, "software:0");
    EXPECT_EQ(info.mac, (MacAddress{0x52, 0x54, 0x00, 0x12, 0x34, 0x56}));
    EXPECT_EQ(info.mtu, 1400u);
    EXPECT_TRUE(info.link_up);
    EXPECT_EQ(info.negotiated_features, device->features().bits());
    EXPECT_EQ(info.device_features, software::usual_features.bits());
    EXPECT_EQ(info.ring_size, 256u);
    EXPECT_EQ(info.queue_pairs, 2u);
    EXPECT_EQ(info.max_queue_pairs, 4u);
    EXPECT_EQ(info.iommu_mode, "checked");
    EXPECT_TRUE(info.control_queue_usable);
    ASSERT_EQ(info.pairs.size(), 4u);
    EXPECT_EQ(info.pairs[1].state, PairState::active);
    EXPECT_EQ(info.pairs[2].state, PairState::parked);
    EXPECT_EQ(device->pairs_in_use(), 2u);
    EXPECT_EQ(device->status(), 15);
}

// VIRTIO 1.3, 2.2.1; 6.3 for bit 30.
TEST_F(NetOpen, AnOfferedFeatureThatNobodyKnowsIsIgnored) {
    constexpr std::uint64_t unknown = std::uint64_t{1} << 4 | std::uint64_t{1} << 30 | std::uint64_t{1} << 49;
    software::NetConfig config;
    config.features = config.features | virtio::FeatureSet{unknown};
    const Info info = open(config).info();
    EXPECT_EQ(info.device_features & unknown, unknown);
    EXPECT_EQ(info.negotiated_features & unknown, 0u);
}

// 5.1.6.2.1 and 6.1
TEST_F(NetOpen, WhatADriverShouldAcceptIsAccepted) {
    const virtio::FeatureSet wanted{Feature::access_platform, Feature::ring_packed,       Feature::order_platform,
                                    Feature::guest_hdrlen,    Feature::notif_config_data, Feature::version_1};
    software::NetConfig config;
    config.features = config.features | wanted;
    EXPECT_EQ(virtio::FeatureSet{open(config).info().negotiated_features} & wanted, wanted);
}

TEST_F(NetOpen, ClosingResets) {
    open();
    vmq.reset();
    EXPECT_EQ(device->status(), 0);
    EXPECT_EQ(device->memory().live_blocks(), 0u);
}

TEST_F(NetOpen, FollowsTheLink) {
    open();
    device->change_config([](software::ConfigValues& values) { values.link_up = false; });
    EXPECT_TRUE(eventually([&] { return !vmq->info().link_up; }));
    device->change_config([](software::ConfigValues& values) { values.link_up = true; });
    EXPECT_TRUE(eventually([&] { return vmq->info().link_up; }));
    EXPECT_EQ(vmq->stats().config_changes, 2u);
}

TEST_F(NetOpen, NoticesTheLinkWithoutAnInterrupt) {
    open();
    device->interrupts().set_mode(software::InterruptMode::lost);
    device->change_config([](software::ConfigValues& values) { values.link_up = false; });
    EXPECT_TRUE(eventually([&] { return !vmq->info().link_up; }));
}

// faults.md 13
TEST_F(NetOpen, AConfigurationThatNeverSettlesIsAnError) {
    software::NetConfig config;
    config.config.never_stable = true;
    EXPECT_EQ(open_error(config), make_error_code(Errc::bad_device));
    EXPECT_EQ(device->status(), 0);
}

// 14
TEST_F(NetOpen, RefusedFeaturesAreNamed) {
    std::string what;
    EXPECT_EQ(open_error({.refuse_features = true}, &what), make_error_code(Errc::device_refused));
    EXPECT_NE(what.find("VERSION_1"), std::string::npos) << what;
    EXPECT_EQ(device->status(), 0);
}

TEST_F(NetOpen, FeaturesWithoutTheirBaseAreLeftOut) {
    const Info info = open(without({}, Feature::ctrl_vq)).info();
    EXPECT_FALSE(virtio::FeatureSet{info.negotiated_features}.has(Feature::mq));
    EXPECT_EQ(info.max_queue_pairs, 1u);
    EXPECT_FALSE(info.control_queue_usable);
}

TEST_F(NetOpen, AModernDeviceWithoutVersion1IsUnsupported) {
    std::string what;
    EXPECT_EQ(open_error(without({}, Feature::version_1), &what), make_error_code(Errc::unsupported));
    EXPECT_NE(what.find("VERSION_1"), std::string::npos) << what;
}

// 15
TEST_F(NetOpen, AnImpossibleNumberOfPairsLeavesOne) {
    for (const std::uint16_t pairs : std::array<std::uint16_t, 3>{0, 0x8001, 0xffff}) {
        software::NetConfig config;
        config.config.max_queue_pairs = pairs;
        EXPECT_EQ(open(config).max_queue_pairs(), 1u) << pairs;
        EXPECT_TRUE(logged("max_virtqueue_pairs " + std::to_string(pairs)));
        EXPECT_FALSE(device->features().has(Feature::mq));
    }
}

TEST_F(NetOpen, MorePairsThanVirtqueuesIsAnError) {
    software::NetConfig config;
    config.config.max_queue_pairs = 5;
    std::string what;
    EXPECT_EQ(open_error(config, &what), make_error_code(Errc::bad_device));
    EXPECT_NE(what.find("9 virtqueues"), std::string::npos) << what;
    EXPECT_EQ(device->status(), 0);
}

// 16
TEST_F(NetOpen, AWrongQueueSizeIsNamed) {
    for (const std::uint16_t size : std::array<std::uint16_t, 3>{0, 100, 0xffff}) {
        std::string what;
        EXPECT_EQ(open_error({.queue_sizes = {{5, size}}}, &what), make_error_code(Errc::bad_device));
        EXPECT_NE(what.find("virtqueue 5"), std::string::npos) << what;
        EXPECT_EQ(device->status(), 0);
    }
}

// 2.8.10.1, 4.1.5.1.3
TEST_F(NetOpen, APackedRingMayHaveAnySize) {
    software::NetConfig config;
    config.queue_size = 300;
    config.queue_sizes[8] = 33;  // the control queue
    config.features.add(Feature::ring_packed);
    options.queue_pairs = 1;
    EXPECT_EQ(open(config).info().ring_size, 256u);
    vmq->set_queue_pairs(2);
    EXPECT_EQ(device->pairs_in_use(), 2u);
    QueuePair pair = vmq->take_queue_pair(0);
    Batch batch;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const auto frame = software::make_frame({1, i}, 60);
        ASSERT_TRUE(device->inject(0, frame)) << i;
        ASSERT_EQ(pair.recv(batch), 1u) << i;
        ASSERT_EQ(pair.send(batch), 1u) << i;
        device->step();
        ASSERT_EQ(device->take_transmitted(0).at(0), frame);
    }
}

TEST_F(NetOpen, AMissingControlQueueIsNamed) {
    std::string what;
    EXPECT_EQ(open_error({.queue_sizes = {{8, 0}}}, &what), make_error_code(Errc::bad_device));
    EXPECT_NE(what.find("virtqueue 8"), std::string::npos) << what;
}

// 5.1.6.5: what the driver reads and what the device writes of a command have a descriptor each at least.
TEST_F(NetOpen, AControlQueueTooSmallForACommandIsNamed) {
    std::string what;
    EXPECT_EQ(open_error({.queue_sizes = {{8, 1}}}, &what), make_error_code(Errc::bad_device));
    EXPECT_NE(what.find("control queue: size 1"), std::string::npos) << what;
    open({.queue_sizes = {{8, 2}}}).set_queue_pairs(2);
    EXPECT_EQ(device->pairs_in_use(), 2u);
}

TEST_F(NetOpen, AResetThatNeverEndsIsAnError) {
    EXPECT_EQ(open_error({.never_resets = true, .reset_deadline = 5ms}), make_error_code(Errc::device_timeout));
}

TEST_F(NetOpen, ASlowResetIsWaitedFor) {
    open({.reset_time = 30ms});
    EXPECT_EQ(device->status(), 15);
}

TEST_F(NetOpen, AnMtuBelowTheSmallestIsAnError) {
    software::NetConfig config;
    config.config.mtu = 67;
    EXPECT_EQ(open_error(config), make_error_code(Errc::bad_device));
}

TEST_F(NetOpen, OptionsThatMakeNoSenseAreRefused) {
    const auto refused = [this](auto change) {
        const Options before = options;
        change(options);
        device.emplace();
        EXPECT_THROW(static_cast<void>(DeviceFactory::open(device->transport(), options)), std::invalid_argument);
        EXPECT_EQ(device->memory().live_blocks(), 0u);
        options = before;
    };
    refused([](Options& wrong) { wrong.ring_size = 100; });
    refused([](Options& wrong) { wrong.buffers_per_pair = 64; });
    refused([](Options& wrong) { wrong.buffer_size = 100; });
    refused([](Options& wrong) { wrong.mtu = 1501; });
    refused([](Options& wrong) { wrong.refused_features = {"NO_SUCH_FEATURE"}; });
}

TEST_F(NetOpen, MorePairsThanThereAreIsAnError) {
    options.queue_pairs = 5;
    EXPECT_EQ(open_error({}), make_error_code(Errc::out_of_range));
    EXPECT_EQ(device->status(), 0);
}

// 28, as far as the device's memory goes.
TEST_F(NetOpen, EachFailedAllocationIsUndone) {
    options.queue_pairs = 4;
    int failures = 0;
    for (bool opened = false; !opened; ++failures) {
        ASSERT_LT(failures, 100);
        device.emplace();
        device->memory().fail_after(failures);
        try {
            const Device any = DeviceFactory::open(device->transport(), options);
            opened = true;
        } catch (const std::bad_alloc&) {
        }
        EXPECT_EQ(device->status(), 0);
        EXPECT_EQ(device->memory().live_blocks(), 0u);
        EXPECT_TRUE(device->violations().empty()) << device->violations()[0];
    }
    EXPECT_GT(failures, 8) << "four rings, the control queue and four pools";
}

struct Ladder {
    const char* name;
    unsigned max_vectors;
    std::optional<std::size_t> granted;
    std::set<std::uint16_t> refused;
    unsigned used;
    const char* sharing;
};

void PrintTo(const Ladder& ladder, std::ostream* stream) { *stream << ladder.name; }

class NetVectors : public NetTest, public ::testing::WithParamInterface<Ladder> {};

// 20
TEST_P(NetVectors, EachRungCarriesInterruptsToTheSleeper) {
    const Ladder& ladder = GetParam();
    options.queue_pairs = 4;
    open({.max_vectors = ladder.max_vectors, .granted_vectors = ladder.granted, .refused_vectors = ladder.refused});
    EXPECT_EQ(vmq->info().vectors, ladder.used);
    EXPECT_EQ(vmq->info().vector_sharing, ladder.sharing);
    for (unsigned index = 0; index < 4; ++index) {
        QueuePair pair = vmq->take_queue_pair(index);
        EXPECT_EQ(pair.event_fd() < 0, ladder.used == 0);
        Batch batch;
        for (int i = 0; i < 20; ++i) {
            const std::jthread later{[&] {
                std::this_thread::sleep_for(2ms);
                EXPECT_TRUE(device->inject(index, software::make_frame({}, 60)));
            }};
            const auto start = std::chrono::steady_clock::now();
            ASSERT_EQ(pair.wait(10s), WakeReason::ready);
            EXPECT_LT(std::chrono::steady_clock::now() - start, 900ms) << "found by looking, not by an interrupt";
            ASSERT_EQ(pair.recv(batch), 1u);
        }
    }
    // The sums are exact once everything has been counted.
    const auto sums_are_exact = [&] {
        const InterruptTable table = vmq->interrupts();
        return table.vectors.size() == ladder.used && std::ranges::all_of(table.vectors, [&](const VectorStats& row) {
                   return row.eventfd_sum == device->interrupts().count(row.vector);
               });
    };
    EXPECT_TRUE(eventually(sums_are_exact));
}

INSTANTIATE_TEST_SUITE_P(
    Rungs, NetVectors,
    ::testing::Values(Ladder{"PerQueue", 10, {}, {}, 10, "per queue"}, Ladder{"More", 64, {}, {}, 10, "per queue"},
                      Ladder{"PerPair", 9, {}, {}, 6, "per pair"}, Ladder{"PerPairExactly", 6, {}, {}, 6, "per pair"},
                      Ladder{"Shared", 5, {}, {}, 2, "shared"}, Ladder{"Two", 2, {}, {}, 2, "shared"},
                      Ladder{"One", 1, {}, {}, 1, "shared"}, Ladder{"None", 0, {}, {}, 0, "polling"},
                      Ladder{"FewerGranted", 64, 6, {}, 6, "per pair"}, Ladder{"OneGranted", 64, 1, {}, 1, "shared"},
                      Ladder{"NoneGranted", 64, 0, {}, 0, "polling"},
                      Ladder{"NoVectorForAQueue", 64, {}, {8}, 6, "per pair"},
                      Ladder{"NoVectorForConfig", 64, {}, {0}, 0, "polling"}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST_F(NetOpen, PollModeAsksForNoVectors) {
    options.mode = Mode::poll;
    QueuePair pair = open().take_queue_pair(0);
    EXPECT_EQ(vmq->info().vectors, 0u);
    EXPECT_EQ(device->interrupts().connected(), 0u);
    EXPECT_EQ(pair.event_fd(), -1);
    ASSERT_TRUE(device->inject(0, software::make_frame({}, 60)));
    EXPECT_EQ(pair.wait(1s), WakeReason::ready);
}

}  // namespace
}  // namespace vmq
