// Percentiles, pacing and the bookkeeping of pings.
#include "tools/mqperf/latency.hpp"

#include <gtest/gtest.h>

#include "tools/mqperf/pacer.hpp"
#include "tools/mqperf/ping.hpp"

namespace vmq::mqperf {
namespace {

using namespace std::chrono_literals;

TEST(Latency, IsExactForSmallTimes) {
    Latency latency;
    for (int i = 1; i <= 50; ++i) latency.add(std::chrono::nanoseconds{i});
    EXPECT_EQ(latency.count(), 50u);
    EXPECT_EQ(latency.percentile(50), 25ns);
    EXPECT_EQ(latency.percentile(100), 50ns);
    EXPECT_EQ(latency.max(), 50ns);
}

TEST(Latency, IsCloseForLongTimes) {
    Latency latency;
    for (int i = 1; i <= 1000; ++i) latency.add(i * 1us);
    const auto within = [&](double percent, std::chrono::nanoseconds exact) {
        const auto found = latency.percentile(percent);
        return found >= exact && found <= exact + exact / 64;
    };
    EXPECT_TRUE(within(1, 10us)) << latency.percentile(1).count();
    EXPECT_TRUE(within(50, 500us)) << latency.percentile(50).count();
    EXPECT_TRUE(within(99, 990us)) << latency.percentile(99).count();
    EXPECT_EQ(latency.percentile(100), 1ms);
    EXPECT_EQ(latency.max(), 1ms);
}

TEST(Latency, TakesEveryTime) {
    Latency latency;
    latency.add(-5ns);
    EXPECT_EQ(latency.max(), 0ns);
    latency.add(std::chrono::nanoseconds::max());
    EXPECT_EQ(latency.percentile(100), std::chrono::nanoseconds::max());
    for (int bit = 0; bit < 63; ++bit) latency.add(std::chrono::nanoseconds{std::int64_t{1} << bit});
    EXPECT_EQ(latency.count(), 65u);
}

TEST(Latency, WithoutTimesIsZero) {
    EXPECT_EQ(Latency{}.percentile(50), 0ns);
    EXPECT_EQ(Latency{}.max(), 0ns);
}

TEST(Pacer, LetsTheRateThrough) {
    const Pacer::Clock::time_point start{};
    Pacer pacer{start};
    std::size_t sent = 0;
    for (auto time = 0ms; time <= 1000ms; time += 1ms) {
        const std::size_t due = pacer.due(start + time, 5000, 64);
        pacer.sent(due);
        sent += due;
    }
    EXPECT_NEAR(static_cast<double>(sent), 5000, 1);
}

TEST(Pacer, DoesNotCatchUpWithMoreThanTenMilliseconds) {
    const Pacer::Clock::time_point start{};
    Pacer pacer{start};
    EXPECT_EQ(pacer.due(start + 10s, 5000, 1000), 50u);
    EXPECT_EQ(pacer.due(start + 10s, 5000, 32), 32u);
}

TEST(Pacer, TellsWhenTheNextOneIsDue) {
    const Pacer::Clock::time_point start{};
    Pacer pacer{start};
    EXPECT_EQ(pacer.due(start, 10, 1), 0u);
    EXPECT_EQ(pacer.pause(10), 100ms);
    EXPECT_EQ(pacer.due(start + 100ms, 10, 1), 1u);
    EXPECT_EQ(pacer.pause(10), 0ms);
    pacer.sent(1);
    EXPECT_GT(pacer.pause(10), 99ms);
}

TEST(Ping, TimesAnAnswerOnce) {
    const Ping::Clock::time_point start{};
    Ping ping;
    EXPECT_FALSE(ping.waiting());
    ping.begin(7, start);
    EXPECT_TRUE(ping.waiting());
    ping.answered(6, start + 1ns);
    EXPECT_TRUE(ping.waiting()) << "an older request's answer";
    ping.answered(7, start + 40ns);
    ping.answered(7, start + 50ns);
    EXPECT_FALSE(ping.waiting());
    EXPECT_EQ(ping.round_trips().count(), 1u);
    EXPECT_EQ(ping.round_trips().max(), 40ns);
    ping.begin(8, start + 1s);
    EXPECT_EQ(ping.sent(), 2u);
}

TEST(Ping, RemembersThePeer) {
    Ping ping;
    EXPECT_EQ(ping.peer(), std::nullopt);
    ping.resolved({1, 2, 3, 4, 5, 6});
    EXPECT_EQ(ping.peer(), (MacAddress{1, 2, 3, 4, 5, 6}));
}

}  // namespace
}  // namespace vmq::mqperf
