// The chain of states: order of the steps, refusals, and FAILED whenever it is given up.
#include "driver/virtio/initialisation.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::virtio {
namespace {

// Notes what is done to it, and refuses where it is told to.
class FakeTransport final : public Transport {
public:
    const std::string& name() const override { return name_; }
    std::string iommu_mode() const override { return "none"; }
    bool is_legacy() const override { return legacy; }
    std::uint8_t status() override {
        if (gone) support::fail(Errc::device_removed, "reading the device status of " + name_);
        return status_;
    }
    void set_status(std::uint8_t status) override {
        log.push_back("status " + std::to_string(status));
        status_ = static_cast<std::uint8_t>(status & ~refused_bits);
        if ((status & device_status::driver_ok) != 0) status_ |= added_at_start;
    }
    void reset() override {
        log.emplace_back("reset");
        status_ = 0;
    }
    FeatureSet device_features() override {
        log.emplace_back("features?");
        return offered;
    }
    void set_driver_features(FeatureSet features) override {
        log.emplace_back("features!");
        accepted = features;
    }
    std::uint16_t queue_count() override { return 2; }
    std::uint16_t max_queue_size(QueueIndex) override { return 256; }
    unsigned max_vectors() override { return 0; }
    std::size_t enable_vectors(std::span<const int>) override { return 0; }
    bool set_config_vector(VectorIndex) override {
        log.emplace_back("config vector");
        return false;
    }
    bool enable_queue(QueueIndex queue, const QueueConfig&) override {
        if (queue.value > 1) support::fail(Errc::out_of_range, "enabling a virtqueue");
        log.push_back("queue " + std::to_string(queue.value));
        return true;
    }
    Doorbell doorbell(QueueIndex) override { return {}; }
    void read_config(std::size_t, std::span<std::byte>) override {}
    std::size_t config_size() override { return 0; }
    DmaBlock allocate(std::size_t, int) override { return {}; }
    int request_event_fd() override { return -1; }

    FeatureSet offered{Feature::version_1, Feature::mac, Feature::mq, Feature::event_idx};
    FeatureSet accepted;
    std::uint8_t refused_bits = 0;
    std::uint8_t added_at_start = 0;
    bool gone = false;
    bool legacy = false;
    std::vector<std::string> log;

private:
    std::string name_ = "0000:00:04.0";
    std::uint8_t status_ = 0x0f;
};

using Log = std::vector<std::string>;

template <typename Call>
std::string failure(Errc code, Call call) {
    try {
        call();
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), make_error_code(code)) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "did not throw";
    return {};
}

TEST(Initialisation, StepsComeInTheOrderOfTheSpecification) {
    FakeTransport transport;
    {
        FeaturesOk ready = Reset{transport}.acknowledge().accept(FeatureSet{Feature::mac, Feature::event_idx});
        EXPECT_FALSE(ready.set_config_vector(VectorIndex{0}));
        EXPECT_TRUE(ready.enable_queue(QueueIndex{0}, {}));
        EXPECT_TRUE(ready.enable_queue(QueueIndex{1}, {}));
        const Running running = std::move(ready).start();
        EXPECT_EQ(running.features(), (FeatureSet{Feature::mac, Feature::event_idx, Feature::version_1}));
        EXPECT_EQ(&running.transport(), &transport);
    }
    EXPECT_EQ(transport.log, (Log{"reset", "status 1", "status 3", "features?", "features!", "status 11",
                                  "config vector", "queue 0", "queue 1", "status 15"}));
    EXPECT_EQ(transport.accepted, (FeatureSet{Feature::mac, Feature::event_idx, Feature::version_1}));
}

TEST(Initialisation, OnlyOfferedFeaturesAreAcceptedAndNoOrphans) {
    FakeTransport transport;
    auto acknowledged = Reset{transport}.acknowledge();
    EXPECT_EQ(acknowledged.device_features(), transport.offered);
    // MQ is offered and wanted, but not its control queue; CSUM is wanted, but not offered.
    const FeaturesOk ready =
        std::move(acknowledged).accept(FeatureSet{Feature::mq, Feature::ctrl_vq, Feature::csum, Feature::mac});
    EXPECT_EQ(ready.features(), (FeatureSet{Feature::mac, Feature::version_1}));
    EXPECT_EQ(transport.accepted, ready.features());
}

