// A virtio-net device in operation: its queue pairs, control queue and vectors, from negotiation to the last reset.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <vmq/coalescing.hpp>
#include <vmq/device_stats.hpp>
#include <vmq/filter.hpp>
#include <vmq/info.hpp>
#include <vmq/offload.hpp>
#include <vmq/options.hpp>

#include "driver/net/control_queue.hpp"
#include "driver/net/live_config.hpp"
#include "driver/net/negotiation.hpp"
#include "driver/net/pair_core.hpp"
#include "driver/net/rss.hpp"
#include "driver/net/settings.hpp"
#include "driver/net/vector_plan.hpp"

namespace vmq::virtio {
class FeaturesOk;
}

namespace vmq::net {

// Control thread only, but for the calls marked "any thread".
class NetDevice {
public:
    // Tells for each of `pairs` pairs the NUMA node its memory should come from, -1 for anywhere.
    using ChooseNodes = std::function<std::vector<int>(unsigned pairs)>;

    // Resets the device, negotiates, and starts it with options.queue_pairs pairs, or as many as it has up to
    // `default_pairs`. Throws; the device is reset then.
    NetDevice(std::unique_ptr<virtio::Transport> transport, const Options& options, unsigned default_pairs,
              const ChooseNodes& choose_nodes);
    // Resets the device and waits for it before any memory it could write goes away.
    ~NetDevice();
    NetDevice(const NetDevice&) = delete;
    NetDevice& operator=(const NetDevice&) = delete;

    // Any thread.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] unsigned queue_pairs() const noexcept { return queue_pairs_.load(std::memory_order_relaxed); }
    [[nodiscard]] unsigned max_queue_pairs() const noexcept { return static_cast<unsigned>(pairs_.size()); }
    [[nodiscard]] PairCore& pair(unsigned index) noexcept { return *pairs_[index]; }
    [[nodiscard]] Stats stats() const;

    // See vmq::Device.
    [[nodiscard]] std::shared_ptr<Registration> register_memory(std::span<std::byte> memory);

    // All or nothing; see vmq::Device. Blocks for the owners and the device, each under the deadline.
    void set_queue_pairs(unsigned count);

    // Where the pair's packet memory is to come from, if it has none so far.
    void set_memory_node(unsigned pair, int numa_node) noexcept {
        if (pairs_[pair]->pool() == nullptr) nodes_[pair] = numa_node;
    }

    // Throw Errc::unsupported where neither RSS nor HASH_REPORT was negotiated.
    [[nodiscard]] RssInfo rss() const;
    // All or nothing; see vmq::Device.
    void set_rss(RssSettings settings);

    // As vmq::Device's.
    void set_receive_mode(const ReceiveMode& mode);
    void set_mac_filters(const MacFilters& filters);
    void set_mac(const MacAddress& mac);
    void add_vlan(unsigned id);
    void remove_vlan(unsigned id);
    [[nodiscard]] CoalescingInfo coalescing() const;
    void set_coalescing(const Coalescing& all);
    void set_coalescing(unsigned pair, const Coalescing& coalescing);
    [[nodiscard]] DeviceStats device_stats();
    [[nodiscard]] ReceiveOffloads receive_offloads() const { return *receive_offloads_; }
    // All or nothing; see vmq::Device.
    void set_receive_offloads(ReceiveOffloads offloads);

    // The descriptors on which the device reports to the control thread, and what to do when one is readable.
    [[nodiscard]] std::vector<int> event_fds() const;
    void serve_events();
    // Follows status and configuration; also to be called now and then, since an interrupt may get lost or there may be
    // none.
    void look_at_config();
    // Becomes readable when the system wants the device back; -1: never.
    [[nodiscard]] int request_event_fd() { return transport_->request_event_fd(); }
    // A device that may go away and come back: readable when serve_connection is to be called; -1: it may not.
    [[nodiscard]] int connection_fd() { return transport_->connection_fd(); }
    void serve_connection();
    // Resets the device and tells it everything again; see vmq::Device.
    void reset();
    // Tells every owner that nothing will come any more, waits for them under the deadline, and resets the device.
    void let_go();

    // What the device itself knows; placement, threads and process are the caller's to add.
    [[nodiscard]] Info info() const;
    [[nodiscard]] const VectorPlan& vector_plan() const noexcept { return plan_; }
    [[nodiscard]] std::uint64_t vector_interrupts(unsigned vector) const;

private:
    // A command, and what takes it back.
    struct Change {
        std::function<void()> make;
        std::function<void()> undo;
    };

    void start(const ChooseNodes& choose_nodes);
    [[nodiscard]] bool try_start(unsigned vectors, const ChooseNodes& choose_nodes);
    void read_config();
    void forget_rings();
    void make_pairs();
    void make_control_queue();
    void make_announce_pool();
    [[nodiscard]] bool connect_vectors();
    [[nodiscard]] bool enable_queues(virtio::FeaturesOk& device);
    [[nodiscard]] static virtio::QueueIndex receiveq_of(unsigned pair) {
        return {static_cast<std::uint16_t>(2 * pair)};
    }
    [[nodiscard]] static virtio::QueueIndex transmitq_of(unsigned pair) {
        return {static_cast<std::uint16_t>(2 * pair + 1)};
    }
    [[nodiscard]] virtio::QueueIndex control_queue_index() const;
    [[nodiscard]] std::uint16_t ring_size(virtio::QueueIndex queue) const;
    [[nodiscard]] std::uint16_t control_queue_size() const;
    void size_buffers();
    [[nodiscard]] unsigned smallest_buffer() const;
    [[nodiscard]] unsigned wanted_pairs() const;
    void check_memory() const;
    [[nodiscard]] support::MemoryNeed pool_need(unsigned pair) const;
    void prepare(PairCore& pair);
    void stop(const std::string& why);
    void reset_for_good() noexcept;

