// The software device's bus, on which what would be a system call for a real device may fail.
#pragma once

#include <cerrno>
#include <memory>
#include <utility>

#include "driver/support/errors.hpp"
#include "driver/virtio/transport.hpp"
#include "tests/inject/injector.hpp"

namespace vmq::inject {

template <typename Call>
auto quietly(Call call) {
    const Doing test{Side::test};
    return call();
}

// Its calls are the device's own affair; those that are the system's for a real device may fail.
class Bus final : public virtio::Transport {
public:
    explicit Bus(std::unique_ptr<virtio::Transport> bus) : bus_(std::move(bus)) {}

    [[nodiscard]] const std::string& name() const override { return bus_->name(); }
    [[nodiscard]] std::string iommu_mode() const override { return bus_->iommu_mode(); }
    [[nodiscard]] std::uint8_t status() override {
        return quietly([&] { return bus_->status(); });
    }
    void set_status(std::uint8_t status) override {
        quietly([&] { bus_->set_status(status); });
    }
    void reset() override {
        quietly([&] { bus_->reset(); });
    }
    [[nodiscard]] virtio::FeatureSet device_features() override {
        return quietly([&] { return bus_->device_features(); });
    }
    void set_driver_features(virtio::FeatureSet features) override {
        quietly([&] { bus_->set_driver_features(features); });
    }
    [[nodiscard]] std::uint16_t queue_count() override { return bus_->queue_count(); }
    [[nodiscard]] std::uint16_t max_queue_size(virtio::QueueIndex queue) override {
        return bus_->max_queue_size(queue);
    }
    [[nodiscard]] unsigned max_vectors() override { return bus_->max_vectors(); }
    [[nodiscard]] std::size_t enable_vectors(std::span<const int> eventfds) override {
        if (fails("VFIO_DEVICE_SET_IRQS", EIO)) support::fail_errno("software:0: VFIO_DEVICE_SET_IRQS");
        return quietly([&] { return bus_->enable_vectors(eventfds); });
    }
    [[nodiscard]] bool set_config_vector(virtio::VectorIndex vector) override {
        return quietly([&] { return bus_->set_config_vector(vector); });
    }
    [[nodiscard]] bool enable_queue(virtio::QueueIndex queue, const virtio::QueueConfig& config) override {
        return quietly([&] { return bus_->enable_queue(queue, config); });
    }
    [[nodiscard]] virtio::Doorbell doorbell(virtio::QueueIndex queue) override { return bus_->doorbell(queue); }
    [[nodiscard]] bool resets_queues() const override { return bus_->resets_queues(); }
    void reset_queue(virtio::QueueIndex queue) override {
        quietly([&] { bus_->reset_queue(queue); });
    }
    void read_config(std::size_t offset, std::span<std::byte> bytes) override {
        quietly([&] { bus_->read_config(offset, bytes); });
    }
    [[nodiscard]] std::size_t config_size() override { return bus_->config_size(); }
    [[nodiscard]] virtio::DmaBlock allocate(std::size_t size, int numa_node) override {
        if (fails("VFIO_IOMMU_MAP_DMA", ENOMEM)) support::fail_errno("software:0: VFIO_IOMMU_MAP_DMA");
        return quietly([&] {
            virtio::DmaBlock block = bus_->allocate(size, numa_node);
            block.owner = {block.data, [owner = block.owner](const void*) mutable { quietly([&] { owner.reset(); }); }};
            return block;
        });
    }
    [[nodiscard]] virtio::DmaBlock map_memory(std::span<std::byte> memory) override {
        if (fails("VFIO_IOMMU_MAP_DMA", ENOMEM)) support::fail_errno("software:0: VFIO_IOMMU_MAP_DMA");
        return quietly([&] { return bus_->map_memory(memory); });
    }
    [[nodiscard]] int request_event_fd() override { return bus_->request_event_fd(); }

private:
    std::unique_ptr<virtio::Transport> bus_;
};

}  // namespace vmq::inject
