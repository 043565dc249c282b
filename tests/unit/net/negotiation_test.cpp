// A device whose configuration is another at each look. VIRTIO 1.3, 2.5.1 and 5.1.4.
#include "driver/net/negotiation.hpp"

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "tests/fuzz/harness/script.hpp"
#include "tests/fuzz/targets/hostile_transport.hpp"

namespace vmq::net {
namespace {

using virtio::Feature;
using virtio::FeatureSet;

constexpr unsigned agrees = 0;
constexpr unsigned another = 0xff;  // the bytes that follow are read in the place of the field

// Nine virtqueues, four pairs, RSS.
fuzz::Script device(FeatureSet features) {
    fuzz::Script script;
    script.add(features.bits()).u8(0x94).u8(0).u8(24);
    script.u32(0).u16(0).u16(1).u16(4).u16(1500).u32(0).u8(0).u8(40).u16(128).u32(0x3f);
    return script;
}

std::error_code negotiate(FeatureSet features, fuzz::Script script) {
    const std::vector<std::byte> bytes = script.take();
    fuzz::Input input{bytes};
    fuzz::HostileTransport transport{input};
    try {
        const FeatureSet chosen = choose_features(transport, features, {});
        EXPECT_EQ(chosen, features);
        EXPECT_EQ(read_net_config(transport, chosen).max_queue_pairs, 4u);
    } catch (const std::system_error& error) {
        return error.code();
    }
    return {};
}

TEST(Negotiation, ThePairsThatADeviceHasAreCheckedAtEachLook) {
    constexpr FeatureSet features{Feature::version_1, Feature::ctrl_vq, Feature::mq};
    EXPECT_EQ(negotiate(features, device(features).u8(agrees).u8(agrees)), std::error_code{});
    for (const unsigned pairs : {0u, 0x8001u, 0xffffu}) {
        EXPECT_EQ(negotiate(features, device(features).u8(agrees).u8(another).u16(pairs)),
                  make_error_code(Errc::bad_device))
            << pairs;
    }
}

TEST(Negotiation, TheLimitsOfRssAreCheckedAtEachLook) {
    constexpr FeatureSet features{Feature::version_1, Feature::ctrl_vq, Feature::mq, Feature::rss};
    const auto first_look = [&] { return device(features).u8(agrees).u8(agrees).u8(agrees).u8(agrees); };
    EXPECT_EQ(negotiate(features, first_look()), std::error_code{});
    EXPECT_EQ(negotiate(features, first_look().u8(agrees).u8(agrees).u8(another).u8(39)),
              make_error_code(Errc::bad_device))
        << "keys of 39 bytes";
    EXPECT_EQ(negotiate(features, first_look().u8(agrees).u8(agrees).u8(agrees).u8(another).u16(0)),
              make_error_code(Errc::bad_device))
        << "no table";
}

}  // namespace
}  // namespace vmq::net
