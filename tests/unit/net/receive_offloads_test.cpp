// Packets whose checksums and segments the device left to the driver: what it tells of them, when it may, and lies.
#include "tests/unit/net/fixture.hpp"
#include "tests/unit/net/ip_packet.hpp"

namespace vmq {
namespace {

using Answer = software::ControlBehaviour::Answer;
using software::Frame;
using virtio::Feature;
using virtio::FeatureSet;

class NetReceiveOffloads : public NetTest {
protected:
    static software::NetConfig config(FeatureSet send = software::send_offload_features) {
        software::NetConfig config;
        config.features = config.features | software::receive_offload_features | send;
        config.features.add(Feature::ctrl_guest_offloads);
        return config;
    }
    std::error_code set(ReceiveOffloads offloads) {
        return error_of([&] { vmq->set_receive_offloads(offloads); });
    }
    // Packets until no more come.
    std::vector<Packet> received(QueuePair& pair) {
        std::vector<Packet> packets;
        Batch batch;
        while (pair.recv(batch) != 0)
            while (!batch.empty()) packets.push_back(batch.take(0));
        return packets;
    }
    static constexpr IpPacket tcp{.payload = 20000, .flags = 0x99};
    static constexpr IpPacket udp{.ipv6 = true, .udp = true, .payload = 1000};
};

TEST_F(NetReceiveOffloads, AreNotNegotiatedUnlessAskedFor) {
    QueuePair pair = open(config()).take_queue_pair(0);
    EXPECT_EQ(device->receive_offloads(), FeatureSet{});
    EXPECT_FALSE(device->features().has(Feature::ctrl_guest_offloads));
    EXPECT_EQ(vmq->receive_offloads(), ReceiveOffloads{});
    ASSERT_TRUE(device->inject_local(0, udp.with_partial_checksum(), udp.checksum_header()));
    auto packets = received(pair);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(bytes_of(packets[0]), udp.with_whole_checksum());
    EXPECT_EQ(packets[0].checksum(), ChecksumState::unknown);
    EXPECT_EQ(packets[0].offload(), Offload{});
    EXPECT_FALSE(set({})) << "nothing to do";
    EXPECT_EQ(set({.checksum = true}), make_error_code(Errc::unsupported));
    EXPECT_EQ(set({.coalescing = true}), make_error_code(Errc::unsupported));
}

TEST_F(NetReceiveOffloads, ChecksumsAlone) {
    options.receive_checksum = true;
    QueuePair pair = open(config()).take_queue_pair(0);
    EXPECT_EQ(device->receive_offloads(), FeatureSet{Feature::guest_csum});
    EXPECT_EQ(vmq->receive_offloads(), (ReceiveOffloads{.checksum = true}));
    ASSERT_TRUE(device->inject_local(0, udp.with_partial_checksum(), udp.checksum_header()));
    virtio::NetHeader valid;
    valid.flags = virtio::net_header_flags::data_valid;
    ASSERT_TRUE(device->inject(0, udp.with_whole_checksum(), {.header = valid}));
    auto packets = received(pair);
    ASSERT_EQ(packets.size(), 2u);
    EXPECT_EQ(bytes_of(packets[0]), udp.with_partial_checksum());
    EXPECT_EQ(packets[0].checksum(), ChecksumState::partial);
    EXPECT_EQ(packets[0].offload(), (Offload{.needs_checksum = true,
                                             .checksum_start = static_cast<std::uint16_t>(udp.transport()),
                                             .checksum_offset = 6}));
    EXPECT_EQ(packets[1].checksum(), ChecksumState::good);
    EXPECT_EQ(packets[1].offload(), Offload{});
}

TEST_F(NetReceiveOffloads, TellNothingOfAFrontThatMoved) {
    options.receive_checksum = true;
    QueuePair pair = open(config()).take_queue_pair(0);
    ASSERT_TRUE(device->inject_local(0, udp.with_partial_checksum(), udp.checksum_header()));
    auto packets = received(pair);
    ASSERT_EQ(packets.size(), 1u);
    ASSERT_FALSE(packets[0].prepend(4).empty());
    EXPECT_EQ(packets[0].checksum(), ChecksumState::unknown);
    EXPECT_EQ(packets[0].offload(), Offload{});
}

// A forwarder of a few words: what came in one piece leaves in one piece, or in segments that are right.
TEST_F(NetReceiveOffloads, CoalescedPacketsAreSentOnAsTheyCame) {
    options.receive_coalescing = true;
    for (const FeatureSet send : {software::send_offload_features, FeatureSet{Feature::csum}, FeatureSet{}}) {
        for (const bool packed : {false, true}) {
            software::NetConfig made = config(send);
            if (packed) made.features.add(Feature::ring_packed);
            QueuePair pair = open(made).take_queue_pair(0);
            EXPECT_EQ(device->receive_offloads(), software::receive_offload_features);
            std::minstd_rand random(7);
            for (unsigned round = 0; round < 60; ++round) {
                IpPacket form = random_packet(random, 60000);
                form.tags = 0;
                form.payload += 2000;
                form.sequence = round;
                ASSERT_TRUE(device->inject_local(0, form.with_partial_checksum(), form.segment_header(1300)));
                auto packets = received(pair);
                ASSERT_EQ(packets.size(), 1u);
                EXPECT_EQ(packets[0].checksum(), ChecksumState::partial);
                EXPECT_EQ(packets[0].offload().segmentation, form.segmentation());
                EXPECT_EQ(packets[0].offload().segment_size, 1300u);
                packets[0].request(packets[0].offload());
                Batch batch;
                ASSERT_TRUE(batch.push(std::move(packets[0])));
                EXPECT_EQ(pair.send(batch), 1u);
                device->step();
                EXPECT_EQ(device->take_transmitted(0),
                          software::carry_out(form.segment_header(1300), form.with_partial_checksum()));
            }
            EXPECT_EQ(stats(0).drops(), 0u);
        }
    }
}

TEST_F(NetReceiveOffloads, OneBufferHoldsACoalescedPacketWhereItMust) {
    options.receive_coalescing = true;
    options.ring_size = 32;
    options.buffers_per_pair = 192;
    QueuePair pair = open(without(config(), Feature::mrg_rxbuf)).take_queue_pair(0);
    EXPECT_GE(vmq->info().buffer_size, 65550u + 128);
    const IpPacket longest{.payload = 65535 - 20 - 32};
    ASSERT_TRUE(device->inject_local(0, longest.with_partial_checksum(), longest.segment_header(1400)));
    auto packets = received(pair);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0].segment_count(), 1u);
    EXPECT_EQ(bytes_of(packets[0]), longest.with_partial_checksum());
}

