// The tools' end: what it asks, what it is told, and what it says when nobody answers.
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <vmq/control_client.hpp>
#include <vmq/error.hpp>

#include "driver/control/protocol.hpp"
#include "driver/control/socket_path.hpp"
#include "tests/unit/control/harness.hpp"

namespace vmq::control {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

template <typename Call>
std::system_error thrown_by(Call call) {
    try {
        call();
    } catch (const std::system_error& error) {
        return error;
    }
    return std::system_error(std::error_code{}, "nothing was thrown");
}

// An application that is not vmq, or a broken one: takes one connection, reads, answers with fixed bytes, ends it.
class Impostor {
public:
    Impostor(const std::string& path, std::string answer)
        : listener_(path), thread_([this, bytes = std::move(answer)] { run(bytes); }) {}
    Impostor(const Impostor&) = delete;
    Impostor& operator=(const Impostor&) = delete;
    ~Impostor() { thread_.join(); }

private:
    void run(const std::string& answer) const {
        // The client connects once to see whether somebody is there, and once more to ask.
        for (int i = 0; i < 2 && is_readable(listener_.fd(), 10s); ++i) {
            const support::UniqueFd socket{::accept(listener_.fd(), nullptr, nullptr)};
            char request[256];
            if (::recv(socket.get(), request, sizeof(request), 0) > 0)
                static_cast<void>(::send(socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL));
        }
    }

    Listener listener_;
    std::thread thread_;
};

class ControlClientTest : public ::testing::Test {
protected:
    // What info() throws when this is answered.
    std::system_error error_after(const std::string& answer) {
        const Impostor impostor(path, answer);
        ControlClient client(path);
        return thrown_by([&] { static_cast<void>(client.info()); });
    }

