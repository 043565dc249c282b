// Driver and device on threads of their own, sleeping and waking each other; packets that are freed elsewhere.
#include <condition_variable>
#include <deque>

#include "tests/device/traffic.hpp"
#include "tests/unit/conformance/fixture.hpp"

namespace vmq {
namespace {

// Frees what it is given, on its own thread.
class Undertaker {
public:
    ~Undertaker() {
        thread_.request_stop();
        thread_.join();
    }
    void take(Batch batch) {
        const std::scoped_lock lock{mutex_};
        batches_.push_back(std::move(batch));
        some_.notify_one();
    }

private:
    void run(const std::stop_token& stop) {
        for (;;) {
            std::unique_lock lock{mutex_};
            if (!some_.wait(lock, stop, [this] { return !batches_.empty(); })) return;
            const Batch batch = std::move(batches_.front());
            batches_.pop_front();
            lock.unlock();
        }
    }
    std::mutex mutex_;
    std::condition_variable_any some_;
    std::deque<Batch> batches_;
    std::jthread thread_{[this](const std::stop_token& stop) { run(stop); }};
};

class ConformanceThreads : public Conformance {};

TEST_P(ConformanceThreads, EveryPacketComesBackOnceAndNobodySleepsTooLong) {
    constexpr unsigned packets = 400;
    open_form(16);
    software::Traffic traffic{*device, {.flows = 2, .window = 3, .packets_per_flow = packets / 2, .length = 100}};
    RunningDevice running{*device, 1};
    std::atomic<int> late{0};
    std::atomic<bool> done{false};
    {
        Undertaker undertaker;
        const Owner echo{*vmq, 0, [&](QueuePair& pair) {
                             Batch batch;
                             if (pair.recv(batch) == 0) {
                                 if (done) return;
                                 const auto start = std::chrono::steady_clock::now();
                                 pair.wait(2s);
                                 const auto slept = std::chrono::steady_clock::now() - start;
                                 if (slept > 900ms && traffic.sent() < packets) ++late;
                                 return;
                             }
                             if (done) return;
                             // Copies go back, the originals are freed on the other thread.
                             Batch copies;
                             for (Packet& packet : batch)
                                 while (!add_frame(pair, copies, bytes_of(packet))) std::this_thread::yield();
                             undertaker.take(std::move(batch));
                             for (int i = 0; i < 10'000 && !copies.empty(); ++i)
                                 if (pair.send(copies) == 0) pair.wait(1ms);
                             EXPECT_TRUE(copies.empty());
                         }};
        device->set_backend(&traffic);
        EXPECT_TRUE(eventually([&] { return traffic.returned() == packets; }, 60s)) << traffic.returned();
        done = true;
        device->inject(0, software::make_frame({}, 60));  // wakes the owner for the last time
    }
    running.stop();
    EXPECT_EQ(traffic.doubled() + traffic.strangers(), 0u);
    // The driver looks by itself after a second: each lost wake-up shows as such a sleep. One may be the machine's.
    EXPECT_LE(late.load(), 1);
    EXPECT_GE(stats(0).rx_packets, packets);
    EXPECT_EQ(stats(0).tx_packets, packets);
}

INSTANTIATE_TEST_SUITE_P(Forms, ConformanceThreads,
                         ::testing::ValuesIn(forms([](const Form& form) { return !form.positions; })), form_name);

}  // namespace
}  // namespace vmq