TEST_F(NetReceiveOffloads, ARingsBuffersHoldTheLongestPacket) {
    options.receive_coalescing = true;
    options.ring_size = 16;
    options.buffers_per_pair = 128;
    QueuePair pair = open(config()).take_queue_pair(0);
    const IpPacket longest{.payload = 65535 - 20 - 32};
    ASSERT_TRUE(device->inject_local(0, longest.with_partial_checksum(), longest.segment_header(1400)));
    auto packets = received(pair);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0].segment_count(), 16u);
    EXPECT_EQ(bytes_of(packets[0]), longest.with_partial_checksum());
}

TEST_F(NetReceiveOffloads, BuffersThatAreTooSmallForThatAreRefused) {
    options.receive_coalescing = true;
    options.ring_size = 16;
    options.buffers_per_pair = 128;
    options.buffer_size = 1984;
    EXPECT_THROW(open(config()), std::invalid_argument);
    options.ring_size = 64;
    options.buffers_per_pair = 192;
    EXPECT_NO_THROW(open(config()));
}

TEST_F(NetReceiveOffloads, AreSwitchedWhileTheDeviceRuns) {
    options.receive_coalescing = true;
    QueuePair pair = open(config()).take_queue_pair(0);
    const auto lengths = [&] {
        EXPECT_TRUE(device->inject_local(0, tcp.with_partial_checksum(), tcp.segment_header(1000)));
        std::vector<std::size_t> found;
        for (const Packet& packet : received(pair)) found.push_back(packet.total_length());
        return found;
    };
    EXPECT_EQ(lengths(), std::vector{tcp.bytes().size()});
    EXPECT_FALSE(set({.checksum = true}));
    EXPECT_EQ(device->receive_offloads(), FeatureSet{Feature::guest_csum});
    EXPECT_EQ(lengths().size(), 20u);
    EXPECT_FALSE(set({}));
    EXPECT_EQ(device->receive_offloads(), FeatureSet{});
    ASSERT_TRUE(device->inject_local(0, udp.with_partial_checksum(), udp.checksum_header()));
    auto packets = received(pair);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0].checksum(), ChecksumState::unknown);
    EXPECT_FALSE(set({.coalescing = true}));
    EXPECT_EQ(vmq->receive_offloads(), (ReceiveOffloads{.checksum = true, .coalescing = true}));
    EXPECT_EQ(device->receive_offloads(), software::receive_offload_features);
    EXPECT_EQ(lengths(), std::vector{tcp.bytes().size()});
    const auto commands = device->commands();
    EXPECT_FALSE(set({.checksum = true, .coalescing = true})) << "as it is";
    EXPECT_EQ(device->commands(), commands);
}

