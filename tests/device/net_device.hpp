// A virtio-net device in this process, for tests: what the driver sees of it through transport(), and what the test
// makes it do.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "driver/support/event_fd.hpp"
#include "driver/virtio/transport.hpp"
#include "tests/device/config_space.hpp"
#include "tests/device/control_queue.hpp"
#include "tests/device/interrupts.hpp"
#include "tests/device/lane.hpp"
#include "tests/device/memory.hpp"
#include "tests/device/negotiation.hpp"
#include "tests/device/rss.hpp"
#include "tests/device/settings.hpp"
#include "tests/device/steering.hpp"
#include "tests/device/violations.hpp"

namespace vmq::software {

class Workers;

inline constexpr virtio::FeatureSet usual_features{virtio::Feature::mac,
                                                   virtio::Feature::mtu,
                                                   virtio::Feature::status,
                                                   virtio::Feature::mrg_rxbuf,
                                                   virtio::Feature::ctrl_vq,
                                                   virtio::Feature::mq,
                                                   virtio::Feature::guest_announce,
                                                   virtio::Feature::event_idx,
                                                   virtio::Feature::version_1,
                                                   virtio::Feature::access_platform};

struct NetConfig {
    unsigned pairs = 4;  // that there are; what the configuration says is config.max_queue_pairs
    ConfigValues config{};
    std::uint16_t queue_size = 256;
    std::map<std::uint16_t, std::uint16_t> queue_sizes{};  // of single virtqueues
    virtio::FeatureSet features = usual_features;
    std::uint64_t stats_types = 0x1000f000f;  // all
    std::uint16_t ring_start = 0;             // buffers (split) or descriptors (packed) that count as gone before

    unsigned max_vectors = 64;
    std::optional<std::size_t> granted_vectors{};  // fewer than asked for
    std::set<std::uint16_t> refused_vectors{};     // answered with NO_VECTOR

    bool legacy = false;  // a 0.9.5 device, with the features that those have
    bool refuse_features = false;
    std::chrono::milliseconds reset_time{0};
    bool never_resets = false;
    bool never_resets_queues = false;
    std::chrono::milliseconds reset_deadline{100};
    bool serve_control_queue = true;  // by a thread of the device's own; else by step()
};

class NetDevice {
public:
    explicit NetDevice(NetConfig config = {});
    ~NetDevice();
    NetDevice(const NetDevice&) = delete;
    NetDevice& operator=(const NetDevice&) = delete;

    // What the driver is given; one at a time. The device outlives it and the memory it hands out.
    [[nodiscard]] std::unique_ptr<virtio::Transport> transport();

    // Processes what is there, on the calling thread. True when there was something.
    bool step();
    // The same for the virtqueues whose doorbell was rung. Blames a driver that should have rung one: only for tests
    // where the driver is on the same thread.
    bool step_notified();
    // The control queue alone, as a device may that looks there first.
    bool step_control_queue() { return process_control(); }
    // Threads that share the pairs do it, woken by doorbells only, until stop_threads() or the end.
    void start_threads(unsigned count);
    void stop_threads();
    // Makes the threads look for work that came from elsewhere than the driver.
    void wake_threads();

    // The network's side. `backend` must outlive its use; nullptr: transmitted packets are kept for take_transmitted().
    void set_backend(Backend* backend);
    // True also when the packet does not come through the driver's settings.
    bool inject(unsigned pair, std::span<const std::byte> packet, const Delivery& delivery = {});
    // A packet of a network stack on this machine, which leaves its checksum partial and has put segments together, as
    // `header` says. What the driver lets the device do is left as it is, the rest is done before it is delivered.
    bool inject_local(unsigned pair, const Frame& packet, const virtio::NetHeader& header);
    [[nodiscard]] std::vector<Frame> take_transmitted(unsigned pair);

    // What the test sees.
    [[nodiscard]] std::vector<std::string> violations() const { return violations_.texts(); }
    [[nodiscard]] unsigned pairs_in_use() const noexcept { return pairs_in_use_.load(std::memory_order_relaxed); }
    [[nodiscard]] unsigned pairs() const noexcept { return config_.pairs; }
    [[nodiscard]] std::uint8_t status() const noexcept { return negotiation_.status(); }
    [[nodiscard]] virtio::FeatureSet features() const noexcept { return negotiation_.accepted(); }
    [[nodiscard]] std::uint64_t notifications(std::uint16_t queue) const noexcept;
    [[nodiscard]] std::uint64_t commands();
    // As last commanded; empty after a reset.
    [[nodiscard]] RssConfig rss();
    // As set since the last reset.
    [[nodiscard]] Settings settings();
    [[nodiscard]] bool announcing() const { return config_space_.values().announce; }
    [[nodiscard]] MacAddress mac() const { return config_space_.values().mac; }
    // Injected packets that the settings keep from the driver.
    [[nodiscard]] std::uint64_t filtered() const noexcept { return filtered_.load(std::memory_order_relaxed); }
    // As last commanded, or negotiated: of receive_offload_features.
    [[nodiscard]] virtio::FeatureSet receive_offloads();
    [[nodiscard]] std::uint64_t thrown_away();
    [[nodiscard]] Interrupts& interrupts() noexcept { return interrupts_; }
    [[nodiscard]] Memory& memory() noexcept { return memory_; }
    [[nodiscard]] const Steering& steering() const noexcept { return steering_; }

