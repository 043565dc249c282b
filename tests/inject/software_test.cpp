// A device in this process, opened, used, changed, reset and closed while each call in turn fails.
#include <filesystem>

#include <vmq/control_client.hpp>
#include <vmq/device.hpp>

#include "driver/device_factory.hpp"
#include "tests/device/net_device.hpp"
#include "tests/inject/bus.hpp"
#include "tests/inject/trial.hpp"
#include "tests/unit/vhost/folder.hpp"

namespace vmq::inject {
namespace {

using namespace std::chrono_literals;

class Story {
public:
    Story(Trial& trial, virtio::FeatureSet features, const std::string& socket) : trial_(trial), socket_(socket) {
        config_.features = features;
        device_.emplace(config_);
        options_.queue_pairs = 1;
        options_.ring_size = 64;
        options_.buffers_per_pair = 192;
        options_.settle_limit = 0ms;
        options_.control_socket = socket;
        options_.command_deadline = 500ms;
        ::sched_getaffinity(0, sizeof mask_, &mask_);
    }
    ~Story() {
        ::sched_setaffinity(0, sizeof mask_, &mask_);
        trial_.attempt("close", [&] { vmq_.reset(); });
        for (const std::string& text : device_->violations())
            EXPECT_TRUE(is_untold_memory(text)) << trial_.story() << ": " << text;
        EXPECT_EQ(device_->memory().live_blocks(), 0u) << trial_.story();
        device_.reset();
        // Where it cannot be looked at whose it is, it stays.
        EXPECT_FALSE(!trial_.failed_was("lstat") && std::filesystem::exists(socket_)) << trial_.story();
        std::filesystem::remove(socket_);
    }
    Story(const Story&) = delete;
    Story& operator=(const Story&) = delete;

    // Ends where a step has failed and is not to succeed at a second try either.
    void tell() {
        const auto resize = [&](const char* name, unsigned count) {
            return trial_.insist(name, [&] { vmq_->set_queue_pairs(count); });
        };
        static_cast<void>(
            trial_.insist("open", [&] { open(); }) && use_pair(0) && resize("grow", 3) && use_pair(2) && use_pair(0) &&
            ask("info by command", [](ControlClient& client) { static_cast<void>(client.info()); }) &&
            ask("grow by command", [](ControlClient& client) { client.set_queue_pairs(4); }) && resize("shrink", 2) &&
            use_pair(1) && register_memory() && trial_.insist("reset", [&] { vmq_->reset(); }) && use_pair(0) &&
            use_pair(1) && trial_.insist("info", [&] { static_cast<void>(vmq_->info()); }) &&
            trial_.insist("interrupts", [&] { static_cast<void>(vmq_->interrupts()); }) &&
            trial_.insist("stats", [&] { static_cast<void>(vmq_->stats()); }));
    }

private:
    // The device does not know of a new pair's packet memory until all of the pair is there.
    [[nodiscard]] bool is_untold_memory(const std::string& violation) const {
        return trial_.lacked_memory_in("grow") && violation.ends_with("given back while the device was running");
    }
    void open() {
        std::unique_ptr<virtio::Transport> bus;
        {
            const Doing test{Side::test};
            bus = std::make_unique<Bus>(device_->transport());
        }
        vmq_.emplace(DeviceFactory::open(std::move(bus), options_));
    }

    // Takes the pair, and has a packet in and out again.
    bool use_pair(unsigned index) {
        std::optional<QueuePair> pair;
        if (!trial_.insist("take a pair", [&] { pair.emplace(vmq_->take_queue_pair(index)); })) return false;
        Batch batch;
        inject(index);
        trial_.attempt("data path", [&] {
            pair->recv(batch);
            pair->wait(0ms);
            pair->send(batch);
        });
        while (device_->step()) continue;
        const auto sent = device_->take_transmitted(index);
        EXPECT_EQ(sent.size(), 1u) << trial_.story() << ": pair " << index;
        return true;
    }
    void inject(unsigned index) { static_cast<void>(device_->inject(index, software::make_frame({index, 1}, 60))); }

    bool register_memory() {
        alignas(4096) static std::array<std::byte, 4096> memory;
        std::optional<RegisteredMemory> registered;
        return trial_.insist("register memory", [&] { registered.emplace(vmq_->register_memory(memory)); });
    }

    // Over the control socket. The client may see no more than the end of its connection. Memory is not short: the
    // library that reads and writes JSON takes some in destructors, so that a shortage there ends the process.
    template <typename Question>
    bool ask(const char* name, Question question) {
        if (!trial_.sound()) return true;  // a server without any system call would let the client wait
        const auto step = [&] {
            const Doing test{Side::test};
            ControlClient client{socket_};
            question(client);
        };
        spare_allocations(true);
        const bool answered = trial_.insist(name, step, false);
        spare_allocations(false);
        return answered;
    }

    Trial& trial_;
    std::string socket_;
    cpu_set_t mask_{};
    software::NetConfig config_;
    std::optional<software::NetDevice> device_;
    Options options_;
    std::optional<Device> vmq_;
};

virtio::FeatureSet everything(bool packed) {
    using virtio::Feature;
    virtio::FeatureSet features = software::usual_features;
    for (const Feature more : {Feature::indirect_desc, Feature::rss, Feature::ring_reset, Feature::notf_coal,
                               Feature::ctrl_rx, Feature::ctrl_vlan, Feature::speed_duplex})
        features.add(more);
    if (packed) features.add(Feature::ring_packed);
    return features;
}

TEST(InjectSoftware, SplitRings) {
    const vhost::Folder folder;
    fail_every_call([&](Trial& trial) { Story{trial, everything(false), folder.path() / "control"}.tell(); });
}

TEST(InjectSoftware, PackedRings) {
    const vhost::Folder folder;
    fail_every_call([&](Trial& trial) { Story{trial, everything(true), folder.path() / "control"}.tell(); });
}

}  // namespace
}  // namespace vmq::inject
