// A virtio-net device behind a vhost-user socket: the same driver without a VM. The backend has the rings and packets;
// what else a device is made of (configuration space, status, control commands) is played here.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <vmq/info.hpp>
#include <vmq/options.hpp>

#include "driver/support/event_fd.hpp"
#include "driver/support/unique_fd.hpp"
#include "driver/vhost/endpoint.hpp"
#include "driver/vhost/frontend.hpp"
#include "driver/vhost/memory.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::vhost {

class VhostUserTransport : public virtio::Transport, private virtio::ControlPath {
public:
    // Connects, or waits for the backend in server mode, and shakes hands.
    VhostUserTransport(const Address& address, const Options& options);

    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] std::string iommu_mode() const override { return "shared memory only"; }

    [[nodiscard]] std::uint8_t status() override { return status_; }
    void set_status(std::uint8_t status) override;
    void reset() override;

    [[nodiscard]] virtio::FeatureSet device_features() override;
    void set_driver_features(virtio::FeatureSet features) override;

    [[nodiscard]] std::uint16_t queue_count() override { return static_cast<std::uint16_t>(2 * max_pairs()); }
    [[nodiscard]] std::uint16_t max_queue_size(virtio::QueueIndex queue) override;

    [[nodiscard]] unsigned max_vectors() override { return 2 * max_pairs() + 2; }
    [[nodiscard]] std::size_t enable_vectors(std::span<const int> eventfds) override;
    // Changes of the configuration are noticed at connection_fd.
    [[nodiscard]] bool set_config_vector(virtio::VectorIndex) override { return true; }
    [[nodiscard]] bool enable_queue(virtio::QueueIndex queue, const virtio::QueueConfig& config) override;
    [[nodiscard]] virtio::Doorbell doorbell(virtio::QueueIndex queue) override;

    void read_config(std::size_t offset, std::span<std::byte> bytes) override;
    [[nodiscard]] std::size_t config_size() override;

    [[nodiscard]] virtio::ControlPath* control_path() override { return this; }
    // What stands behind a vhost-user socket is a switch, which chooses queues by itself.
    [[nodiscard]] bool steers_by_transmission() const override { return false; }

    void check_memory(std::span<const support::MemoryNeed> needs) override { memory_.expect(needs); }
    [[nodiscard]] virtio::DmaBlock allocate(std::size_t size, int numa_node) override;
    [[nodiscard]] int request_event_fd() override { return -1; }

    [[nodiscard]] int connection_fd() override { return events_.get(); }
    [[nodiscard]] bool check_connection() override;
    [[nodiscard]] bool reconnect() override;
    void disconnect() override;

private:
    void carry_out(virtio::ControlClass control_class, std::uint8_t command, std::span<const std::byte> data,
                   std::chrono::milliseconds deadline, const std::string& what, std::span<std::byte> result) override;

    [[nodiscard]] static support::UniqueFd make_epoll();
    [[nodiscard]] static support::UniqueFd make_timer(int epoll);
    void start_session(support::UniqueFd socket);
    void end_session(std::chrono::milliseconds next_try);
    void run_timer(std::chrono::milliseconds first, std::chrono::milliseconds period);
    [[nodiscard]] Frontend& backend();
    void send(std::span<const Command> commands);
    void send(const Command& command) { send({&command, 1}); }
    [[nodiscard]] Deadline deadline() const { return std::chrono::steady_clock::now() + options_.command_deadline; }
    [[nodiscard]] unsigned choose_pairs() const;
    [[nodiscard]] unsigned max_pairs() const noexcept { return std::min(pairs_, offer_.queue_pairs); }
    [[nodiscard]] bool has_protocol_features() const noexcept { return (offer_.features & protocol_features_bit) != 0; }
    void share_memory();
    void start_rings();
    void enable_pairs(unsigned from, unsigned count, Deadline deadline);

    Options options_;
    std::string name_;
    MacAddress mac_;
    std::uint16_t mtu_;
    Endpoint endpoint_;
    SharedMemory memory_;
    support::UniqueFd events_;  // an epoll of the two things below that end a wait for the connection
    support::UniqueFd retry_;   // a timer, running while there is no connection
    std::optional<Frontend> frontend_;
    Offer offer_;         // of the session, or of the last one
    unsigned pairs_ = 1;  // of the device; a backend may have more

    std::uint8_t status_ = 0;
    virtio::FeatureSet driver_features_;
    std::vector<support::EventFd> kicks_;  // of each vring
    std::vector<int> vectors_;             // eventfds, the caller's
    unsigned vrings_ = 0;                  // that the backend knows of since the last reset
    unsigned enabled_pairs_ = 0;
    bool memory_shared_ = false;
};

}  // namespace vmq::vhost
