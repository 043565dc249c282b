// Changing the number of queue pairs while threads on both sides send and receive: nothing lost, nothing doubled.
#include <deque>
#include <ostream>
#include <random>

#include "tests/device/traffic.hpp"
#include "tests/unit/net/fixture.hpp"

namespace vmq {
namespace {

using software::Traffic;
using Answer = software::ControlBehaviour::Answer;

struct Live {
    const char* name;
    unsigned vectors;
    const char* refused;
    std::chrono::milliseconds settle;
};

void PrintTo(const Live& live, std::ostream* stream) { *stream << live.name; }

// Sends what it receives back, on its own pair.
void echo(QueuePair& pair) {
    Batch batch;
    if (pair.recv(batch) == 0) {
        pair.wait(100ms);
        return;
    }
    // Not wait(): while more packets are there to receive it returns at once.
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!batch.empty() && std::chrono::steady_clock::now() < end)
        if (pair.send(batch) == 0) std::this_thread::sleep_for(50us);
    EXPECT_TRUE(batch.empty());
}

class NetUnderTraffic : public NetTest {
protected:
    std::vector<std::unique_ptr<Owner>> echo_on_all() {
        std::vector<std::unique_ptr<Owner>> owners;
        for (unsigned pair = 0; pair < 4; ++pair) owners.push_back(std::make_unique<Owner>(*vmq, pair, echo));
        return owners;
    }
    void expect_all_back(const Traffic& traffic) {
        EXPECT_TRUE(eventually([&] { return traffic.returned() == traffic.sent(); }, 30s));
        EXPECT_EQ(traffic.returned(), traffic.sent()) << "lost";
        EXPECT_EQ(traffic.doubled(), 0u);
        EXPECT_EQ(traffic.strangers(), 0u);
        EXPECT_EQ(device->thrown_away(), 0u);
    }

