// Device: net device, placement, control thread and control socket put together.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>
#include <utility>

#include <vmq/device.hpp>

#include "driver/control/server.hpp"
#include "driver/control/socket_path.hpp"
#include "driver/control_thread.hpp"
#include "driver/device_factory.hpp"
#include "driver/net/net_device.hpp"
#include "driver/placement.hpp"
#include "driver/support/errors.hpp"

namespace vmq {

using namespace std::chrono_literals;

// How often the control thread sees to what no event tells of; what a stranger moves is back within a second.
constexpr auto look_around = 500ms;

class Device::Impl final : public control::Handler {
public:
    Impl(std::unique_ptr<virtio::Transport> transport, const Options& options)
        : options_(options),
          process_name_(process_name()),
          places_(options_, transport->name()),
          net_(std::move(transport), options_, places_.usable_cpus(),
               [this](unsigned pairs) { return places_.choose(pairs); }),
          placement_(net_, places_, options_) {
        listen();
        start_control_thread();
    }

    // control::Handler: on the control thread.
    Info info() override {
        Info info = net_.info();
        info.application = process_name_;
        info.process_id = ::getpid();
        return info;
    }
    Stats stats() override { return net_.stats(); }
    InterruptTable interrupts() override { return placement_.table(); }
    void set_queue_pairs(unsigned count) override {
        net_.set_queue_pairs(count);
        placement_.follow_queue_pairs();
    }
    void reset() override { net_.reset(); }
    RssInfo rss() override { return net_.rss(); }
    void set_rss(const RssSettings& settings) override { net_.set_rss(settings); }
    CoalescingInfo coalescing() override { return net_.coalescing(); }
    void set_coalescing(const Coalescing& all) override { net_.set_coalescing(all); }
    DeviceStats device_stats() override { return net_.device_stats(); }

    [[nodiscard]] net::NetDevice& net() noexcept { return net_; }
    void on_control_thread(std::function<void()> task) { thread_->run(std::move(task)); }

    [[nodiscard]] net::PairCore& take(unsigned index) {
        if (index >= net_.max_queue_pairs()) {
            support::fail(Errc::out_of_range, net_.name() + ": requested queue pair " + std::to_string(index) +
                                                  ", the device has pairs 0 to " +
                                                  std::to_string(net_.max_queue_pairs() - 1));
        }
        net::PairCore& pair = net_.pair(index);
        pair.acquire(net_.name());
        try {
            placement_.pin_owner(pair);
        } catch (...) {
            pair.release();
            throw;
        }
        return pair;
    }

private:
    static std::string process_name() {
        std::array<char, 17> name{};
        ::prctl(PR_GET_NAME, name.data());
        return name.data();
    }

    void listen() {
        if (!options_.control_socket) return;
        server_.emplace(options_.control_socket->empty() ? control::socket_path(net_.name()) : *options_.control_socket,
                        *this);
    }

    void start_control_thread() {
        std::vector<ControlThread::Source> sources;
        for (const int fd : net_.event_fds()) sources.push_back({fd, [this] { net_.serve_events(); }});
        if (const int fd = net_.connection_fd(); fd >= 0) sources.push_back({fd, [this] { net_.serve_connection(); }});
        if (const int fd = net_.request_event_fd(); fd >= 0) sources.push_back({fd, [this, fd] { let_go(fd); }});
        if (server_) sources.push_back({server_->poll_fd(), [this] { server_->service(); }});
        const auto tick = [this] {
            net_.look_at_config();
            placement_.look_after();
        };
        const auto report = [this](const std::exception& error) { log(LogLevel::error, error.what()); };
        thread_.emplace(std::move(sources), look_around, tick, report);
        thread_->run([this] { placement_.begin(); });
    }

    void let_go(int request_fd) {
        std::uint64_t requests = 0;
        [[maybe_unused]] const auto taken = ::read(request_fd, &requests, sizeof requests);
        net_.let_go();
    }

