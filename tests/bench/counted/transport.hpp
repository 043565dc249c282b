// A device in the driver's own process and thread: the minimal backend's data loops behind the driver's transport
// interface. It acts only when poll is called, so that every run is the same run.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "driver/support/event_fd.hpp"
#include "driver/virtio/transport.hpp"
#include "tests/bench/backend/pair.hpp"

namespace vmq::bench {

struct InlineDevice {
    virtio::FeatureSet features;  // offered
    PairSettings settings;
    unsigned pairs = 1;
    unsigned vectors = 0;

    // Pair 0, made when the driver has chosen its features. The others are only there to be configured.
    std::unique_ptr<Pair> pair;
    PairCounters counters;
    std::size_t memory = 0;  // bytes that the driver has allocated
};

// Carries out every command by doing nothing.
class WillingControlPath final : public virtio::ControlPath {
    void carry_out(virtio::ControlClass, std::uint8_t, std::span<const std::byte>, std::chrono::milliseconds,
                   const std::string&, std::span<std::byte>) override {}
};

class InlineTransport final : public virtio::Transport {
public:
    explicit InlineTransport(InlineDevice& device) : device_(device) {}

    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] std::string iommu_mode() const override { return "none"; }

    [[nodiscard]] std::uint8_t status() override { return status_; }
    void set_status(std::uint8_t status) override { status_ = status; }
    void reset() override;

    [[nodiscard]] virtio::FeatureSet device_features() override { return device_.features; }
    void set_driver_features(virtio::FeatureSet features) override;

    [[nodiscard]] std::uint16_t queue_count() override { return static_cast<std::uint16_t>(2 * device_.pairs); }
    [[nodiscard]] std::uint16_t max_queue_size(virtio::QueueIndex queue) override;

    [[nodiscard]] unsigned max_vectors() override { return device_.vectors; }
    [[nodiscard]] std::size_t enable_vectors(std::span<const int> eventfds) override { return eventfds.size(); }
    [[nodiscard]] bool set_config_vector(virtio::VectorIndex) override { return true; }
    [[nodiscard]] bool enable_queue(virtio::QueueIndex queue, const virtio::QueueConfig& config) override;
    [[nodiscard]] virtio::Doorbell doorbell(virtio::QueueIndex) override;

    void read_config(std::size_t offset, std::span<std::byte> bytes) override;
    [[nodiscard]] std::size_t config_size() override { return config_bytes; }
    [[nodiscard]] virtio::ControlPath* control_path() override { return &control_; }

    [[nodiscard]] virtio::DmaBlock allocate(std::size_t size, int numa_node) override;
    [[nodiscard]] virtio::DmaBlock map_memory(std::span<std::byte> memory) override;
    [[nodiscard]] int request_event_fd() override { return -1; }

private:
    static constexpr std::size_t config_bytes = 12;

    InlineDevice& device_;
    WillingControlPath control_;
    const std::string name_ = "inline";
    std::uint8_t status_ = 0;
    support::EventFd kicks_;
};

}  // namespace vmq::bench