    void lose(const std::string& why);
    void clear_rings();
    void revive();
    void try_to_revive();
    void note_trouble(const std::string& what);
    void resume(const std::function<bool()>& have_vectors);
    void give_shapes();
    void put_settings_in_force();
    void put_mac_in_force();
    void put_receive_mode_in_force();
    void put_promiscuous_in_force();
    void put_mac_filters_in_force();
    void put_vlans_in_force();
    void put_coalescing_in_force();
    void put_coalescing_in_force(unsigned first, unsigned last);
    void require_same_features() const;
    void require_same_queues() const;
    void each_prepared_pair(Shape shape);

    void grow(unsigned count);
    void shrink(unsigned count);
    void return_buffers(unsigned first, unsigned last) noexcept;
    void offer_buffers(unsigned first, unsigned last);
    void command_queue_pairs(unsigned count);
    // Pairs that may receive, and pairs that may send.
    void command_rss(const RssSettings& settings, unsigned receiving, unsigned sending);
    void command_hashing(const RssSettings& settings);
    void start_hashing();
    void start_receive_offloads();
    void command_receive_offloads(ReceiveOffloads offloads);
    void put_in_force(const RssSettings& settings);
    void own_flows();
    void return_flows(unsigned count) noexcept;
    [[nodiscard]] bool steers_by_hash() const noexcept { return rss_ && rss_->has_table() && !owners_; }
    void hand_off(const RssSettings& settings, unsigned pairs);
    void await_owners(unsigned first, unsigned last);
    void await_silence(unsigned first, unsigned last);

    // Throw Errc::unsupported, and what a command that cannot be sent now throws; `what` is for the message.
    void require_feature(virtio::Feature feature, const std::string& what) const;
    void require_commands(const std::string& what) const;
    // `name` is the specification's.
    void command(virtio::ControlClass control_class, std::uint8_t command, std::span<const std::byte> data,
                 const std::string& name, std::span<std::byte> result = {});
    // All of them, or none: what was made before one failed is undone while the device still takes commands.
    void change_all(const std::vector<Change>& changes);
    void undo(const Change& change) noexcept;
    void command_receive_mode(std::uint8_t which, bool on, const std::string& name);
    void command_mac(const MacAddress& mac);
    void command_mac_filters(const MacFilters& filters);
    void change_vlan(unsigned id, bool add);
    void command_vlan(std::uint16_t vlan, bool add);
    [[nodiscard]] Coalescing coalescing_of(unsigned pair) const;
    void command_limit_of_all(std::uint8_t which, const CoalescingLimit& limit);
    void command_limit(unsigned queue, const CoalescingLimit& limit);
    void command_receive_limit(unsigned pair, const CoalescingLimit& limit);
    void command_pair_coalescing(unsigned pair, const Coalescing& coalescing);
    [[nodiscard]] std::vector<DeviceCounter> queue_stats(std::uint16_t queue, std::uint64_t types);

    // The address the device has now; nothing: neither side knows one.
    [[nodiscard]] std::optional<MacAddress> mac() const { return live_.mac ? live_.mac : settings_.mac; }
    void begin_following_config();
    void follow_config();
    void announce_where_asked();
    void send_announcement();

    void log(LogLevel level, std::string_view text) const;

    Options options_;
    std::string name_;
    unsigned default_pairs_;
    virtio::FeatureSet device_features_;
    virtio::FeatureSet features_;
    NetConfig config_;
    LiveConfig live_;
    bool announced_ = false;  // what live_ asks for has been done, but the device has not acknowledged that
    Settings settings_;
    std::optional<Rss> rss_;
    std::unique_ptr<FlowOwners> owners_;  // where rss_ is the software's
    std::optional<ReceiveOffloads> receive_offloads_;
    VectorPlan plan_;
    std::vector<int> nodes_;
    unsigned buffers_per_pair_ = 0;
    unsigned buffer_size_ = 0;
    std::uint64_t ring_memory_ = 0;
    bool lost_ = false;     // the device is away and waited for, or being reset
    bool cleared_ = false;  // while it is: no ring holds anything any more
    std::string last_trouble_;
    bool stopped_ = false;  // nothing will come any more; the application has to close the device
    std::atomic<bool> link_up_{true};
    std::atomic<unsigned> queue_pairs_{1};
    Counter config_changes_;
    Counter reconnects_;
    Counter resets_;
    Counter announcements_;

    std::array<VectorEvent, 2> common_events_;  // of the vectors that belong to no single pair
    std::vector<virtio::DmaBlock> ring_blocks_;
    std::unique_ptr<PacketPool> announce_pool_;  // its packets may lie in a pair
    std::vector<std::unique_ptr<PairCore>> pairs_;
    std::unique_ptr<ControlQueue> control_queue_;
    virtio::ControlPath* control_ = nullptr;  // the control queue, or what the transport has in its place
    // Last, so that it goes first: once the transport is gone the device cannot reach the memory above, whatever its
    // reset did.
    std::unique_ptr<virtio::Transport> transport_;
};

}  // namespace vmq::net
