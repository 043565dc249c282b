// Requests and replies to text and back: every member, every error, and what is not understood.
#include "driver/control/protocol.hpp"

#include <cerrno>
#include <future>
#include <limits>
#include <new>
#include <random>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "tests/unit/control/samples.hpp"

namespace vmq::control {
namespace {

// The members of each struct once more and on their own, so that one which the protocol forgets is seen here.

auto members(const PairInfo& record) {
    const auto& [a, b, c, d, e, f, g, h] = record;
    return std::tuple(a, b, c, d, e, f, g, h);
}

auto members(const PairStats& record) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, ab] = record;
    return std::tuple(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, ab);
}

auto members(const VectorStats& record) {
    const auto& [a, b, c, d, e, f, g, h, i, j] = record;
    return std::tuple(a, b, c, d, e, f, g, h, i, j);
}

auto members(const PairDeviceStats& record) {
    const auto& [a, b] = record;
    return std::tuple(a, b);
}

template <typename T>
auto members(const std::vector<T>& records) {
    std::vector<decltype(members(records.front()))> all;
    for (const T& record : records) all.push_back(members(record));
    return all;
}

auto members(const ReceiveMode& record) {
    const auto& [a, b, c, d, e, f] = record;
    return std::tuple(a, b, c, d, e, f);
}

auto members(const MacFilters& record) {
    const auto& [a, b] = record;
    return std::tuple(a, b);
}

auto members(const CoalescingInfo& record) {
    const auto& [a, b] = record;
    return std::tuple(a, b);
}

auto members(const DeviceStats& record) {
    const auto& [a, pairs] = record;
    return std::tuple(a, members(pairs));
}

auto members(const Info& record) {
    const auto& [a, b, c, d, e, f, g, h, i, mode, filters, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, pairs] =
        record;
    return std::tuple(a, b, c, d, e, f, g, h, i, members(mode), members(filters), j, k, l, m, n, o, p, q, r, s, t, u, v,
                      w, x, y, z, members(pairs));
}

auto members(const Stats& record) {
    const auto& [pairs, b, c, d, e, f, g] = record;
    return std::tuple(members(pairs), b, c, d, e, f, g);
}

auto members(const RssLimits& record) {
    const auto& [a, b, c] = record;
    return std::tuple(a, b, c);
}

auto members(const RssSettings& record) {
    const auto& [a, b, c, d] = record;
    return std::tuple(a, b, c, d);
}

auto members(const RssConfig& record) {
    const auto& [a, b, c, d] = record;
    return std::tuple(a, b, c, d);
}

auto members(const RssInfo& record) {
    const auto& [limits, settings, config] = record;
    return std::tuple(members(limits), members(settings), members(config));
}

auto members(const InterruptTable& record) {
    const auto& [cpus, vectors] = record;
    return std::tuple(cpus, members(vectors));
}

template <typename... Members>
void expect_all_differ(const std::tuple<Members...>& sample, const std::tuple<Members...>& standard) {
    const auto differing = [&]<std::size_t... index>(std::index_sequence<index...>) {
        return std::vector<bool>{(std::get<index>(sample) != std::get<index>(standard))...};
    }
    (std::index_sequence_for<Members...>{});
    for (std::size_t i = 0; i < differing.size(); ++i)
        EXPECT_TRUE(differing[i]) << "member " << i << " has its default";
}

template <typename T>
void expect_round_trip(const T& sample) {
    const std::string line = encode(Reply{sample});
    EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line each";
    const Reply reply = decode_reply(line);
    ASSERT_TRUE(std::holds_alternative<T>(reply)) << line;
    EXPECT_TRUE(members(std::get<T>(reply)) == members(sample)) << line;
}

// The error that `call` throws.
template <typename Call>
std::system_error thrown_by(Call call) {
    try {
        call();
    } catch (const std::system_error& error) {
        return error;
    }
    return std::system_error(std::error_code{}, "nothing was thrown");
}

Failure failure_of(const auto& exception) {
    try {
        throw exception;
    } catch (...) {
        return current_failure();
    }
}

