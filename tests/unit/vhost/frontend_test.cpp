// The handshake in its order, and commands with and without acknowledgements. The replies lie in the socket before they
// are asked for.
#include "driver/vhost/frontend.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "tests/unit/vhost/errors.hpp"
#include "tests/unit/vhost/message.hpp"

namespace vmq::vhost {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t bit(ProtocolFeature feature) { return std::uint64_t{1} << static_cast<unsigned>(feature); }
constexpr std::uint64_t with_ack = bit(ProtocolFeature::mq) | bit(ProtocolFeature::reply_ack);
constexpr std::uint64_t device_features = protocol_features_bit | 0x1'0000'0000;

class FrontendTest : public testing::Test {
protected:
    static Deadline soon() { return std::chrono::steady_clock::now() + 300ms; }
    void reply(Request request, std::uint64_t number) { write_number(sockets.backend.get(), request, number); }
    void acknowledge(Request request) { reply(request, 0); }

    void prepare_handshake(std::uint64_t protocol, std::uint64_t queues = 4) {
        reply(Request::get_features, device_features);
        reply(Request::get_protocol_features, protocol);
        reply(Request::get_features, device_features);  // behind SET_PROTOCOL_FEATURES, not yet acknowledged
        if ((protocol & bit(ProtocolFeature::mq)) != 0) reply(Request::get_queue_num, queues);
        if ((protocol & bit(ProtocolFeature::configure_mem_slots)) != 0) reply(Request::get_max_mem_slots, 509);
        if ((protocol & bit(ProtocolFeature::reply_ack)) != 0)
            acknowledge(Request::set_owner);
        else
            reply(Request::get_features, device_features);
    }
    Frontend make() { return {std::move(sockets.frontend), "vhost-user:/x", soon()}; }
    // What the frontend has sent so far.
    std::vector<Message> sent(std::size_t count) {
        std::vector<Message> messages;
        for (std::size_t i = 0; i < count; ++i)
            if (auto message = read_message(sockets.backend.get())) messages.push_back(std::move(*message));
        return messages;
    }
    std::vector<Request> requests(std::size_t count) {
        std::vector<Request> found;
        for (const Message& message : sent(count)) found.push_back(message.request);
        return found;
    }

