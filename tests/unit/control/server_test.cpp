// The control socket under good and bad clients.
#include "driver/control/server.hpp"

#include <filesystem>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "driver/control/protocol.hpp"
#include "tests/unit/control/harness.hpp"

namespace vmq::control {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const std::string info_request = encode(Request{GetInfo{}});
const std::string change_request = encode(Request{SetQueuePairs{2}});

std::error_code error_in(const std::string& reply) {
    const Reply decoded = decode_reply(reply);
    const auto* failure = std::get_if<Failure>(&decoded);
    return failure != nullptr ? failure->code : std::error_code{};
}

class ControlServer : public ::testing::Test {
protected:
    std::string ask(std::string_view bytes) {
        RawClient client(path);
        client.send(bytes);
        return client.receive_all();
    }
    void expect_alive() { EXPECT_EQ(ask(info_request), encode(Reply{sample_info()})); }

    SocketFolder folder;
    std::string path = folder / "device.sock";
    FakeDevice device;
};

TEST_F(ControlServer, AnswersEachCommandAndEndsTheConnection) {
    Server server(path, device);
    const ControlThread thread(server);
    EXPECT_EQ(ask(info_request), encode(Reply{sample_info()}));
    EXPECT_EQ(ask(encode(Request{GetStats{}})), encode(Reply{sample_stats()}));
    EXPECT_EQ(ask(encode(Request{GetInterrupts{}})), encode(Reply{sample_interrupts()}));
    EXPECT_EQ(ask(change_request), encode(Reply{Done{}}));
    EXPECT_EQ(device.queue_pairs, 2U);
    EXPECT_EQ(device.changes, 1U);
}

TEST_F(ControlServer, ARefusedChangeIsToldWithItsCodeAndText) {
    device.on_change = [](unsigned) { throw std::system_error(make_error_code(Errc::device_refused), "MQ command"); };
    Server server(path, device);
    const ControlThread thread(server);
    const Reply reply = decode_reply(ask(change_request));
    ASSERT_TRUE(std::holds_alternative<Failure>(reply));
    EXPECT_EQ(std::get<Failure>(reply).code, Errc::device_refused);
    EXPECT_EQ(std::get<Failure>(reply).text, "MQ command");
    EXPECT_EQ(device.queue_pairs, 4U);
    expect_alive();
}

// Another user's thread: the credentials of a socket are those of the thread that connects.
class AsAnotherUser {
public:
    AsAnotherUser() { set_effective_user(65534); }
    ~AsAnotherUser() { set_effective_user(0); }
    AsAnotherUser(const AsAnotherUser&) = delete;
    AsAnotherUser& operator=(const AsAnotherUser&) = delete;

private:
    // The C library's function would change all threads.
    static void set_effective_user(long user) {
        if (::syscall(SYS_setresuid, -1L, user, -1L) != 0)
            throw std::system_error(errno, std::generic_category(), "setresuid");
    }
};

TEST_F(ControlServer, AnotherUserMayReadAndNotChange) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
    std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
    Server server(path, device);
    std::filesystem::permissions(path, std::filesystem::perms{0666});
    const ControlThread thread(server);
    const auto ask_as_another = [&](const Request& request) {
        const AsAnotherUser other;
        return decode_reply(ask(encode(request)));
    };
    for (const Request& request : {Request{GetInfo{}}, Request{GetStats{}}, Request{GetInterrupts{}}, Request{GetRss{}},
                                   Request{GetCoalescing{}}, Request{GetDeviceStats{}}})
        EXPECT_FALSE(std::holds_alternative<Failure>(ask_as_another(request)));
    for (const Request& request :
         {Request{SetQueuePairs{2}}, Request{Reset{}}, Request{SetRss{}}, Request{SetCoalescing{}}}) {
        const Reply reply = ask_as_another(request);
        ASSERT_TRUE(std::holds_alternative<Failure>(reply));
        EXPECT_EQ(std::get<Failure>(reply).code, std::errc::operation_not_permitted);
        EXPECT_NE(std::get<Failure>(reply).text.find("only root and the user who runs"), std::string::npos);
    }
    EXPECT_EQ(device.changes, 0U);
    EXPECT_EQ(ask(change_request), encode(Reply{Done{}})) << "root may";
}