TEST_F(NetReceiveOffloads, AreAsTheyWereAfterAReset) {
    options.receive_coalescing = true;
    options.queue_pairs = 1;
    open(config());
    for (const ReceiveOffloads offloads : {ReceiveOffloads{.checksum = true}, ReceiveOffloads{}}) {
        EXPECT_FALSE(set(offloads));
        const FeatureSet before = device->receive_offloads();
        EXPECT_FALSE(error_of([&] { vmq->reset(); }));
        EXPECT_EQ(device->receive_offloads(), before);
        EXPECT_EQ(vmq->receive_offloads(), offloads);
    }
    EXPECT_EQ(vmq->stats().resets, 2u);
}

TEST_F(NetReceiveOffloads, ThatAreRefusedStayAsTheyWere) {
    options.receive_coalescing = true;
    open(config());
    const ReceiveOffloads before = vmq->receive_offloads();
    device->set_control({.answer = Answer::refuse});
    EXPECT_EQ(set({}), make_error_code(Errc::device_refused));
    EXPECT_EQ(vmq->receive_offloads(), before);
    EXPECT_EQ(device->receive_offloads(), software::receive_offload_features);
    device->set_control({});
    EXPECT_FALSE(set({}));
    EXPECT_EQ(vmq->receive_offloads(), ReceiveOffloads{});
}

TEST_F(NetReceiveOffloads, CannotBeSwitchedWithoutTheCommand) {
    options.receive_coalescing = true;
    open(without(config(), Feature::ctrl_guest_offloads));
    EXPECT_EQ(set({}), make_error_code(Errc::unsupported));
    EXPECT_EQ(vmq->receive_offloads(), (ReceiveOffloads{.checksum = true, .coalescing = true}));
}

TEST_F(NetReceiveOffloads, NeedWhatTheyAreBuiltOn) {
    options.receive_coalescing = true;
    open(without(config(), Feature::guest_csum));
    EXPECT_EQ(device->receive_offloads(), FeatureSet{}) << "5.1.3.1";
    open(without(config(), Feature::csum));
    EXPECT_EQ(device->features() & software::send_offload_features, FeatureSet{Feature::guest_hdrlen});
}

// Fault 11: whatever the header says, what is told fits the packet, and sending it on harms nobody.
TEST_F(NetReceiveOffloads, AHeaderThatLiesIsHarmless) {
    options.receive_coalescing = true;
    for (const FeatureSet send : {software::send_offload_features, FeatureSet{}}) {
        QueuePair pair = open(config(send)).take_queue_pair(0);
        std::minstd_rand random(11);
        std::uint64_t partial = 0, segments = 0;
        for (unsigned round = 0; round < 3000; ++round) {
            const IpPacket form = random_packet(random, 1200);
            virtio::NetHeader header = random() % 2 == 0 ? form.segment_header(100) : virtio::NetHeader{};
            auto* const bytes = reinterpret_cast<unsigned char*>(&header);
            for (auto lies = random() % 5; lies > 0; --lies)
                bytes[random() % 10] = static_cast<unsigned char>(random());
            const std::size_t piece = random() % 3 == 0 ? 40 + random() % 100 : 0;
            ASSERT_TRUE(device->inject(0, form.bytes(), {.header = header, .bytes_per_buffer = piece}));
            Batch batch;
            ASSERT_EQ(pair.recv(batch), 1u);
            Packet& packet = batch[0];
            const Offload told = packet.offload();
            const ChecksumState state = packet.checksum();
            EXPECT_EQ(state == ChecksumState::partial, (header.flags & 1) != 0 && told.needs_checksum);
            if (told.needs_checksum) {
                EXPECT_GE(told.checksum_start, 14u);
                EXPECT_LE(told.checksum_start + told.checksum_offset + 2u, packet.total_length());
                ++partial;
            }
            if (told.segmentation != Segmentation::none) {
                EXPECT_GT(told.segment_size, 0u);
                EXPECT_LT(told.segment_size, packet.total_length());
                ++segments;
            }
            packet.request(told);
            EXPECT_EQ(pair.send(batch), 1u);
            device->step();
            static_cast<void>(device->take_transmitted(0));
        }
        EXPECT_GT(partial, 500u);
        EXPECT_GT(segments, 500u);
        EXPECT_GT(stats(0).tx_packets, 500u);
        EXPECT_EQ(stats(0).tx_faults, 0u);
    }
}

}  // namespace
}  // namespace vmq