TEST(ControlProtocol, TheSamplesLeaveNoMemberAtItsDefault) {
    expect_all_differ(members(sample_info()), members(Info{}));
    expect_all_differ(members(sample_info().pairs[0]), members(PairInfo{}));
    expect_all_differ(members(sample_stats()), members(Stats{}));
    expect_all_differ(members(sample_stats().pairs[0]), members(PairStats{}));
    expect_all_differ(members(sample_interrupts()), members(InterruptTable{}));
    expect_all_differ(members(sample_interrupts().vectors[0]), members(VectorStats{}));
    expect_all_differ(members(sample_rss().limits), members(RssLimits{}));
    expect_all_differ(members(sample_rss().settings), members(RssSettings{}));
    expect_all_differ(members(sample_rss().config), members(RssConfig{}));
    expect_all_differ(members(sample_info().receive_mode), members(ReceiveMode{}));
    expect_all_differ(members(sample_info().mac_filters), members(MacFilters{}));
    expect_all_differ(members(sample_coalescing()), members(CoalescingInfo{}));
    expect_all_differ(members(sample_device_stats()), members(DeviceStats{}));
}

TEST(ControlProtocol, StructsComeBackAsTheyWere) {
    expect_round_trip(sample_info());
    expect_round_trip(sample_stats());
    expect_round_trip(sample_interrupts());
    expect_round_trip(Info{});
    expect_round_trip(Stats{});
    expect_round_trip(InterruptTable{});
    expect_round_trip(sample_rss());
    expect_round_trip(RssInfo{});
    expect_round_trip(sample_coalescing());
    expect_round_trip(sample_device_stats());
}

TEST(ControlProtocol, EveryFieldOfAReplyIsNeeded) {
    const std::string whole = encode(Reply{sample_info()});
    for (const std::string key : {"name", "memory_bytes", "mac", "pairs", "rx_vector"}) {
        std::string line = whole;
        line.replace(line.find('"' + key + '"'), key.size() + 2, "\"other\"");
        const auto error = thrown_by([&] { static_cast<void>(decode_reply(line)); });
        EXPECT_EQ(error.code(), std::errc::protocol_error) << line;
        EXPECT_NE(std::string(error.what()).find(key + " is missing"), std::string::npos) << error.what();
    }
}

TEST(ControlProtocol, AMemberThatIsNewerThanThisReaderIsPassedOver) {
    std::string line = encode(Reply{sample_stats()});
    line.insert(line.find("\"config_changes\""), "\"aaa\":[1],");
    EXPECT_TRUE(members(std::get<Stats>(decode_reply(line))) == members(sample_stats()));
}

TEST(ControlProtocol, TextThatIsNotUtf8IsReplacedNotRefused) {
    Info info;
    info.application =
        "a\xff"
        "b";
    EXPECT_EQ(std::get<Info>(decode_reply(encode(Reply{info}))).application,
              "a\xef\xbf\xbd"
              "b");
}

TEST(ControlProtocol, RequestsComeBackAsTheyWere) {
    EXPECT_TRUE(std::holds_alternative<GetInfo>(decode_request(encode(Request{GetInfo{}}))));
    EXPECT_TRUE(std::holds_alternative<GetStats>(decode_request(encode(Request{GetStats{}}))));
    EXPECT_TRUE(std::holds_alternative<GetInterrupts>(decode_request(encode(Request{GetInterrupts{}}))));
    for (const unsigned count : {0U, 2U, std::numeric_limits<unsigned>::max()}) {
        const Request request = decode_request(encode(Request{SetQueuePairs{count}}));
        ASSERT_TRUE(std::holds_alternative<SetQueuePairs>(request));
        EXPECT_EQ(std::get<SetQueuePairs>(request).count, count);
    }
    EXPECT_TRUE(std::holds_alternative<GetRss>(decode_request(encode(Request{GetRss{}}))));
    EXPECT_TRUE(std::holds_alternative<GetCoalescing>(decode_request(encode(Request{GetCoalescing{}}))));
    EXPECT_TRUE(std::holds_alternative<GetDeviceStats>(decode_request(encode(Request{GetDeviceStats{}}))));
    const Request coalescing = decode_request(encode(Request{SetCoalescing{sample_coalescing().all}}));
    ASSERT_TRUE(std::holds_alternative<SetCoalescing>(coalescing));
    EXPECT_EQ(std::get<SetCoalescing>(coalescing).all, sample_coalescing().all);
    const Request request = decode_request(encode(Request{SetRss{sample_rss().settings}}));
    ASSERT_TRUE(std::holds_alternative<SetRss>(request));
    EXPECT_TRUE(members(std::get<SetRss>(request).settings) == members(sample_rss().settings));
}