    // What the test makes the device do.
    template <typename Use>
    void with_lane(unsigned pair, Use use) {  // use(Lane&), then what was completed becomes visible
        Lane& lane = *lanes_.at(pair);
        const std::lock_guard lock{lane.mutex};
        use(lane);
        lane.publish();
    }
    void set_control(const ControlBehaviour& behaviour);
    bool answer_withheld();
    template <typename Change>
    void change_config(Change change) {  // change(ConfigValues&), then the configuration change interrupt
        config_space_.change(change);
        raise_config();
    }
    // Every flow lands anywhere again, as after a time in which it sent nothing.
    void forget_flows() noexcept;
    void need_reset();
    // From now on it never becomes reset, or does again.
    void refuse_resets(bool refuse) noexcept { config_.never_resets = refuse; }
    // Gone, as after an unplug: everything reads as ones, nothing moves.
    void remove();
    void ask_back() { request_.signal(); }

private:
    friend class SoftwareTransport;
    friend class Workers;

    [[nodiscard]] std::uint16_t control_index() const noexcept;
    [[nodiscard]] std::uint16_t queue_count() const noexcept {
        return static_cast<std::uint16_t>(2 * config_.pairs + 1);
    }
    [[nodiscard]] std::uint16_t max_queue_size(std::uint16_t queue) const;
    [[nodiscard]] Virtqueue* ring(std::uint16_t queue);
    [[nodiscard]] bool running() const noexcept;
    void lock_lanes(const std::function<void()>& action);

    void write_status(std::uint8_t status);
    void reset();
    [[nodiscard]] bool enable_queue(std::uint16_t queue, const virtio::QueueConfig& config);
    void reset_queue(std::uint16_t queue);
    [[nodiscard]] bool set_config_vector(virtio::VectorIndex vector);
    void raise_config();

    [[nodiscard]] ControlQueue::Handler control_handler();
    void command_seen(const ControlCommand& command);
    [[nodiscard]] bool execute(ControlCommand& command);
    [[nodiscard]] bool execute_setting(ControlCommand& command);
    void check_coalescing(const ControlCommand& command);
    [[nodiscard]] bool set_mac(const ControlCommand& command);
    [[nodiscard]] bool acknowledge_announcement();
    void command_refused(const ControlCommand& command);
    [[nodiscard]] std::optional<unsigned> pairs_wanted(const ControlCommand& command) const;
    [[nodiscard]] bool set_pairs(unsigned count);
    [[nodiscard]] bool set_rss(const RssCommand& command);
    [[nodiscard]] bool set_hashing(const ControlCommand& command);
    [[nodiscard]] bool set_receive_offloads(const ControlCommand& command);

    // With NOTIFICATION_DATA the doorbell of a pair's queue is a register, for tests where the driver is on the same
    // thread.
    [[nodiscard]] bool has_notify_registers() const noexcept {
        return features().has(virtio::Feature::notification_data);
    }
    [[nodiscard]] std::uint64_t read_notify_register(std::uint16_t queue, bool discard);
    // Drains a doorbell and counts; true when it was rung.
    bool take_notifications(std::uint16_t queue, bool discard = false);
    void check_not_owed(std::uint16_t queue);
    bool process_queue(std::uint16_t queue);
    bool process_control();

    NetConfig config_;
    Violations violations_;
    Memory memory_{violations_};
    Interrupts interrupts_;
    Steering steering_;
    ConfigSpace config_space_;
    Negotiation negotiation_;
    Backend* backend_ = nullptr;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::vector<support::EventFd> doorbells_;
    static constexpr std::uint32_t not_notified = 0xffff'ffff;
    std::unique_ptr<std::uint32_t[]> notify_registers_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> notifications_;
    std::atomic<unsigned> pairs_in_use_{0};
    std::atomic<virtio::VectorIndex> config_vector_{virtio::no_vector};
    std::atomic<bool> removed_{false};
    support::EventFd request_;

    std::mutex control_mutex_;
    Virtqueue control_ring_{memory_, violations_, "controlq"};
    ControlQueue control_{control_ring_, violations_};
    ControlBehaviour control_behaviour_;
    RssConfig rss_;
    Settings settings_;
    std::atomic<std::uint64_t> filtered_{0};
    std::optional<virtio::FeatureSet> receive_offloads_;  // as commanded

    std::unique_ptr<Workers> control_worker_;
    std::unique_ptr<Workers> workers_;
};

}  // namespace vmq::software
