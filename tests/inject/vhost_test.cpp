// A device behind a vhost-user socket, opened, used, changed, reset and closed while each call in turn fails. What
// fails on the connection ends it; the driver connects again, and everything is as before.
#include <chrono>
#include <filesystem>
#include <thread>

#include <vmq/device.hpp>

#include "tests/bench/backend/echo.hpp"
#include "tests/inject/trial.hpp"
#include "tests/unit/vhost/folder.hpp"

namespace vmq::inject {
namespace {

using namespace std::chrono_literals;

class Story {
public:
    Story(Trial& trial, const std::string& socket) : trial_(trial), address_("vhost-user:" + socket) {
        options_.queue_pairs = 1;
        options_.ring_size = 64;
        options_.buffers_per_pair = 192;
        options_.settle_limit = 0ms;
        options_.pin_threads = false;
        options_.placement = PlacementPolicy::none;
        options_.huge_pages = HugePages::never;
        options_.control_socket = std::nullopt;
        options_.connect_deadline = 2s;
    }
    ~Story() {
        trial_.attempt("close", [&] { vmq_.reset(); });
    }
    Story(const Story&) = delete;
    Story& operator=(const Story&) = delete;

    // Ends where a step has failed and is not to succeed at a second try either.
    void tell() {
        const auto resize = [&](const char* name, unsigned count) {
            return trial_.insist(name, [&] { vmq_->set_queue_pairs(count); });
        };
        static_cast<void>(trial_.insist("open", [&] { vmq_.emplace(Device::open(address_, options_)); }) &&
                          use_pair(0) && resize("grow", 2) && use_pair(1) && resize("shrink", 1) && use_pair(0) &&
                          trial_.insist("reset", [&] { vmq_->reset(); }) && use_pair(0) &&
                          trial_.insist("info", [&] { static_cast<void>(vmq_->info()); }));
    }

private:
    // Until a packet has come back: the connection may be away.
    bool use_pair(unsigned index) {
        std::optional<QueuePair> pair;
        if (!trial_.insist("take a pair", [&] { pair.emplace(vmq_->take_queue_pair(index)); })) return false;
        const auto limit = std::chrono::steady_clock::now() + 5s;
        bool back = false;
        while (!back && std::chrono::steady_clock::now() < limit)
            trial_.attempt("data path", [&] { back = exchange(*pair); });
        EXPECT_TRUE(back) << trial_.story() << ": pair " << index;
        return back;
    }
    static bool exchange(QueuePair& pair) {
        Batch batch;
        if (pair.allocate(batch, 1, 60) == 1) pair.send(batch);
        batch.clear();
        pair.wait(2ms);
        return pair.recv(batch) > 0;
    }

    Trial& trial_;
    std::string address_;
    Options options_;
    std::optional<Device> vmq_;
};

// By hand, and not clean yet: it takes minutes, and a call that fails with all later ones has ended the process.
TEST(InjectVhost, DISABLED_PackedRings) {
    const vhost::Folder folder;
    const std::string socket = folder.path() / "backend";
    const bench::Echo peer{socket};
    fail_every_call([&](Trial& trial) { Story{trial, socket}.tell(); }, Heap::shared);
}

}  // namespace
}  // namespace vmq::inject
