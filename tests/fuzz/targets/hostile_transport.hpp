// A device that answers what its input says to whatever the driver asks of it on the way to its start, and to control
// commands. VIRTIO 1.3, 3.1 and 5.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "driver/virtio/transport.hpp"
#include "tests/fuzz/harness/input.hpp"

namespace vmq::fuzz {

class HostileTransport final : public virtio::Transport {
public:
    // The input outlives it. The first bytes: what it offers, and its configuration.
    explicit HostileTransport(Input& input);

    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] std::string iommu_mode() const override { return "none"; }
    [[nodiscard]] bool is_legacy() const override { return is_legacy_; }

    [[nodiscard]] std::uint8_t status() override;
    void set_status(std::uint8_t status) override { status_ = status; }
    void reset() override;
    [[nodiscard]] virtio::FeatureSet device_features() override { return features_; }
    void set_driver_features(virtio::FeatureSet) override {}

    [[nodiscard]] std::uint16_t queue_count() override { return queue_count_; }
    [[nodiscard]] std::uint16_t max_queue_size(virtio::QueueIndex queue) override;

    [[nodiscard]] unsigned max_vectors() override { return vectors_; }
    [[nodiscard]] std::size_t enable_vectors(std::span<const int> eventfds) override;
    [[nodiscard]] bool set_config_vector(virtio::VectorIndex) override { return agrees(); }
    [[nodiscard]] bool enable_queue(virtio::QueueIndex, const virtio::QueueConfig&) override { return agrees(); }
    [[nodiscard]] virtio::Doorbell doorbell(virtio::QueueIndex) override { return {}; }
    [[nodiscard]] bool resets_queues() const override { return is_modern_enough_; }

    void read_config(std::size_t offset, std::span<std::byte> bytes) override;
    [[nodiscard]] std::size_t config_size() override { return config_.size(); }
    [[nodiscard]] virtio::ControlPath* control_path() override { return has_control_queue_ ? nullptr : &control_; }
    [[nodiscard]] bool steers_by_transmission() const override { return false; }

    [[nodiscard]] virtio::DmaBlock allocate(std::size_t size, int numa_node) override;
    [[nodiscard]] int request_event_fd() override { return -1; }

private:
    // Carries out a command, refuses it, or does not answer.
    class Control final : public virtio::ControlPath {
    public:
        explicit Control(Input& input) noexcept : input_(input) {}

    private:
        void carry_out(virtio::ControlClass, std::uint8_t, std::span<const std::byte>, std::chrono::milliseconds,
                       const std::string& what, std::span<std::byte> result) override;
        Input& input_;
    };

    // What an input that has ended, and most bytes, say.
    [[nodiscard]] bool agrees() noexcept { return input_.u8() < 0xf0; }

    Input& input_;
    Control control_;
    const std::string name_ = "hostile";
    virtio::FeatureSet features_;
    bool is_legacy_ = false;
    bool is_modern_enough_ = false;
    bool has_control_queue_ = false;
    std::uint16_t queue_count_ = 0;
    unsigned vectors_ = 0;
    std::uint8_t status_ = 0;
    std::array<std::byte, 64> config_{};
};

}  // namespace vmq::fuzz
