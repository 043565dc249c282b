// mqperf's command line and reports.
#include <array>

#include <gtest/gtest.h>

#include "tools/common/failure.hpp"
#include "tools/mqperf/options.hpp"
#include "tools/mqperf/report.hpp"

namespace vmq::mqperf {
namespace {

using namespace std::chrono_literals;

template <typename... Words>
PerfOptions read(Words... words) {
    tools::Syntax syntax{"mqperf", ""};
    declare_options(syntax.options);
    const std::array<const char*, sizeof...(Words) + 1> argv{"mqperf", words...};
    return read_options(*tools::parse_command_line(std::move(syntax), static_cast<int>(argv.size()), argv.data()));
}

template <typename... Words>
std::string refusal(Words... words) {
    try {
        read(words...);
    } catch (const tools::UsageError& error) {
        return error.what();
    }
    return "accepted";
}

TEST(PerfOptions, HaveDefaults) {
    const PerfOptions options = read("send");
    EXPECT_EQ(options.job, Job::send);
    EXPECT_EQ(options.device, std::nullopt);
    EXPECT_EQ(options.to_mac, broadcast_mac);
    EXPECT_EQ(options.address, (Ipv4Address{0xc6120001}));
    EXPECT_EQ(options.size, 64u);
    EXPECT_EQ(options.burst, 32u);
    EXPECT_EQ(options.rate, 0u);
    EXPECT_EQ(options.duration, std::nullopt);
    EXPECT_EQ(options.library.queue_pairs, 0u);
    EXPECT_EQ(options.library.buffer_size, 0u);
    EXPECT_EQ(options.library.mode, Mode::interrupts);
    EXPECT_TRUE(options.library.pin_threads);
    EXPECT_FALSE(options.library.no_iommu);
    EXPECT_EQ(options.library.control_socket, "");
}

TEST(PerfOptions, SoakTakesEitherAddressOfItsPeer) {
    const PerfOptions mirror = read("soak", "--to", "02:00:00:00:00:09", "--changes", "0", "--seed", "5");
    EXPECT_EQ(mirror.job, Job::soak);
    EXPECT_EQ(mirror.to_mac, (MacAddress{2, 0, 0, 0, 0, 9}));
    EXPECT_EQ(mirror.to_address, Ipv4Address{}) << "nobody is asked";
    EXPECT_EQ(mirror.size, 1514u);
    EXPECT_EQ(mirror.changes, 0u);
    EXPECT_EQ(mirror.seed, 5u);
    const PerfOptions server = read("soak", "--address", "10.0.0.2", "--to", "10.0.0.1", "--size", "100");
    EXPECT_EQ(server.to_address, (Ipv4Address{0x0a000001}));
    EXPECT_EQ(server.changes, 10u);
    EXPECT_EQ(server.seed, 1u);
    EXPECT_NE(refusal("soak", "--to", "nobody").find("'nobody' is not an IPv4 address"), std::string::npos);
    EXPECT_NE(refusal("soak", "--size", "65").find("--size"), std::string::npos);
    EXPECT_EQ(refusal("send", "--seed", "1"), "send has no --seed");
}

TEST(PerfOptions, ReachTheLibrary) {
    const PerfOptions options =
        read("echo", "00:04.0", "--address", "10.0.0.2", "--pairs", "2", "--ring-size", "512", "--cpus", "1,3",
             "--no-pin", "--no-iommu", "--poll", "--refuse", "EVENT_IDX,MRG_RXBUF", "--refuse", "MQ", "--socket",
             "/tmp/s", "--duration", "1.5", "-j");
    EXPECT_EQ(options.device, "00:04.0");
    EXPECT_EQ(options.address, (Ipv4Address{0x0a000002}));
    EXPECT_EQ(options.library.queue_pairs, 2u);
    EXPECT_EQ(options.library.ring_size, 512u);
    EXPECT_EQ(options.library.cpus, "1,3");
    EXPECT_FALSE(options.library.pin_threads);
    EXPECT_TRUE(options.library.no_iommu);
    EXPECT_EQ(options.library.mode, Mode::poll);
    EXPECT_EQ(options.library.refused_features, (std::vector<std::string>{"EVENT_IDX", "MRG_RXBUF", "MQ"}));
    EXPECT_EQ(options.library.control_socket, "/tmp/s");
    EXPECT_EQ(options.duration, 1500ms);
    EXPECT_TRUE(options.json);
}

TEST(PerfOptions, OfPingNameBothSides) {
    const PerfOptions options = read("ping", "--address", "10.0.0.2", "--to", "10.0.0.1", "--sleep", "--rate", "100");
    EXPECT_EQ(options.to_address, (Ipv4Address{0x0a000001}));
    EXPECT_TRUE(options.sleep);
    EXPECT_EQ(options.rate, 100u);
    EXPECT_EQ(refusal("ping", "--address", "10.0.0.2"), "ping needs --to, an IPv4 address");
    EXPECT_EQ(refusal("echo"), "echo needs --address, an IPv4 address");
    EXPECT_EQ(refusal("echo", "--address", "10.0.0"), "'10.0.0' is not an IPv4 address, for --address");
}

TEST(PerfOptions, AskForBuffersThatHoldTheFrame) {
    EXPECT_EQ(read("send", "--size", "1514").library.buffer_size, 0u);
    EXPECT_EQ(read("send", "--size", "1856").library.buffer_size, 0u);
    EXPECT_EQ(read("send", "--size", "1857").library.buffer_size, 2048u);
    EXPECT_EQ(read("send", "--size", "9014").library.buffer_size, 9152u);
    EXPECT_EQ(read("send", "--to", "52:54:00:00:00:01").to_mac, (MacAddress{0x52, 0x54, 0, 0, 0, 1}));
}

TEST(PerfOptions, RefuseWhatMakesNoSense) {
    EXPECT_EQ(refusal(), "no job given: send, receive, forward, echo, ping or soak (see mqperf --help)");
    EXPECT_EQ(refusal("flood"), "unknown job 'flood': send, receive, forward, echo, ping or soak");
    EXPECT_EQ(refusal("receive", "a", "b"), "too many words: JOB [DEV]");
    EXPECT_EQ(refusal("receive", "--burst", "8"), "receive has no --burst");
    EXPECT_EQ(refusal("forward", "--address", "10.0.0.1"), "forward has no --address");
    EXPECT_EQ(refusal("echo", "--address", "10.0.0.1", "--sleep"), "echo has no --sleep");
    EXPECT_EQ(refusal("send", "--to", "10.0.0.1"), "'10.0.0.1' is not a MAC address, for --to");
    EXPECT_EQ(refusal("send", "--burst", "65"), "65 is out of range for --burst: 1 to 64");
    EXPECT_EQ(refusal("send", "--size", "41"), "41 is out of range for --size: 42 to 65549");
    EXPECT_EQ(refusal("send", "--pairs", "0"), "0 is out of range for --pairs: 1 to 32768");
}

Result some_result() {
    Result result;
    result.job = "ping";
    result.info.name = "0000:00:04.0";
    result.info.queue_pairs = 1;
    result.info.max_queue_pairs = 1;
    result.stats.pairs.resize(1);
    result.stats.pairs[0].state = PairState::active;
    result.stats.pairs[0].rx_packets = 1000;
    result.stats.pairs[0].rx_bytes = 64000;
    result.stats.pairs[0].tx_packets = 500;
    result.stats.pairs[0].tx_bytes = 32000;
    result.seconds = 2;
    result.round_trips = Result::RoundTrips{};
    result.round_trips->sent = 3;
    result.round_trips->times.add(20us);
    result.round_trips->times.add(30us);
    return result;
}

TEST(Summary, HasRatesAndRoundTrips) {
    const std::string text = summary_text(some_result());
    EXPECT_EQ(text.rfind("0000:00:04.0  ping  in 2.00 s\n", 0), 0u);
    EXPECT_NE(text.find("rx 500 packets/s 0.3 Mbit/s  tx 250 packets/s 0.1 Mbit/s  drops 0  pairs 1/1\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("round trips: 3 sent, 2 answered; p50 20."), std::string::npos) << text;
    EXPECT_NE(text.find("max 30.0 us\n"), std::string::npos) << text;
}

TEST(Summary, OfOtherJobsHasNoRoundTrips) {
    Result result = some_result();
    result.round_trips.reset();
    EXPECT_EQ(summary_text(result).find("round trips"), std::string::npos);
    EXPECT_FALSE(summary_json(result)[0].contains("round_trips"));
}

TEST(Summary, InJsonCarriesTheSame) {
    const tools::Json device = summary_json(some_result())[0];
    EXPECT_EQ(device["schema"], "mqperf/1");
    EXPECT_EQ(device["job"], "ping");
    EXPECT_EQ(device["rx_packets_per_second"], 500.0);
    EXPECT_EQ(device["pairs"][0]["rx_packets"], 1000);
    EXPECT_EQ(device["sum"]["tx_packets"], 500);
    EXPECT_EQ(device["round_trips"]["sent"], 3);
    EXPECT_EQ(device["round_trips"]["answered"], 2);
    EXPECT_EQ(device["round_trips"]["max_us"], 30.0);
}

}  // namespace
}  // namespace vmq::mqperf