TEST(ControlProtocol, ARequestThatIsNotUnderstoodIsABadRequest) {
    const std::vector<std::string> bad{
        "",
        "\n",
        "null",
        "[]",
        "info",
        "{",
        R"({"schema":1})",
        R"({"command":"info"})",
        R"({"schema":"1","command":"info"})",
        R"({"schema":-1,"command":"info"})",
        R"({"schema":1,"command":1})",
        R"({"schema":1,"command":"inf"})",
        R"({"schema":1,"command":"info"} {"schema":1,"command":"info"})",
        R"({"schema":1,"command":"info","count":1})",
        R"({"schema":1,"command":"set_queue_pairs"})",
        R"({"schema":1,"command":"set_queue_pairs","count":-1})",
        R"({"schema":1,"command":"set_queue_pairs","count":1.5})",
        R"({"schema":1,"command":"set_queue_pairs","count":1.0})",
        R"({"schema":1,"command":"set_queue_pairs","count":4294967296})",
        R"({"schema":1,"command":"set_queue_pairs","count":18446744073709551617})",
        R"({"schema":1,"command":"set_queue_pairs","count":true})",
        R"({"schema":1,"command":"set_queue_pairs","count":"2"})",
        R"({"schema":1,"command":"set_queue_pairs","count":null})",
        R"({"schema":1,"command":"set_queue_pairs","count":2,"only_if":3})",
        "{\"schema\":1,\"command\":\"\xff\"}",
        std::string(4000, '['),
        std::string(64, '\0'),
    };
    for (const std::string& line : bad) {
        const auto error = thrown_by([&] { static_cast<void>(decode_request(line)); });
        EXPECT_EQ(error.code(), Errc::bad_request) << line << " -> " << error.what();
    }
}

TEST(ControlProtocol, DamagedLinesAreUnderstoodOrRefusedAndNothingElse) {
    std::minstd_rand random(31);
    const std::vector<std::string> whole{encode(Request{SetQueuePairs{2}}),
                                         encode(Reply{sample_info()}),
                                         encode(Reply{sample_stats()}),
                                         encode(Reply{sample_interrupts()}),
                                         encode(Request{SetRss{sample_rss().settings}}),
                                         encode(Reply{sample_rss()}),
                                         encode(Reply{Failure{Errc::busy, "text"}})};
    unsigned refused = 0;
    for (unsigned round = 0; round < 5000; ++round) {
        std::string line = whole[random() % whole.size()];
        for (auto changes = 1 + random() % 3; changes > 0; --changes) {
            const auto at = random() % line.size();
            switch (random() % 3) {
                case 0:
                    line[at] = static_cast<char>(random());
                    break;
                case 1:
                    line.erase(at, random() % 8);
                    break;
                default:
                    line.insert(at, line.substr(random() % line.size(), random() % 16));
            }
            if (line.empty()) line = "x";
        }
        const auto request = thrown_by([&] { static_cast<void>(decode_request(line)); });
        const auto reply = thrown_by([&] { static_cast<void>(decode_reply(line)); });
        if (request.code()) {
            EXPECT_TRUE(request.code() == Errc::bad_request || request.code() == Errc::unsupported) << line;
            ++refused;
        }
        if (reply.code()) {
            EXPECT_TRUE(reply.code() == std::errc::protocol_error || reply.code() == Errc::unsupported) << line;
        }
    }
    EXPECT_GT(refused, 4000U);
}