TEST_F(ControlServer, GarbageIsRefusedAndHarmsNobody) {
    Server server(path, device);
    const ControlThread thread(server);
    for (const std::string& garbage : {std::string("GET / HTTP/1.1\r\n"), std::string("\n"), std::string("\0\xff\n", 3),
                                       "{\"schema\":1,\"command\":\"shell\"}\n" + change_request}) {
        EXPECT_EQ(error_in(ask(garbage)), Errc::bad_request);
    }
    EXPECT_EQ(device.changes, 0U);
    expect_alive();
}

TEST_F(ControlServer, ARequestHasAtMostFourKibibytes) {
    Server server(path, device);
    const ControlThread thread(server);
    std::string longest = info_request;
    longest.insert(longest.size() - 1, max_request_bytes - longest.size(), ' ');
    ASSERT_EQ(longest.size(), max_request_bytes);
    EXPECT_EQ(ask(longest), encode(Reply{sample_info()}));

    std::string longer = longest;
    longer.insert(longer.size() - 1, " ");
    EXPECT_EQ(error_in(ask(longer)), Errc::bad_request);
    EXPECT_EQ(error_in(ask(std::string(max_request_bytes, 'x'))), Errc::bad_request)
        << "without waiting for the newline";
    EXPECT_EQ(error_in(ask(std::string(1'000'000, '['))), Errc::bad_request);
    EXPECT_EQ(device.queries, 1U);
    expect_alive();
}

TEST_F(ControlServer, ARequestMayArriveByteByByte) {
    Server server(path, device);
    RawClient client(path);
    for (const char byte : change_request) {
        EXPECT_EQ(device.changes, 0U);
        client.send({&byte, 1});
        serve_all(server);
    }
    EXPECT_EQ(client.receive_all(), encode(Reply{Done{}}));
    EXPECT_EQ(device.changes, 1U);
}

TEST_F(ControlServer, ASlowSenderIsCutHoweverBusyItLooks) {
    Server server(path, device, {16, 300ms});
    const ControlThread thread(server);
    RawClient silent(path);
    RawClient slow(path);
    const auto start = Clock::now();
    while (slow.send("{") && Clock::now() - start < 15s) std::this_thread::sleep_for(10ms);
    EXPECT_GE(Clock::now() - start, 250ms);
    EXPECT_LT(Clock::now() - start, 15s);
    EXPECT_EQ(silent.receive_all(), "");
    expect_alive();
}

