// Messages in and out, and every way in which a backend's reply can be wrong.
#include "driver/vhost/channel.hpp"

#include <chrono>
#include <filesystem>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "driver/support/event_fd.hpp"
#include "tests/unit/vhost/errors.hpp"
#include "tests/unit/vhost/message.hpp"

namespace vmq::vhost {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t good_flags = header_flags::version | header_flags::reply;

std::size_t open_descriptors() {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {}));
}

class ChannelTest : public testing::Test {
protected:
    Deadline soon() { return Clock::now() + 200ms; }
    void receive(Request request = Request::get_features) {
        channel.receive(request, std::as_writable_bytes(std::span{&answer, 1}), soon());
    }
    void write_header(std::uint32_t request, std::uint32_t flags, std::uint32_t size) {
        const Header header{request, flags, size};
        write_bytes(backend(), std::as_bytes(std::span{&header, 1}));
    }
    [[nodiscard]] int backend() const { return sockets.backend.get(); }

    SocketPair sockets;
    Channel channel{std::move(sockets.frontend), "vhost-user:/x"};
    std::uint64_t answer = 0;
};

TEST_F(ChannelTest, SendsHeaderPayloadAndDescriptors) {
    const support::EventFd event;
    const std::uint64_t payload = 0x1122334455667788;
    const int fd = event.fd();
    channel.send(Request::set_vring_kick, header_flags::need_reply, std::as_bytes(std::span{&payload, 1}), {&fd, 1},
                 soon());
    const auto message = read_message(backend());
    ASSERT_TRUE(message);
    EXPECT_EQ(message->request, Request::set_vring_kick);
    EXPECT_EQ(message->flags, header_flags::version | header_flags::need_reply);
    EXPECT_EQ(message->as<std::uint64_t>(), payload);
    ASSERT_EQ(message->descriptors.size(), 1u);
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(message->descriptors[0].get(), &one, sizeof one), 8);
    EXPECT_EQ(event.drain(), 1u);
}

TEST_F(ChannelTest, TakesAGoodReply) {
    write_number(backend(), Request::get_features, 42);
    receive();
    EXPECT_EQ(answer, 42u);
    EXPECT_TRUE(channel.good());
}

TEST_F(ChannelTest, TakesAReplyThatComesInPieces) {
    const Header header{1, good_flags, 8};
    const std::uint64_t value = 77;
    const auto head = std::as_bytes(std::span{&header, 1});
    const auto body = std::as_bytes(std::span{&value, 1});
    write_bytes(backend(), head.first(5));
    write_bytes(backend(), head.subspan(5));
    write_bytes(backend(), body.first(1));
    write_bytes(backend(), body.subspan(1));
    receive();
    EXPECT_EQ(answer, 77u);
}

TEST_F(ChannelTest, RefusesAReplyToAnotherRequest) {
    write_number(backend(), Request::get_queue_num, 1);
    const Caught error = caught([&] { receive(); });
    EXPECT_EQ(error.code, Errc::bad_device);
    EXPECT_TRUE(error.says("vhost-user:/x: the reply to GET_FEATURES answers request 17")) << error.text;
    EXPECT_FALSE(channel.good());
}

TEST_F(ChannelTest, RefusesARequestInThePlaceOfAReply) {
    write_reply(backend(), Request::get_features, std::uint64_t{1}, header_flags::version);
    EXPECT_EQ(caught([&] { receive(); }).code, Errc::bad_device);
}

TEST_F(ChannelTest, RefusesAnotherVersion) {
    write_reply(backend(), Request::get_features, std::uint64_t{1}, 2 | header_flags::reply);
    EXPECT_EQ(caught([&] { receive(); }).code, Errc::bad_device);
}

TEST_F(ChannelTest, RefusesEveryOtherSize) {
    for (const std::uint32_t size : {0u, 1u, 7u, 9u, 4096u, 0xffff'ffffu}) {
        SocketPair fresh;
        Channel other{std::move(fresh.frontend), "vhost-user:/x"};
        const Header header{1, good_flags, size};
        write_bytes(fresh.backend.get(), std::as_bytes(std::span{&header, 1}));
        const Caught error = caught([&] {
            other.receive(Request::get_features, std::as_writable_bytes(std::span{&answer, 1}), soon());
        });
        EXPECT_EQ(error.code, Errc::bad_device) << size;
        EXPECT_FALSE(other.good()) << size;
    }
}

TEST_F(ChannelTest, AnEmptyReplyIsARefusalWhereThatIsAllowed) {
    write_header(24, good_flags, 0);
    EXPECT_FALSE(
        channel.receive_unless_refused(Request::get_config, std::as_writable_bytes(std::span{&answer, 1}), soon()));
    EXPECT_TRUE(channel.good());
}

TEST_F(ChannelTest, RefusesDescriptorsAndKeepsNone) {
    const std::size_t before = open_descriptors();
    const Header header{1, good_flags, 8};
    iovec part{const_cast<Header*>(&header), sizeof header};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(4 * sizeof(int))> control{};
    msghdr envelope{};
    envelope.msg_iov = &part;
    envelope.msg_iovlen = 1;
    envelope.msg_control = control.data();
    envelope.msg_controllen = control.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&envelope);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(4 * sizeof(int));
    const std::array<int, 4> fds{0, 1, 2, backend()};
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof fds);
    ASSERT_EQ(::sendmsg(backend(), &envelope, 0), 12);
    const Caught error = caught([&] { receive(); });
    EXPECT_EQ(error.code, Errc::bad_device);
    EXPECT_TRUE(error.says("file descriptors")) << error.text;
    EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ChannelTest, AShortReplyAndNoMoreIsWaitedForUntilTheDeadline) {
    write_header(1, good_flags, 8);
    write_bytes(backend(), std::as_bytes(std::span{"abc", 3}));
    const auto start = Clock::now();
    const Caught error = caught([&] { receive(); });
    EXPECT_EQ(error.code, Errc::device_timeout);
    EXPECT_GE(Clock::now() - start, 190ms);
    EXPECT_LT(Clock::now() - start, 5s);
    EXPECT_FALSE(channel.good());
}

TEST_F(ChannelTest, AReplyThatBreaksOffSaysThatTheBackendIsGone) {
    write_header(1, good_flags, 8);
    sockets.backend.reset();
    const Caught error = caught([&] { receive(); });
    EXPECT_EQ(error.code, Errc::device_removed);
    EXPECT_FALSE(channel.good());
}

TEST_F(ChannelTest, SendingToABackendThatIsGoneSaysSo) {
    sockets.backend.reset();
    EXPECT_EQ(caught([&] { channel.send(Request::get_features, 0, {}, {}, soon()); }).code, Errc::device_removed);
}

TEST_F(ChannelTest, SendingToABackendThatReadsNothingEndsAtTheDeadline) {
    const std::vector<std::byte> payload(1 << 20);
    const Caught error = caught([&] {
        for (int i = 0; i < 64; ++i) channel.send(Request::set_mem_table, 0, payload, {}, soon());
    });
    EXPECT_EQ(error.code, Errc::device_timeout);
    EXPECT_FALSE(channel.good());
}

}  // namespace
}  // namespace vmq::vhost
