// Feature names, parsing, and removing what lacks its base.
#include "driver/virtio/features.hpp"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace vmq::virtio {
namespace {

TEST(Features, NamesAreTheSpecifications) {
    EXPECT_EQ(feature_name(15), "MRG_RXBUF");
    EXPECT_EQ(feature_name(29), "EVENT_IDX");
    EXPECT_EQ(feature_name(32), "VERSION_1");
    EXPECT_EQ(feature_name(4), "BIT_4");
    EXPECT_EQ(feature_name(63), "SPEED_DUPLEX");
    EXPECT_EQ(feature_name(64), "BIT_64");
}

TEST(Features, NamesComeInBitOrder) {
    const FeatureSet set{(std::uint64_t{1} << 42) | FeatureSet{Feature::version_1, Feature::mq, Feature::csum}.bits()};
    EXPECT_EQ(feature_names(set), (std::vector<std::string>{"CSUM", "MQ", "VERSION_1", "BIT_42"}));
    EXPECT_TRUE(feature_names(FeatureSet{}).empty());
}

TEST(Features, EveryNameParsesBack) {
    unsigned known = 0;
    for (unsigned bit = 0; bit < 64; ++bit) {
        const std::string name = feature_name(bit);
        if (name.starts_with("BIT_")) continue;
        ++known;
        EXPECT_EQ(static_cast<unsigned>(parse_feature(name)), bit) << name;
    }
    EXPECT_GT(known, 40U);
}

TEST(Features, ParsingTakesPrefixesAndAnyCase) {
    EXPECT_EQ(parse_feature("VIRTIO_NET_F_MRG_RXBUF"), Feature::mrg_rxbuf);
    EXPECT_EQ(parse_feature("virtio_f_event_idx"), Feature::event_idx);
    EXPECT_EQ(parse_feature("Mq"), Feature::mq);
}

TEST(Features, ParsingRefusesWhatItDoesNotKnow) {
    for (const char* word : {"", "MRG", "MQ ", "VIRTIO_NET_F_", "VIRTIO_NET_F_VIRTIO_F_MQ", "BIT_42"})
        EXPECT_THROW((void)parse_feature(word), std::invalid_argument) << word;
    try {
        (void)parse_feature("fast");
        FAIL();
    } catch (const std::invalid_argument& error) {
        EXPECT_NE(std::string{error.what()}.find("\"fast\""), std::string::npos);
    }
}

TEST(Features, OrphansGoWithTheirBase) {
    const FeatureSet all{~std::uint64_t{0}};
    EXPECT_EQ(without_orphans(all), all);

    FeatureSet no_control = all;
    no_control.remove(Feature::ctrl_vq);
    const FeatureSet left = without_orphans(no_control);
    for (const Feature gone : {Feature::mq, Feature::rss, Feature::ctrl_rx, Feature::ctrl_vlan, Feature::guest_announce,
                               Feature::ctrl_mac_addr, Feature::notf_coal, Feature::vq_notf_coal, Feature::hash_tunnel})
        EXPECT_FALSE(left.has(gone)) << static_cast<unsigned>(gone);
    for (const Feature stays : {Feature::mac, Feature::mtu, Feature::status, Feature::host_tso4, Feature::version_1})
        EXPECT_TRUE(left.has(stays)) << static_cast<unsigned>(stays);
}

TEST(Features, OrphansGoOverTwoSteps) {
    const FeatureSet set{Feature::host_tso4,  Feature::host_ecn,  Feature::rsc_ext,
                         Feature::guest_tso6, Feature::guest_ecn, Feature::mac};
    EXPECT_EQ(without_orphans(set), FeatureSet{Feature::mac});
}

TEST(Features, OneOfTwoBasesIsEnough) {
    const FeatureSet set{Feature::csum, Feature::host_tso6, Feature::host_ecn};
    EXPECT_EQ(without_orphans(set), set);
}

}  // namespace
}  // namespace vmq::virtio