TEST_F(ControlServer, ASlowReaderGetsAllOfALongReply) {
    device.info_reply.application.assign(3'000'000, 'x');
    Server server(path, device);
    const ControlThread thread(server);
    RawClient client(path);
    client.send(info_request);
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(client.receive_all(100'000, 1ms), encode(Reply{device.info_reply}));
}

TEST_F(ControlServer, AReaderThatStopsReadingIsCutAndOthersAreServedMeanwhile) {
    device.info_reply.application.assign(3'000'000, 'x');
    Server server(path, device, {16, 500ms});
    const ControlThread thread(server);
    RawClient stuck(path);
    stuck.send(info_request);
    while (device.queries == 0) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(ask(encode(Request{GetStats{}})), encode(Reply{sample_stats()}));
    std::this_thread::sleep_for(1s);
    const std::string received = stuck.receive_all();
    EXPECT_GT(received.size(), 0U);
    EXPECT_LT(received.size(), 3'000'000U);
}

TEST_F(ControlServer, AClientThatLeavesWhileItIsAnsweredRaisesNoSignal) {
    device.info_reply.application.assign(3'000'000, 'x');
    Server server(path, device);
    RawClient client(path);
    client.send(info_request);
    serve_all(server);
    ASSERT_EQ(device.queries, 1U);
    client.close();
    serve_all(server);  // SIGPIPE would end the test here
    RawClient next(path);
    next.send(encode(Request{GetStats{}}));
    serve_all(server);
    EXPECT_EQ(next.receive_all(), encode(Reply{sample_stats()}));
}

TEST_F(ControlServer, ACommandOfAClientThatDiedIsNotCarriedOut) {
    Server server(path, device);
    for (std::size_t sent = 0; sent <= change_request.size(); ++sent) {
        for (const bool seen_before : {false, true}) {
            const bool whole = sent == change_request.size();
            if (whole && seen_before) continue;  // its client is still there then
            RawClient client(path);
            client.send(std::string_view{change_request}.substr(0, sent));
            if (seen_before) serve_all(server);
            client.close();
            serve_all(server);
            ASSERT_EQ(device.changes, 0U) << "after " << sent << " bytes";
        }
    }
}

TEST_F(ControlServer, ACommandWhoseClientDiesDuringItIsCarriedOutWhole) {
    std::optional<RawClient> client;
    device.on_change = [&](unsigned) { client.reset(); };
    Server server(path, device);
    client.emplace(path);
    client->send(change_request);
    serve_all(server);
    EXPECT_EQ(device.changes, 1U);
    EXPECT_EQ(device.queue_pairs, 2U);
}

TEST_F(ControlServer, AClientMayEndItsOwnDirection) {
    Server server(path, device);
    RawClient client(path);
    client.send(change_request);
    client.end_sending();
    serve_all(server);
    EXPECT_EQ(client.receive_all(), encode(Reply{Done{}}));
}

TEST_F(ControlServer, OneConnectionIsOneCommand) {
    Server server(path, device);
    RawClient client(path);
    client.send(change_request + change_request);
    serve_all(server);
    EXPECT_EQ(client.receive_all(), encode(Reply{Done{}}));
    EXPECT_EQ(device.changes, 1U);
}

TEST_F(ControlServer, AStepServesAtMostOneCommand) {
    Server server(path, device);
    std::vector<RawClient> clients;
    for (unsigned i = 0; i < 8; ++i) clients.emplace_back(path).send(change_request);
    for (unsigned before = 0; is_readable(server.poll_fd()); before = device.changes) {
        server.service();
        ASSERT_LE(device.changes, before + 1);
    }
    EXPECT_EQ(device.changes, 8U);
    for (RawClient& client : clients) EXPECT_EQ(client.receive_all(), encode(Reply{Done{}}));
}

TEST_F(ControlServer, TheSeventeenthClientIsRefusedUntilOneLeaves) {
    Server server(path, device);
    std::vector<RawClient> clients;
    for (unsigned i = 0; i < 16; ++i) {
        clients.emplace_back(path);
        serve_all(server);
    }
    RawClient refused(path);
    refused.send(change_request);
    serve_all(server);
    EXPECT_EQ(error_in(refused.receive_all()), Errc::busy);
    EXPECT_EQ(device.changes, 0U);

    clients.pop_back();
    serve_all(server);
    RawClient accepted(path);
    accepted.send(change_request);
    serve_all(server);
    EXPECT_EQ(accepted.receive_all(), encode(Reply{Done{}}));
    clients.front().send(info_request);
    serve_all(server);
    EXPECT_EQ(clients.front().receive_all(), encode(Reply{sample_info()}));
}

TEST_F(ControlServer, WithoutDescriptorsItWaitsInsteadOfSpinning) {
    Server server(path, device);
    RawClient client(path);
    client.send(info_request);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlimit none{0, limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    server.service();
    // poll() itself is bounded by the limit, so it comes back first.
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_FALSE(is_readable(server.poll_fd()));
    EXPECT_TRUE(is_readable(server.poll_fd(), 10s));
    serve_all(server);
    EXPECT_EQ(client.receive_all(), encode(Reply{sample_info()}));
}

TEST_F(ControlServer, ManyClientsAtOnceAreAllAnswered) {
    Server server(path, device);
    const ControlThread thread(server);
    std::vector<std::thread> clients;
    std::atomic<unsigned> good{0};
    for (unsigned i = 0; i < 8; ++i) {
        clients.emplace_back([&] {
            for (unsigned round = 0; round < 50; ++round)
                if (ask(info_request) == encode(Reply{sample_info()})) ++good;
        });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(good, 400U);
}

TEST_F(ControlServer, ItsEndEndsTheConnectionsAndTheFile) {
    std::optional<RawClient> client;
    {
        Server server(path, device);
        client.emplace(path);
        serve_all(server);
    }
    EXPECT_EQ(client->receive_all(), "");
    EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace vmq::control