    // Flows that have learned where to go stay there, so they are made to forget until every active pair has received
    // something new, and some traffic has gone through.
    bool all_carry(const Traffic& traffic, unsigned count) {
        const Stats before = vmq->stats();
        const auto returned = traffic.returned();
        return eventually(
            [&] {
                device->forget_flows();
                const Stats now = vmq->stats();
                for (unsigned pair = 0; pair < count; ++pair)
                    if (now.pairs[pair].rx_packets == before.pairs[pair].rx_packets) return false;
                return traffic.returned() > returned + 200;
            },
            20s);
    }
};

class NetLive : public NetUnderTraffic, public ::testing::WithParamInterface<Live> {};

TEST_P(NetLive, NothingIsLostOrDoubled) {
    const Live& live = GetParam();
    options.ring_size = 64;
    options.command_deadline = 20s;  // a loaded machine, and TSan
    options.settle_limit = live.settle;
    if (*live.refused != 0) options.refused_features = {live.refused};
    open({.max_vectors = live.vectors});
    Traffic traffic{*device, {.flows = 32, .window = 8, .packets_per_flow = 200'000, .length = 90}};
    RunningDevice running{*device, 2};
    {
        const auto owners = echo_on_all();
        device->set_backend(&traffic);
        std::mt19937 random{20240607};
        const int changes = live.settle > 0ms ? 8 : 60;
        for (int i = 0; i < changes; ++i) {
            const unsigned count = 1 + random() % 4;
            vmq->set_queue_pairs(count);
            ASSERT_EQ(device->pairs_in_use(), count);
            ASSERT_TRUE(all_carry(traffic, count));
        }
        traffic.finish();
        expect_all_back(traffic);
        EXPECT_GT(traffic.returned(), 200u * static_cast<unsigned>(changes));
    }
    running.stop();
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    for (const PairStats& pair : vmq->stats().pairs) {
        received += pair.rx_packets;
        sent += pair.tx_packets;
        EXPECT_GT(pair.rx_packets, 0u) << pair.pair;
        EXPECT_EQ(pair.drops(), 0u) << pair.pair;
        EXPECT_EQ(traffic.returned_on(pair.pair), pair.tx_packets) << pair.pair;
    }
    EXPECT_EQ(received, traffic.sent());
    EXPECT_EQ(sent, traffic.sent());
}

INSTANTIATE_TEST_SUITE_P(Shapes, NetLive,
                         ::testing::Values(Live{"PerQueue", 10, "", 0ms}, Live{"PerPair", 6, "EVENT_IDX", 0ms},
                                           Live{"Shared", 2, "", 0ms}, Live{"Polling", 0, "MRG_RXBUF", 0ms},
                                           Live{"Settling", 10, "", 1500ms}),
                         [](const auto& test) { return std::string{test.param.name}; });

class NetLiveFault : public NetUnderTraffic {
protected:
    void SetUp() override {
        options.ring_size = 64;
        options.command_deadline = 3s;
    }
    // Any other number of pairs than there are.
    unsigned another(std::mt19937& random) const { return 1 + (vmq->queue_pairs() + random() % 3) % 4; }
    void expect_pairs(unsigned count) const {
        EXPECT_EQ(vmq->queue_pairs(), count);
        EXPECT_EQ(device->pairs_in_use(), count);
    }
};

// faults.md 17, under load
TEST_F(NetLiveFault, EveryTenthCommandIsRefusedOrSlow) {
    open();
    Traffic traffic{*device, {.flows = 32, .window = 8, .packets_per_flow = 200'000, .length = 90}};
    RunningDevice running{*device, 2};
    {
        const auto owners = echo_on_all();
        device->set_backend(&traffic);
        std::mt19937 random{4};
        for (int i = 1; i <= 100; ++i) {
            const unsigned before = vmq->queue_pairs();
            const unsigned wanted = another(random);
            const bool refused = i % 10 == 0;
            device->set_control({.answer = refused ? Answer::refuse : Answer::normal,
                                 .delay = i % 10 == 5 ? 30ms : 0ms,
                                 .acknowledgement = {}});
            EXPECT_EQ(error_of([&] { vmq->set_queue_pairs(wanted); }),
                      refused ? make_error_code(Errc::device_refused) : std::error_code{});
            expect_pairs(refused ? before : wanted);
            ASSERT_TRUE(all_carry(traffic, vmq->queue_pairs()));
        }
        traffic.finish();
        expect_all_back(traffic);
    }
    running.stop();
    EXPECT_EQ(vmq->stats().control_failures, 10u);
}

// 18, under load
TEST_F(NetLiveFault, EveryTenthCommandIsNeverAnswered) {
    std::mt19937 random{5};
    for (int opening = 0; opening < 4; ++opening) {
        open();
        Traffic traffic{*device, {.flows = 32, .window = 8, .packets_per_flow = 200'000, .length = 90}};
        RunningDevice running{*device, 2};
        {
            const auto owners = echo_on_all();
            device->set_backend(&traffic);
            for (int i = 1; i < 10; ++i) {
                vmq->set_queue_pairs(another(random));
                ASSERT_TRUE(all_carry(traffic, vmq->queue_pairs()));
            }
            const unsigned before = vmq->queue_pairs();
            device->set_control({.answer = Answer::withhold});
            EXPECT_EQ(error_of([&] { vmq->set_queue_pairs(another(random)); }), make_error_code(Errc::device_timeout));
            expect_pairs(before);
            EXPECT_FALSE(vmq->info().control_queue_usable);
            ASSERT_TRUE(all_carry(traffic, before));
            traffic.finish();
            expect_all_back(traffic);
        }
        running.stop();
        vmq.reset();
    }
}

class NetThreads : public NetTest {};

// One thread receives, another sends on its own pair and drops some: packets go home across threads.
TEST_F(NetThreads, PacketsCrossBetweenOwners) {
    options.ring_size = 64;
    options.buffers_per_pair = 192;
    options.queue_pairs = 2;
    open();
    Traffic traffic{*device, {.flows = 1, .window = 32, .packets_per_flow = 20'000, .length = 90}};
    RunningDevice running{*device, 2};
    std::mutex mutex;
    std::deque<Packet> crossing;
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> dropped{0};
    {
        const auto receive = [&](QueuePair& pair) {
            Batch batch;
            if (pair.recv(batch) == 0) pair.wait(5ms);
            received += batch.size();
            const std::scoped_lock lock{mutex};
            while (!batch.empty()) crossing.push_back(batch.take(0));
        };
        const auto send = [&](QueuePair& pair) {
            Batch batch;
            {
                const std::scoped_lock lock{mutex};
                for (; !crossing.empty() && !batch.full(); crossing.pop_front())
                    batch.push(std::move(crossing.front()));
            }
            if (batch.empty()) std::this_thread::sleep_for(100us);
            while (!batch.empty())
                if (pair.send(batch) == 0) pair.wait(1ms);
            // One more of the other pair's packets goes home unsent.
            const std::scoped_lock lock{mutex};
            if (crossing.size() > 8) {
                crossing.pop_back();
                ++dropped;
            }
        };
        // The flow is learned on pair 1 with its first packet, so both owners do both.
        const Owner first{*vmq, 0, [&](QueuePair& pair) { receive(pair), send(pair); }};
        const Owner second{*vmq, 1, [&](QueuePair& pair) { receive(pair), send(pair); }};
        device->set_backend(&traffic);
        EXPECT_TRUE(eventually([&] { return received >= 5000 || dropped >= 32; }, 30s));
        traffic.finish();
        EXPECT_TRUE(eventually([&] { return traffic.returned() + dropped == traffic.sent(); }, 20s));
        EXPECT_EQ(traffic.returned() + dropped, traffic.sent());
    }
    crossing.clear();
    EXPECT_EQ(traffic.doubled() + traffic.strangers(), 0u);
    running.stop();
}

// A new owner goes on where the last one stopped.
TEST_F(NetThreads, OwnershipPassesBetweenThreads) {
    options.ring_size = 64;
    open();
    Traffic traffic{*device, {.flows = 4, .window = 8, .packets_per_flow = 100'000, .length = 90}};
    RunningDevice running{*device, 1};
    device->set_backend(&traffic);
    for (std::uint64_t i = 1; i <= 10; ++i) {
        const auto before = traffic.returned();
        const Owner owner{*vmq, 0, echo};
        EXPECT_TRUE(eventually([&] { return traffic.returned() > before + 100; }, 20s));
        if (i == 10) {
            traffic.finish();
            EXPECT_TRUE(eventually([&] { return traffic.returned() == traffic.sent(); }, 20s));
        }
    }
    EXPECT_EQ(traffic.returned(), traffic.sent());
    EXPECT_EQ(traffic.doubled() + traffic.strangers(), 0u);
    running.stop();
}

}  // namespace
}  // namespace vmq