    SocketFolder folder;
    std::string path = folder / "device.sock";
    FakeDevice device;
};

TEST_F(ControlClientTest, AsksForEverything) {
    Server server(path, device);
    const ControlThread thread(server);
    ControlClient client(path);
    EXPECT_EQ(encode(Reply{client.info()}), encode(Reply{sample_info()}));
    EXPECT_EQ(encode(Reply{client.stats()}), encode(Reply{sample_stats()}));
    EXPECT_EQ(encode(Reply{client.interrupts()}), encode(Reply{sample_interrupts()}));
    EXPECT_EQ(encode(Reply{client.rss()}), encode(Reply{sample_rss()}));
    EXPECT_EQ(encode(Reply{client.coalescing()}), encode(Reply{sample_coalescing()}));
    EXPECT_EQ(encode(Reply{client.device_stats()}), encode(Reply{sample_device_stats()}));
    client.set_coalescing(sample_coalescing().all);
    EXPECT_EQ(device.coalescing_of_all, sample_coalescing().all);
    client.set_rss(sample_rss().settings);
    EXPECT_EQ(device.rss_settings.weights, sample_rss().settings.weights);
    EXPECT_EQ(device.rss_settings.table, sample_rss().settings.table);
    client.reset();
    EXPECT_EQ(device.resets, 1U);
    client.set_queue_pairs(3);
    EXPECT_EQ(device.queue_pairs, 3U);
    ControlClient moved = std::move(client);
    moved.set_queue_pairs(1);
    EXPECT_EQ(device.queue_pairs, 1U);
}

TEST_F(ControlClientTest, ThrowsWhatTheApplicationThrew) {
    const std::system_error thrown{Errc::out_of_range, "0000:00:04.0: requested 9 queue pairs, the device has 4"};
    device.on_change = [&](unsigned) { throw std::system_error(thrown); };
    Server server(path, device);
    const ControlThread thread(server);
    ControlClient client(path);
    const auto error = thrown_by([&] { client.set_queue_pairs(9); });
    EXPECT_EQ(error.code(), Errc::out_of_range);
    EXPECT_STREQ(error.what(), thrown.what());
    EXPECT_EQ(device.queue_pairs, 4U);
}

TEST_F(ControlClientTest, NobodyThereIsNotDriven) {
    const auto absent = thrown_by([&] { ControlClient client(path); });
    EXPECT_EQ(absent.code(), Errc::not_driven);
    EXPECT_NE(text_of(absent).find(path), std::string::npos) << absent.what();
    EXPECT_NE(text_of(absent).find("mqperf echo"), std::string::npos) << "says what should run";

    const support::UniqueFd dead = support::make_socket();
    const support::SocketAddress address = support::socket_address(path, "control socket");
    ASSERT_EQ(::bind(dead.get(), address.get(), address.length), 0);
    EXPECT_EQ(thrown_by([&] { ControlClient client(path); }).code(), Errc::not_driven);

    // No machine has a device at this address.
    EXPECT_EQ(thrown_by([&] { ControlClient client("ffff:ff:1f.7"); }).code(), Errc::not_driven);
}

TEST_F(ControlClientTest, AnApplicationThatEndsLaterIsNotDrivenThen) {
    std::optional<Server> server(std::in_place, path, device);
    ControlClient client(path);
    server.reset();
    EXPECT_EQ(thrown_by([&] { static_cast<void>(client.stats()); }).code(), Errc::not_driven);
}

TEST_F(ControlClientTest, ARestartedApplicationIsFoundAgain) {
    std::optional<Server> server(std::in_place, path, device);
    ControlClient client(path);
    server.reset();
    server.emplace(path, device);
    const ControlThread thread(*server);
    EXPECT_EQ(client.info().name, "0000:00:04.0");
}

TEST_F(ControlClientTest, WhoMayNotIsToldSo) {
    const Server server(path, device);
    ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
    ASSERT_EQ(::chmod(path.c_str(), 0), 0);
    const int before = ::setfsuid(65534);  // of this thread only; root's override of modes goes with it
    const auto error = thrown_by([&] { ControlClient client(path); });
    const auto devices = listening_devices(folder.path());
    ::setfsuid(static_cast<uid_t>(before));
    EXPECT_EQ(error.code(), std::errc::permission_denied);
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    EXPECT_EQ(devices, std::vector<std::string>{"device"}) << "so that a tool can say it is not permitted";
}

TEST_F(ControlClientTest, NoAnswerInTimeIsATimeout) {
    const Server stopped(path, device);  // nobody serves it
    ControlClient client(path);
    const auto start = Clock::now();
    const auto error = thrown_by([&] { static_cast<void>(client.info()); });
    EXPECT_EQ(error.code(), std::errc::timed_out);
    EXPECT_GE(Clock::now() - start, 4900ms);
    EXPECT_LT(Clock::now() - start, 9s);
}

TEST_F(ControlClientTest, AChangeMayTakeLongerThanAQuery) {
    device.on_change = [](unsigned) { std::this_thread::sleep_for(5500ms); };
    Server server(path, device);
    const ControlThread thread(server);
    ControlClient client(path);
    client.set_queue_pairs(2);
    EXPECT_EQ(device.queue_pairs, 2U);
}

TEST_F(ControlClientTest, AnAnswerThatIsNoneIsNamed) {
    EXPECT_EQ(error_after("").code(), std::errc::connection_reset);
    EXPECT_EQ(error_after("{\"schema\":1,\"info\"").code(), std::errc::connection_reset) << "cut in the middle";
    EXPECT_EQ(error_after("HTTP/1.1 400 Bad Request\r\n").code(), std::errc::protocol_error);
    EXPECT_EQ(error_after(encode(Reply{sample_stats()})).code(), std::errc::protocol_error) << "to another question";
    EXPECT_EQ(error_after("{\"schema\":7,\"done\":true}\n").code(), Errc::unsupported);
}

TEST_F(ControlClientTest, OneClientTooManyReadsWhy) {
    Server server(path, device, {0, 10s});
    const ControlThread thread(server);
    ControlClient client(path);
    for (int i = 0; i < 100; ++i) {
        const auto error = thrown_by([&] { static_cast<void>(client.info()); });
        ASSERT_EQ(error.code(), Errc::busy) << error.what();
    }
}

}  // namespace
}  // namespace vmq::control
