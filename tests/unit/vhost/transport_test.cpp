// The transport against a scripted backend: what the driver sees, and what the backend is told.
#include "driver/vhost/transport.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "driver/virtio/initialisation.hpp"
#include "tests/unit/vhost/backend.hpp"
#include "tests/unit/vhost/errors.hpp"
#include "tests/unit/vhost/folder.hpp"

namespace vmq::vhost {
namespace {

using namespace std::chrono_literals;
using virtio::Feature;

constexpr std::size_t megabyte = 1 << 20;

class VhostTransport : public testing::Test {
protected:
    void start(Script script = {}) { backend.emplace(path, std::move(script)); }
    void open(const std::string& words = "") {
        transport.emplace(*parse_address("vhost-user:" + path + words), options);
    }
    // As far as DRIVER_OK, with split rings of 4 entries.
    void run(unsigned pairs, Feature layout = Feature::version_1) {
        transport->check_memory(std::array<support::MemoryNeed, 1>{{{megabyte}}});
        block = transport->allocate(megabyte, -1);
        auto device = virtio::Reset{*transport}.acknowledge().accept(
            virtio::FeatureSet{Feature::mq, Feature::ctrl_vq, Feature::mtu, layout});
        static_cast<void>(transport->enable_vectors(std::vector<int>{0, 0, vector.fd()}));
        for (std::uint16_t queue = 0; queue < 2 * pairs; ++queue) {
            virtio::QueueConfig config{4, block.iova, block.iova + 4096, block.iova + 8192, virtio::no_vector};
            if (queue == 0) config.vector = {2};
            ASSERT_TRUE(device.enable_queue({queue}, config));
        }
        static_cast<void>(std::move(device).start());
    }
    void set_pairs(unsigned count, std::chrono::milliseconds deadline = 1s) {
        const support::le16 data{static_cast<std::uint16_t>(count)};
        transport->control_path()->execute(virtio::ControlClass::mq, virtio::mq_command::vq_pairs_set,
                                           std::as_bytes(std::span{&data, 1}), deadline, "change");
    }
    template <typename T>
    T read_config(std::size_t offset) {
        T value{};
        transport->read_config(offset, std::as_writable_bytes(std::span{&value, 1}));
        return value;
    }