TEST(ControlProtocol, AnotherSchemaIsNamedAsSuch) {
    const std::string request = R"({"schema":2,"command":"info"})";
    const std::string reply = R"({"schema":2,"done":true})";
    EXPECT_EQ(thrown_by([&] { static_cast<void>(decode_request(request)); }).code(), Errc::unsupported);
    EXPECT_EQ(thrown_by([&] { static_cast<void>(decode_reply(reply)); }).code(), Errc::unsupported);
}

TEST(ControlProtocol, AReplyThatIsNotUnderstoodIsAProtocolError) {
    const std::vector<std::string> bad{
        "",
        "{}",
        R"({"schema":1})",
        R"({"schema":1,"info":[]})",
        R"({"schema":1,"stats":{"pairs":{}}})",
        R"({"schema":1,"interrupts":{"cpus":[-1],"vectors":[]}})",
        R"({"schema":1,"error":{}})",
        R"({"schema":1,"error":"no"})",
        R"({"schema":1,"error":{"category":"vmq","code":0,"text":""}})",
        R"({"schema":1,"error":{"category":"iostream","code":1,"text":""}})",
        R"({"schema":1,"error":{"category":"vmq","code":2147483648,"text":""}})",
    };
    for (const std::string& line : bad) {
        const auto error = thrown_by([&] { static_cast<void>(decode_reply(line)); });
        EXPECT_EQ(error.code(), std::errc::protocol_error) << line << " -> " << error.what();
    }
}

TEST(ControlProtocol, AnErrorReadsTheSameOnBothSides) {
    const std::vector<std::system_error> errors{
        {Errc::out_of_range, "0000:00:04.0: requested 9 queue pairs, the device has 4"},
        {Errc::device_refused, "VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET: 2"},
        {std::error_code{EPERM, std::generic_category()}, "write \"smp_affinity\"\n(try: root)"},
        {std::error_code{ENOSPC, std::system_category()}, "ioctl"},
        std::system_error(make_error_code(Errc::busy)),
        {Errc::busy, ""},
    };
    for (const std::system_error& thrown : errors) {
        const Failure failure = std::get<Failure>(decode_reply(encode(Reply{failure_of(thrown)})));
        const std::system_error arrived = thrown_by([&] { rethrow(failure); });
        EXPECT_EQ(arrived.code(), thrown.code());
        EXPECT_EQ(&arrived.code().category(), &thrown.code().category());
        EXPECT_EQ(text_of(arrived), text_of(thrown));
    }
    EXPECT_EQ(text_of(errors[0]), "0000:00:04.0: requested 9 queue pairs, the device has 4");
    EXPECT_EQ(text_of(errors[4]), "");
}

TEST(ControlProtocol, OtherExceptionsBecomeErrno) {
    EXPECT_EQ(failure_of(std::invalid_argument("ring_size 3")).code, std::errc::invalid_argument);
    EXPECT_EQ(failure_of(std::invalid_argument("ring_size 3")).text, "ring_size 3");
    EXPECT_EQ(failure_of(std::bad_alloc()).code, std::errc::not_enough_memory);
    EXPECT_EQ(failure_of(std::logic_error("odd")).code, std::errc::io_error);
    EXPECT_EQ(failure_of(std::logic_error("odd")).text, "odd");
    EXPECT_EQ(failure_of(42).code, std::errc::io_error);

    // A code that cannot be named on the other side, or that means success, still arrives as a failure with its text.
    for (const std::error_code code : {std::make_error_code(std::future_errc::no_state), std::error_code{}}) {
        const Failure failure = std::get<Failure>(decode_reply(encode(Reply{Failure{code, "what it was"}})));
        EXPECT_EQ(failure.code, std::errc::io_error);
        EXPECT_EQ(failure.text, "what it was");
    }
}

}  // namespace
}  // namespace vmq::control