TEST(Initialisation, ADeviceWithoutVersion1IsNotSupported) {
    FakeTransport transport;
    transport.offered.remove(Feature::version_1);
    const std::string text =
        failure(Errc::unsupported, [&] { (void)Reset{transport}.acknowledge().accept(FeatureSet{Feature::mac}); });
    EXPECT_NE(text.find("VERSION_1"), std::string::npos);
    EXPECT_EQ(transport.log.back(), "status 131");
    EXPECT_EQ(transport.accepted, FeatureSet{});
}

// 3.1.2: what it accepts is not confirmed, and there is no VERSION_1.
TEST(Initialisation, ALegacyDeviceIsNotAskedWhetherItAgrees) {
    FakeTransport transport;
    transport.legacy = true;
    transport.offered = FeatureSet{Feature::mac, Feature::any_layout, Feature::event_idx};
    transport.refused_bits = device_status::features_ok;
    FeaturesOk ready = Reset{transport}.acknowledge().accept(FeatureSet{Feature::mac, Feature::any_layout});
    EXPECT_TRUE(ready.enable_queue(QueueIndex{0}, {}));
    const Running running = std::move(ready).start();
    EXPECT_EQ(running.features(), (FeatureSet{Feature::mac, Feature::any_layout}));
    EXPECT_EQ(transport.log, (Log{"reset", "status 1", "status 3", "features?", "features!", "queue 0", "status 7"}));
}

TEST(Initialisation, ARefusalNamesTheFeatures) {
    FakeTransport transport;
    transport.refused_bits = device_status::features_ok;
    const std::string text = failure(Errc::device_refused, [&] {
        (void)Reset{transport}.acknowledge().accept(FeatureSet{Feature::mac, Feature::event_idx});
    });
    EXPECT_NE(text.find("MAC EVENT_IDX VERSION_1"), std::string::npos);
    EXPECT_NE(text.find("0000:00:04.0"), std::string::npos);
    EXPECT_EQ(transport.log.back(), "status 131");
}

TEST(Initialisation, GivingUpSetsFailedOnce) {
    FakeTransport transport;
    const auto give_up = [&] {
        FeaturesOk ready = Reset{transport}.acknowledge().accept(FeatureSet{Feature::mac});
        (void)ready.enable_queue(QueueIndex{2}, {});
    };
    failure(Errc::out_of_range, give_up);
    EXPECT_EQ(transport.log,
              (Log{"reset", "status 1", "status 3", "features?", "features!", "status 11", "status 139"}));
}

TEST(Initialisation, EveryStateGivesUpWhenItIsDropped) {
    FakeTransport transport;
    { const Reset reset{transport}; }
    EXPECT_EQ(transport.log.back(), "status 128");
    { const Acknowledged acknowledged = Reset{transport}.acknowledge(); }
    EXPECT_EQ(transport.log.back(), "status 131");
}

TEST(Initialisation, ADeviceThatDoesNotStart) {
    for (const auto& [refused, added] : {std::pair{device_status::driver_ok, 0}, {0, device_status::needs_reset}}) {
        FakeTransport transport;
        transport.refused_bits = static_cast<std::uint8_t>(refused);
        transport.added_at_start = static_cast<std::uint8_t>(added);
        FeaturesOk ready = Reset{transport}.acknowledge().accept(FeatureSet{Feature::mac});
        failure(Errc::device_refused, [&] { (void)std::move(ready).start(); });
    }
}

TEST(Initialisation, ADeviceThatGoesAwayIsNoReasonToTerminate) {
    FakeTransport transport;
    {
        FeaturesOk ready = Reset{transport}.acknowledge().accept(FeatureSet{Feature::mac});
        transport.gone = true;
        failure(Errc::device_removed, [&] { (void)std::move(ready).start(); });
    }
    EXPECT_EQ(transport.log.back(), "status 11");
}

// A step can be taken once only, and by the state that allows it.
static_assert(!std::is_copy_constructible_v<Reset> && !std::is_copy_constructible_v<Acknowledged> &&
              !std::is_copy_constructible_v<FeaturesOk>);
template <typename State>
concept Starts = requires(State& state) {
    state.start();
};
static_assert(!Starts<FeaturesOk>);

}  // namespace
}  // namespace vmq::virtio