    Folder folder;
    std::string path = folder.path() / "s";
    Options options;
    support::EventFd vector;
    std::optional<ScriptedBackend> backend;
    virtio::DmaBlock block;
    std::optional<VhostUserTransport> transport;
};

TEST_F(VhostTransport, OffersWhatIsTheBackendsAndWhatItPlaysItself) {
    Script script;
    script.features |= std::uint64_t{1} << 33 | 1u << 18 | 1u << 21 | std::uint64_t{1} << 34;
    start(script);
    open();
    const virtio::FeatureSet features = transport->device_features();
    for (const Feature there : {Feature::mq, Feature::mrg_rxbuf, Feature::version_1, Feature::ring_packed, Feature::mac,
                                Feature::status, Feature::ctrl_vq})
        EXPECT_TRUE(features.has(there)) << static_cast<unsigned>(there);
    // ACCESS_PLATFORM would make ring addresses mean something else; the others need a control queue's own commands.
    for (const Feature absent : {Feature::access_platform, Feature::ctrl_rx, Feature::guest_announce})
        EXPECT_FALSE(features.has(absent)) << static_cast<unsigned>(absent);
    EXPECT_EQ(features.bits() & protocol_features_bit, 0u);
    EXPECT_EQ(transport->name(), "vhost-user:" + path);
}

TEST_F(VhostTransport, DoesNotReachTheApplicationsOwnMemory) {
    start();
    open();
    std::array<std::byte, 4096> memory{};
    const Caught refused = caught([&] { static_cast<void>(transport->map_memory(memory)); });
    EXPECT_EQ(refused.code, make_error_code(Errc::unsupported));
    EXPECT_TRUE(refused.says("registering 4096 bytes")) << refused.text;
    EXPECT_TRUE(refused.says("copy into packets")) << refused.text;
}

TEST_F(VhostTransport, PlaysTheConfigurationSpace) {
    options.mtu = 9000;
    start();
    open();
    EXPECT_EQ(read_config<support::le16>(virtio::net_config::max_virtqueue_pairs).value(), 4);
    EXPECT_EQ(read_config<support::le16>(virtio::net_config::mtu).value(), 9000);
    EXPECT_EQ(read_config<support::le16>(virtio::net_config::status).value(), virtio::net_status::link_up);
    const auto mac = read_config<MacAddress>(virtio::net_config::mac);
    EXPECT_EQ(mac[0] & 3, 2);  // unicast, locally administered
    EXPECT_EQ(caught([&] { static_cast<void>(read_config<support::le32>(10)); }).code, Errc::bad_device);
}

TEST_F(VhostTransport, TellsTheBackendAllOfARunningDevice) {
    options.mtu = 2000;
    start();
    open();
    run(2);
    backend->look([&](const ScriptedBackend& b) {
        EXPECT_EQ(b.accepted_features,
                  protocol_features_bit | std::uint64_t{1} << 32 | 1u << 22 | 1u << 3);  // CTRL_VQ is not its own
        EXPECT_EQ(b.mtu, 2000u);
        EXPECT_EQ(b.status, 1 | 2 | 4 | 8);
        EXPECT_EQ(b.vrings.size(), 4u);
        const Vring& vring = b.vrings.at(0);
        EXPECT_EQ(vring.size, 4u);
        EXPECT_EQ(vring.base, 0u);
        EXPECT_EQ(vring.address.descriptor, block.iova.value);
        EXPECT_EQ(vring.address.available, block.iova.value + 4096);
        EXPECT_EQ(vring.address.used, block.iova.value + 8192);
        EXPECT_TRUE(vring.call);
        EXPECT_TRUE(b.vrings.at(1).call_known);
        EXPECT_FALSE(b.vrings.at(1).call);  // polled
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(vring.call.get(), &one, sizeof one), 8);
    });
    EXPECT_EQ(vector.drain(), 1u);
    EXPECT_EQ(backend->enabled_pairs(), 1u);
    // Started by a kick, and reached by the doorbell.
    transport->doorbell({1}).ring(0);
    backend->look([](const ScriptedBackend& b) {
        std::uint64_t kicks = 0;
        EXPECT_EQ(::read(b.vrings.at(1).kick.get(), &kicks, sizeof kicks), 8);
        EXPECT_EQ(kicks, 2u);
    });
}

TEST_F(VhostTransport, APackedRingBeginsWithItsWrapCounters) {
    Script script;
    script.features |= std::uint64_t{1} << 34;
    start(script);
    open();
    run(1, Feature::ring_packed);
    backend->look([](const ScriptedBackend& b) { EXPECT_EQ(b.vrings.at(1).base, 0x8000'8000u); });
}

TEST_F(VhostTransport, ChangesTheNumberOfPairs) {
    start();
    open();
    run(4);
    for (const unsigned count : {4u, 1u, 3u, 2u, 2u}) {
        set_pairs(count);
        EXPECT_EQ(backend->enabled_pairs(), count);
    }
    EXPECT_EQ(transport->control_path()->commands(), 5u);
    for (const unsigned count : {0u, 5u}) EXPECT_EQ(caught([&] { set_pairs(count); }).code, Errc::device_refused);
    EXPECT_EQ(backend->enabled_pairs(), 2u);
}

TEST_F(VhostTransport, ARefusedChangeLeavesTheOldNumber) {
    Script script;
    script.refuse = [](const Message& message) -> std::optional<std::uint64_t> {
        const auto state = message.as<VringState>();
        if (message.request == Request::set_vring_enable && state.index == 5 && state.num == 1) return 1;
        return std::nullopt;
    };
    start(script);
    open();
    run(4);
    EXPECT_EQ(caught([&] { set_pairs(4); }).code, Errc::device_refused);
    EXPECT_EQ(backend->enabled_pairs(), 1u);
    set_pairs(2);
    EXPECT_EQ(backend->enabled_pairs(), 2u);
    EXPECT_EQ(transport->control_path()->failures(), 1u);
    EXPECT_TRUE(transport->control_path()->usable());
}

TEST_F(VhostTransport, AChangeThatIsNeverAnsweredEndsTheConnection) {
    Script script;
    script.refuse = [](const Message& message) -> std::optional<std::uint64_t> {
        const auto state = message.as<VringState>();
        if (message.request == Request::set_vring_enable && state.index == 2 && state.num == 1)
            std::this_thread::sleep_for(300ms);
        return std::nullopt;
    };
    start(script);
    open();
    run(2);
    EXPECT_EQ(caught([&] { set_pairs(2, 100ms); }).code, Errc::device_timeout);
    EXPECT_FALSE(transport->check_connection());
    EXPECT_EQ(caught([&] { set_pairs(2); }).code, Errc::control_queue_unusable);
}

TEST_F(VhostTransport, GrowsItsMemoryByAnotherTable) {
    start();
    open();
    run(1);
    EXPECT_EQ(backend->region_count(), 1u);
    const auto more = transport->allocate(8 * megabyte, -1);
    EXPECT_EQ(backend->region_count(), 2u);
    const auto within = transport->allocate(64 << 10, -1);
    EXPECT_EQ(backend->requests().back(), Request::set_mem_table);
}

TEST_F(VhostTransport, GrowsItsMemoryByARegionWhereThatIsOffered) {
    Script script;
    script.protocol_features |= 1u << 15;
    start(script);
    open();
    run(1);
    const auto more = transport->allocate(8 * megabyte, -1);
    EXPECT_EQ(backend->requests().back(), Request::add_mem_reg);
    EXPECT_EQ(backend->region_count(), 2u);
}

TEST_F(VhostTransport, MemoryThatTheBackendRefusesIsNotUsed) {
    Script script;
    script.protocol_features |= 1u << 15;
    script.refuse = [](const Message& message) -> std::optional<std::uint64_t> {
        if (message.request == Request::add_mem_reg) return 1;
        return std::nullopt;
    };
    start(script);
    open();
    run(1);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(caught([&] { static_cast<void>(transport->allocate(8 * megabyte, -1)); }).code, Errc::device_refused);
    }
}

TEST_F(VhostTransport, NoticesFeaturesThatTheBackendDoesNotAgreeTo) {
    Script script;
    script.status_mask = 0xf7;
    start(script);
    open();
    const Caught error = caught([&] { run(1); });
    EXPECT_EQ(error.code, Errc::device_refused);
    EXPECT_TRUE(error.says("FEATURES_OK")) << error.text;
}

TEST_F(VhostTransport, AnMtuThatTheBackendRefuses) {
    Script script;
    script.refuse = [](const Message& message) -> std::optional<std::uint64_t> {
        if (message.request == Request::net_set_mtu) return 1;
        return std::nullopt;
    };
    start(script);
    open();
    const Caught error = caught([&] { run(1); });
    EXPECT_EQ(error.code, Errc::device_refused);
    EXPECT_TRUE(error.says("NET_SET_MTU")) << error.text;
}

TEST_F(VhostTransport, ResetStopsEveryVring) {
    start();
    open();
    run(2);
    transport->reset();
    backend->look([](const ScriptedBackend& b) {
        for (const auto& [index, vring] : b.vrings) EXPECT_TRUE(vring.stopped) << index;
        EXPECT_EQ(b.status, 0);
    });
    run(2);  // and it can start again on the same connection
    EXPECT_EQ(backend->enabled_pairs(), 1u);
}

TEST_F(VhostTransport, TheNumberOfPairsIsTheAddresss) {
    start();
    open(",queues=2");
    EXPECT_EQ(transport->queue_count(), 4);
    transport.reset();
    const Caught error = caught([&] { open(",queues=5"); });
    EXPECT_EQ(error.code, Errc::out_of_range);
    EXPECT_TRUE(error.says("queues=5, the backend has 4")) << error.text;
}

TEST_F(VhostTransport, ABackendThatClaimsEverythingLeavesTheNumberToTheApplication) {
    Script script;
    script.queue_pairs = 128;
    start(script);
    open();
    EXPECT_EQ(transport->queue_count(), 2);
    EXPECT_FALSE(transport->device_features().has(Feature::mq) && transport->queue_count() == 0);
    transport.reset();
    options.queue_pairs = 3;
    open();
    EXPECT_EQ(transport->queue_count(), 6);
}

TEST_F(VhostTransport, NoticesThatTheBackendIsGoneAndFindsItsSuccessor) {
    start();
    open();
    run(1);
    EXPECT_TRUE(transport->check_connection());
    backend.reset();
    EXPECT_FALSE(transport->check_connection());
    EXPECT_EQ(read_config<support::le16>(virtio::net_config::status).value(), 0);
    EXPECT_FALSE(transport->reconnect());
    EXPECT_EQ(caught([&] { static_cast<void>(transport->allocate(8 * megabyte, -1)); }).code, Errc::device_removed);
    transport->reset();  // nothing to stop, and so no error
    start();
    EXPECT_TRUE(transport->reconnect());
    EXPECT_TRUE(transport->check_connection());
    EXPECT_EQ(read_config<support::le16>(virtio::net_config::status).value(), virtio::net_status::link_up);
}

}  // namespace
}  // namespace vmq::vhost