    SocketPair sockets;
};

TEST_F(FrontendTest, ShakesHandsInOrder) {
    constexpr std::uint64_t unknown = 1u << 5 | 1u << 12;
    prepare_handshake(with_ack | bit(ProtocolFeature::configure_mem_slots) | unknown);
    const Frontend frontend = make();
    const auto messages = sent(7);
    std::vector<Request> order;
    for (const Message& message : messages) order.push_back(message.request);
    EXPECT_EQ(order, (std::vector{Request::get_features, Request::get_protocol_features, Request::set_protocol_features,
                                  Request::get_features, Request::get_queue_num, Request::get_max_mem_slots,
                                  Request::set_owner}));
    // Only what both sides know.
    EXPECT_EQ(messages.at(2).as<std::uint64_t>(), with_ack | bit(ProtocolFeature::configure_mem_slots));
    EXPECT_FALSE(messages.at(2).needs_reply());
    EXPECT_TRUE(messages.at(6).needs_reply());
    EXPECT_EQ(frontend.offer().queue_pairs, 4u);
    EXPECT_EQ(frontend.offer().memory_regions, max_regions);
}

TEST_F(FrontendTest, AnOldBackendHasOnePairAndNoProtocolFeatures) {
    reply(Request::get_features, 0x1'0000'0000);
    reply(Request::get_features, 0x1'0000'0000);
    const Frontend frontend = make();
    EXPECT_EQ(requests(3), (std::vector{Request::get_features, Request::set_owner, Request::get_features}));
    EXPECT_EQ(frontend.offer().queue_pairs, 1u);
    EXPECT_EQ(frontend.offer().protocol_features, 0u);
}

TEST_F(FrontendTest, BoundsTheNumberOfPairs) {
    prepare_handshake(with_ack, 0xffff'ffff'ffff'ffff);
    EXPECT_EQ(make().offer().queue_pairs, max_vrings / 2);
    sockets = {};
    prepare_handshake(with_ack, 0);
    EXPECT_EQ(make().offer().queue_pairs, 1u);
}

TEST_F(FrontendTest, ABackendThatIsSilentEndsTheHandshakeAtTheDeadline) {
    const Caught error = caught([&] { static_cast<void>(make()); });
    EXPECT_EQ(error.code, Errc::device_timeout);
    EXPECT_TRUE(error.says("vhost-user:/x: GET_FEATURES: no answer in time")) << error.text;
}

TEST_F(FrontendTest, CommandsAreSentTogetherAndEachIsAcknowledged) {
    prepare_handshake(with_ack);
    Frontend frontend = make();
    static_cast<void>(sent(6));
    for (int i = 0; i < 3; ++i) acknowledge(Request::set_vring_enable);
    frontend.carry_out(std::vector{set_vring_enable(0, true), set_vring_enable(1, true), set_vring_enable(2, false)},
                       soon());
    const auto messages = sent(3);
    ASSERT_EQ(messages.size(), 3u);
    for (unsigned i = 0; i < 3; ++i) {
        EXPECT_TRUE(messages[i].needs_reply());
        EXPECT_EQ(messages[i].as<VringState>().index, i);
        EXPECT_EQ(messages[i].as<VringState>().num, i < 2 ? 1u : 0u);
    }
}

TEST_F(FrontendTest, ARefusalIsToldAfterAllAnswersAreIn) {
    prepare_handshake(with_ack);
    Frontend frontend = make();
    acknowledge(Request::set_vring_enable);
    reply(Request::set_vring_enable, 1);
    acknowledge(Request::set_vring_enable);
    const Caught error = caught([&] {
        frontend.carry_out(std::vector{set_vring_enable(0, true), set_vring_enable(1, true), set_vring_enable(2, true)},
                           soon());
    });
    EXPECT_EQ(error.code, Errc::device_refused);
    EXPECT_TRUE(error.says("SET_VRING_ENABLE: refused by the backend")) << error.text;
    // The connection is in step: the next answer belongs to the next question.
    EXPECT_TRUE(frontend.good());
    reply(Request::get_status, 15);
    EXPECT_EQ(frontend.ask(Request::get_status, soon()), 15u);
}

TEST_F(FrontendTest, WithoutAcknowledgementsAQuestionBehindTheCommandsTellsThatTheyAreDone) {
    prepare_handshake(bit(ProtocolFeature::mq));
    Frontend frontend = make();
    static_cast<void>(sent(7));
    const Caught error = caught([&] { frontend.carry_out(set_vring_enable(2, true), soon()); });
    EXPECT_EQ(error.code, Errc::device_timeout);  // nothing had answered
    EXPECT_EQ(requests(2), (std::vector{Request::set_vring_enable, Request::get_features}));
}

TEST_F(FrontendTest, ManyCommandsDoNotFillTheSocketWithAnswers) {
    prepare_handshake(with_ack);
    Frontend frontend = make();
    static_cast<void>(sent(6));
    std::vector<Command> commands;
    for (unsigned i = 0; i < 200; ++i) commands.push_back(set_vring_enable(i, true));
    for (unsigned i = 0; i < 64; ++i) acknowledge(Request::set_vring_enable);
    EXPECT_EQ(caught([&] { frontend.carry_out(commands, soon()); }).code, Errc::device_timeout);
    EXPECT_EQ(sent(128).size(), 128u);  // the second lot waits for its answers before there is a third
    char more = 0;
    EXPECT_EQ(::recv(sockets.backend.get(), &more, 1, MSG_DONTWAIT), 0)
        << "nothing but the end: the session is given up";
}

TEST_F(FrontendTest, StopsEveryVring) {
    prepare_handshake(with_ack);
    Frontend frontend = make();
    static_cast<void>(sent(6));
    for (unsigned i = 0; i < 3; ++i) write_reply(sockets.backend.get(), Request::get_vring_base, VringState{i, 5});
    frontend.stop_vrings(3, soon());
    const auto messages = sent(3);
    ASSERT_EQ(messages.size(), 3u);
    for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(messages[i].as<VringState>().index, i);
}

TEST_F(FrontendTest, ReadsTheConfiguration) {
    prepare_handshake(with_ack | bit(ProtocolFeature::config));
    Frontend frontend = make();
    struct Answer {
        ConfigHeader header{0, 6, 0};
        std::array<std::uint8_t, 6> mac{2, 1, 2, 3, 4, 5};
    } __attribute__((packed)) answer;
    write_reply(sockets.backend.get(), Request::get_config, answer);
    std::array<std::byte, 6> mac{};
    ASSERT_TRUE(frontend.read_config(mac, soon()));
    EXPECT_EQ(mac[5], std::byte{5});
}

}  // namespace
}  // namespace vmq::vhost
