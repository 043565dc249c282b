// What all settings have in common: not offered, refused, never answered, and told again to a device that was reset.
#include <ostream>

#include "tests/unit/net/settings_fixture.hpp"

namespace vmq {
namespace {

using Answer = software::ControlBehaviour::Answer;
using virtio::Feature;

struct Setting {
    const char* name;
    Feature feature;  // that it needs
    void (*change)(Device&);
};

void PrintTo(const Setting& setting, std::ostream* stream) { *stream << setting.name; }

class NetEverySetting : public NetSettings, public ::testing::WithParamInterface<Setting> {
protected:
    std::error_code change(std::string* what = nullptr) {
        return error_of([this] { GetParam().change(*vmq); }, what);
    }
    // The settings of the device and what the driver says of them, as text.
    std::string picture() {
        const Info info = vmq->info();
        const software::Settings told = device->settings();
        std::string text;
        const auto add = [&text](const auto&... parts) { ((text += std::to_string(parts) + " "), ...); };
        for (const ReceiveMode& mode : {info.receive_mode, told.receive_mode})
            add(mode.promiscuous, mode.all_multicast, mode.all_unicast, mode.no_multicast, mode.no_unicast,
                mode.no_broadcast);
        for (const MacFilters& filters : {info.mac_filters, told.mac_filters}) {
            for (const MacAddress& mac : filters.unicast) text += to_string(mac) + " ";
            for (const MacAddress& mac : filters.multicast) text += to_string(mac) + " ";
        }
        for (const std::uint16_t vlan : info.vlans) add(vlan);
        for (const std::uint16_t vlan : told.vlans) add(vlan);
        text += to_string(*info.mac) + " " + to_string(device->mac());
        for (const Coalescing& pair : vmq->coalescing().pairs)
            add(pair.receive.usecs, pair.receive.packets, pair.transmit.usecs, pair.transmit.packets);
        for (const auto& [queue, limit] : told.coalescing) add(queue, limit.usecs, limit.packets);
        return text;
    }
};

TEST_P(NetEverySetting, NamesTheFeatureThatIsNotOffered) {
    open(without(with_all(), GetParam().feature));
    const auto before = device->commands();
    std::string what;
    EXPECT_EQ(change(&what), make_error_code(Errc::unsupported));
    const std::string feature = virtio::feature_name(static_cast<unsigned>(GetParam().feature));
    EXPECT_NE(what.find("the device does not offer " + feature), std::string::npos) << what;
    EXPECT_EQ(device->commands(), before);
    vmq.reset();

    options.refused_features = {feature};
    open(with_all());
    EXPECT_EQ(change(&what), make_error_code(Errc::unsupported));
    EXPECT_NE(what.find(feature + " was not negotiated"), std::string::npos) << what;
}

TEST_P(NetEverySetting, ARefusalLeavesTheOldOne) {
    open(with_all());
    const std::string before = picture();
    device->set_control({.answer = Answer::refuse});
    EXPECT_EQ(change(), make_error_code(Errc::device_refused));
    EXPECT_EQ(picture(), before);
    device->set_control({});
    EXPECT_FALSE(change());
    EXPECT_NE(picture(), before);
    EXPECT_TRUE(vmq->info().control_queue_usable);
}

TEST_P(NetEverySetting, WithoutAnAnswerItIsGivenUp) {
    open(with_all());
    const std::string before = picture();
    device->set_control({.answer = Answer::withhold});
    EXPECT_EQ(change(), make_error_code(Errc::device_timeout));
    EXPECT_EQ(picture(), before);
    EXPECT_EQ(change(), make_error_code(Errc::control_queue_unusable));
    EXPECT_FALSE(vmq->info().control_queue_usable);
}

TEST_P(NetEverySetting, OutlivesAReset) {
    open_losable();
    EXPECT_FALSE(change());
    const std::string before = picture();
    reset_device();
    EXPECT_EQ(picture(), before);
    EXPECT_EQ(vmq->stats().control_failures, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, NetEverySetting,
    ::testing::Values(Setting{"ReceiveMode", Feature::ctrl_rx,
                              [](Device& device) { device.set_receive_mode({.promiscuous = false}); }},
                      Setting{
                          "ExtraReceiveMode", Feature::ctrl_rx_extra,
                          [](Device& device) { device.set_receive_mode({.no_unicast = true, .no_broadcast = true}); }},
                      Setting{"MacFilters", Feature::ctrl_rx,
                              [](Device& device) {
                                  device.set_mac_filters({{other_mac}, {group_mac}});
                              }},
                      Setting{"Mac", Feature::ctrl_mac_addr, [](Device& device) { device.set_mac(other_mac); }},
                      Setting{"Vlan", Feature::ctrl_vlan, [](Device& device) { device.add_vlan(77); }},
                      Setting{"Coalescing", Feature::notf_coal,
                              [](Device& device) {
                                  device.set_coalescing({{8, 9}, {10, 11}});
                              }},
                      Setting{"CoalescingOfAPair", Feature::vq_notf_coal,
                              [](Device& device) {
                                  device.set_coalescing(2, {{8, 9}, {10, 11}});
                              }}),
    [](const auto& test) { return std::string{test.param.name}; });

// The second of two commands fails; the first is taken back.
TEST_F(NetSettings, AChangeOfSeveralCommandsHappensWholeOrNotAtAll) {
    open(with_all());
    vmq->set_coalescing(1, {{1, 2}, {3, 4}});
    const auto before = device->settings();
    device->set_control({.refuse_from = device->commands() + 2, .refuse_to = device->commands() + 2});
    EXPECT_EQ(error_of([&] { vmq->set_receive_mode({.promiscuous = false, .all_multicast = true}); }),
              make_error_code(Errc::device_refused));
    EXPECT_EQ(device->settings().receive_mode, before.receive_mode);
    EXPECT_EQ(vmq->info().receive_mode, before.receive_mode);

    device->set_control({.refuse_from = device->commands() + 2, .refuse_to = device->commands() + 2});
    EXPECT_EQ(error_of([&] { vmq->set_coalescing({{8, 9}, {10, 11}}); }), make_error_code(Errc::device_refused));
    auto now = device->settings().coalescing;
    EXPECT_EQ(now[2], (CoalescingLimit{1, 2})) << "the limits of a single pair come back, too";
    EXPECT_EQ(now[3], (CoalescingLimit{3, 4}));
    EXPECT_EQ(now[0], CoalescingLimit{});
    EXPECT_EQ(vmq->coalescing().pairs[1], (Coalescing{{1, 2}, {3, 4}}));

    device->set_control({.refuse_from = device->commands() + 2, .refuse_to = device->commands() + 2});
    EXPECT_EQ(error_of([&] { vmq->set_coalescing(1, {{5, 6}, {7, 8}}); }), make_error_code(Errc::device_refused));
    EXPECT_EQ(device->settings().coalescing[2], (CoalescingLimit{1, 2}));
    EXPECT_EQ(device->settings().coalescing[3], (CoalescingLimit{3, 4}));
}

// Pairs, RSS and everything else at once.
TEST_F(NetSettings, AllComeBackTogetherAfterAReset) {
    software::NetConfig config = with_all();
    config.features.add(Feature::rss);
    options.queue_pairs = 3;
    open_losable(config);
    vmq->set_rss({.weights = {3, 1}});
    vmq->set_receive_mode({.promiscuous = false, .all_multicast = true});
    vmq->set_mac_filters({{other_mac}, {group_mac}});
    vmq->set_mac(strange_mac);
    vmq->add_vlan(7);
    vmq->add_vlan(4094);
    vmq->remove_vlan(7);
    vmq->set_coalescing({{8, 9}, {10, 11}});
    vmq->set_coalescing(0, {{1, 1}, {1, 1}});
    const RssConfig rss = device->rss();
    for (int i = 0; i < 3; ++i) {
        reset_device();
        const software::Settings told = device->settings();
        EXPECT_FALSE(told.receive_mode.promiscuous);
        EXPECT_TRUE(told.receive_mode.all_multicast);
        EXPECT_EQ(told.mac_filters.unicast, std::vector{other_mac});
        EXPECT_EQ(told.mac_filters.multicast, std::vector{group_mac});
        EXPECT_EQ(told.vlans, std::set<std::uint16_t>{4094});
        EXPECT_EQ(told.coalescing.at(0), (CoalescingLimit{1, 1}));
        EXPECT_EQ(told.coalescing.at(5), (CoalescingLimit{10, 11}));
        EXPECT_EQ(device->mac(), strange_mac);
        EXPECT_EQ(device->pairs_in_use(), 3u);
        EXPECT_EQ(device->rss().table, rss.table);
        EXPECT_TRUE(arrives(strange_mac));
        EXPECT_TRUE(arrives(other_mac));
        EXPECT_TRUE(arrives(other_mac, 4094));
        EXPECT_FALSE(arrives(other_mac, 7));
        EXPECT_FALSE(arrives(own_mac));
    }
}

TEST_F(NetSettings, NeedNoControlQueueToSaySo) {
    open(without(software::NetConfig{}, Feature::ctrl_vq));
    EXPECT_EQ(error_of([&] { vmq->set_mac(other_mac); }), make_error_code(Errc::unsupported));
    EXPECT_EQ(error_of([&] { static_cast<void>(vmq->coalescing()); }), make_error_code(Errc::unsupported));
    EXPECT_EQ(error_of([&] { static_cast<void>(vmq->device_stats()); }), make_error_code(Errc::unsupported));
}

}  // namespace
}  // namespace vmq