    void log(LogLevel level, std::string_view text) const {
        if (options_.log) options_.log(level, text);
    }

    // Destroyed from the last to the first: the control thread ends before what it serves.
    Options options_;
    std::string process_name_;
    Places places_;
    net::NetDevice net_;
    PlacementKeeper placement_;
    std::optional<control::Server> server_;
    std::optional<ControlThread> thread_;
};

Device DeviceFactory::open(std::unique_ptr<virtio::Transport> transport, const Options& options) {
    return Device(std::make_unique<Device::Impl>(std::move(transport), options));
}

Device::Device(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Device::Device(Device&&) noexcept = default;
Device& Device::operator=(Device&&) noexcept = default;
Device::~Device() = default;

unsigned Device::queue_pairs() const noexcept { return impl_->net().queue_pairs(); }
unsigned Device::max_queue_pairs() const noexcept { return impl_->net().max_queue_pairs(); }
Stats Device::stats() const { return impl_->stats(); }

Info Device::info() const {
    Info info;
    impl_->on_control_thread([&] { info = impl_->info(); });
    return info;
}

InterruptTable Device::interrupts() const {
    InterruptTable table;
    impl_->on_control_thread([&] { table = impl_->interrupts(); });
    return table;
}

void Device::set_queue_pairs(unsigned count) {
    impl_->on_control_thread([&] { impl_->set_queue_pairs(count); });
}

void Device::reset() {
    impl_->on_control_thread([&] { impl_->reset(); });
}

RssInfo Device::rss() const {
    RssInfo rss;
    impl_->on_control_thread([&] { rss = impl_->rss(); });
    return rss;
}

void Device::set_rss(const RssSettings& settings) {
    impl_->on_control_thread([&] { impl_->set_rss(settings); });
}

void Device::set_receive_mode(const ReceiveMode& mode) {
    impl_->on_control_thread([&] { impl_->net().set_receive_mode(mode); });
}

void Device::set_mac_filters(const MacFilters& filters) {
    impl_->on_control_thread([&] { impl_->net().set_mac_filters(filters); });
}

void Device::set_mac(const MacAddress& mac) {
    impl_->on_control_thread([&] { impl_->net().set_mac(mac); });
}

void Device::add_vlan(unsigned id) {
    impl_->on_control_thread([&] { impl_->net().add_vlan(id); });
}

void Device::remove_vlan(unsigned id) {
    impl_->on_control_thread([&] { impl_->net().remove_vlan(id); });
}

CoalescingInfo Device::coalescing() const {
    CoalescingInfo info;
    impl_->on_control_thread([&] { info = impl_->coalescing(); });
    return info;
}

void Device::set_coalescing(const Coalescing& all) {
    impl_->on_control_thread([&] { impl_->set_coalescing(all); });
}

void Device::set_coalescing(unsigned pair, const Coalescing& coalescing) {
    impl_->on_control_thread([&] { impl_->net().set_coalescing(pair, coalescing); });
}

DeviceStats Device::device_stats() const {
    DeviceStats stats;
    impl_->on_control_thread([&] { stats = impl_->device_stats(); });
    return stats;
}

ReceiveOffloads Device::receive_offloads() const {
    ReceiveOffloads offloads;
    impl_->on_control_thread([&] { offloads = impl_->net().receive_offloads(); });
    return offloads;
}

void Device::set_receive_offloads(ReceiveOffloads offloads) {
    impl_->on_control_thread([&] { impl_->net().set_receive_offloads(offloads); });
}

RegisteredMemory Device::register_memory(std::span<std::byte> memory) {
    std::shared_ptr<net::Registration> registration;
    impl_->on_control_thread([&] { registration = impl_->net().register_memory(memory); });
    return RegisteredMemory(std::move(registration));
}

QueuePair Device::take_queue_pair(unsigned index) { return QueuePair(impl_->take(index)); }

}  // namespace vmq
