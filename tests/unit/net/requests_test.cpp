// Packets that are sent with requests: the same goes out on the line whatever the device offers.
#include "tests/unit/net/fixture.hpp"
#include "tests/unit/net/ip_packet.hpp"

namespace vmq {
namespace {

using software::Frame;
using virtio::Feature;
using virtio::FeatureSet;

struct Case {
    bool packed = false;
    bool indirect = false;
    FeatureSet offloads;  // that the device offers
};

class NetRequests : public NetTest, public ::testing::WithParamInterface<Case> {
protected:
    [[nodiscard]] static software::NetConfig config() {
        software::NetConfig config;
        const Case& one = GetParam();
        config.features = config.features | one.offloads;
        if (one.packed) config.features.add(Feature::ring_packed);
        if (one.indirect) config.features.add(Feature::indirect_desc);
        config.features.remove(Feature::guest_announce);
        return config;
    }
    [[nodiscard]] static bool offers(Feature feature) { return GetParam().offloads.has(feature); }
    [[nodiscard]] static bool is_cut_here(const IpPacket& packet) {
        if (packet.udp) return !offers(Feature::host_uso);
        if ((packet.flags & 0x80) != 0 && !offers(Feature::host_ecn)) return true;
        return !offers(packet.ipv6 ? Feature::host_tso6 : Feature::host_tso4);
    }

    // A frame as a packet of the pair, in several segments if its device has to deliver it so.
    Packet packet_of(QueuePair& pair, const Frame& frame) {
        Batch batch;
        if (frame.size() > pair_room(pair)) {
            EXPECT_TRUE(device->inject(0, frame));
            EXPECT_EQ(pair.recv(batch), 1u);
        } else {
            EXPECT_TRUE(add_frame(pair, batch, frame));
        }
        return batch.take(0);
    }
    static std::size_t pair_room(QueuePair& pair) {
        Batch batch;
        EXPECT_EQ(pair.allocate(batch, 1), 1u);
        return batch[0].tailroom();
    }
    // What goes out for one packet.
    std::vector<Frame> sent(QueuePair& pair, Packet packet) {
        Batch batch;
        EXPECT_TRUE(batch.push(std::move(packet)));
        std::vector<Frame> frames;
        for (int turn = 0; turn < 100 && !batch.empty(); ++turn) {
            pair.send(batch);
            while (device->step()) {
            }
            for (Frame& frame : device->take_transmitted(0)) frames.push_back(std::move(frame));
        }
        EXPECT_TRUE(batch.empty());
        return frames;
    }
    void expect_rejected(QueuePair& pair, const Frame& frame, const Offload& request, const char* why) {
        const std::uint64_t before = stats(0).tx_rejected;
        Packet packet = packet_of(pair, frame);
        packet.request(request);
        EXPECT_TRUE(sent(pair, std::move(packet)).empty()) << why;
        EXPECT_EQ(stats(0).tx_rejected, before + 1) << why;
    }
};

TEST_P(NetRequests, AChecksumThatIsDescribed) {
    QueuePair pair = open(config()).take_queue_pair(0);
    std::minstd_rand random(1);
    for (unsigned round = 0; round < 100; ++round) {
        const IpPacket form = random_packet(random, 1300);
        Packet packet = packet_of(pair, form.with_partial_checksum());
        packet.request({.needs_checksum = true,
                        .checksum_start = static_cast<std::uint16_t>(form.transport()),
                        .checksum_offset = static_cast<std::uint16_t>(form.checksum_offset())});
        EXPECT_EQ(sent(pair, std::move(packet)), std::vector<Frame>{form.with_whole_checksum()});
    }
    EXPECT_EQ(stats(0).tx_software_checksums, offers(Feature::csum) ? 0u : 100u);
    EXPECT_EQ(stats(0).tx_packets, 100u);
    EXPECT_EQ(stats(0).tx_software_segments, 0u);
}

TEST_P(NetRequests, AChecksumThatSendFinds) {
    QueuePair pair = open(config()).take_queue_pair(0);
    std::minstd_rand random(2);
    for (unsigned round = 0; round < 100; ++round) {
        const IpPacket form = random_packet(random, 1300);
        Packet packet = packet_of(pair, form.bytes());
        packet.request({.needs_checksum = true});
        const auto frames = sent(pair, std::move(packet));
        EXPECT_EQ(frames, std::vector<Frame>{form.with_whole_checksum()});
        EXPECT_EQ(software::fault_on_line(frames.at(0)), std::nullopt);
    }
}

TEST_P(NetRequests, SegmentsAreThoseOfASlowCut) {
    QueuePair pair = open(config()).take_queue_pair(0);
    std::minstd_rand random(3);
    std::uint64_t packets = 0, cut = 0;
    for (unsigned round = 0; round < 150; ++round) {
        const IpPacket form = random_packet(random, round % 3 == 0 ? 40000 : 1800);
        const std::size_t size = round % 3 == 0 ? 400 + random() % 900 : 20 + random() % 1200;
        Packet packet = packet_of(pair, form.bytes());
        packet.request({.segmentation = form.segmentation(), .segment_size = static_cast<std::uint16_t>(size)});
        const auto frames = sent(pair, std::move(packet));
        const auto expected = form.payload <= size ? std::vector<Frame>{form.with_whole_checksum()}
                                                   : software::carry_out(form.segment_header(size), form.bytes());
        ASSERT_EQ(frames.size(), expected.size()) << round;
        for (std::size_t i = 0; i < frames.size(); ++i) ASSERT_EQ(frames[i], expected[i]) << round << ", " << i;
        const bool here = form.payload > size && is_cut_here(form);
        packets += here ? frames.size() : 1;
        cut += here ? frames.size() : 0;
    }
    EXPECT_EQ(stats(0).tx_packets, packets);
    EXPECT_EQ(stats(0).tx_software_segments, cut);
    EXPECT_EQ(stats(0).tx_rejected, 0u);
}

// Segments of a jumbo MTU take several buffers each.
TEST_P(NetRequests, SegmentsOfManyBuffers) {
    software::NetConfig jumbo = config();
    jumbo.config.mtu = 9000;
    QueuePair pair = open(jumbo).take_queue_pair(0);
    for (unsigned round = 0; round < 20; ++round) {
        const IpPacket form{.ipv6 = round % 2 == 0, .udp = round % 3 == 0, .payload = 60000 + round, .seed = round + 1};
        Packet packet = packet_of(pair, form.bytes());
        ASSERT_GT(packet.segment_count(), 30u);
        packet.request({.segmentation = form.segmentation(),
                        .segment_size = static_cast<std::uint16_t>(round % 4 == 0 ? 1900 : 8900)});
        EXPECT_EQ(sent(pair, std::move(packet)),
                  software::carry_out(form.segment_header(round % 4 == 0 ? 1900 : 8900), form.bytes()));
    }
    EXPECT_EQ(stats(0).tx_rejected, 0u);
}

TEST_P(NetRequests, AreForgottenOnceSentAndTakenBack) {
    QueuePair pair = open(config()).take_queue_pair(0);
    const IpPacket form;
    Packet packet = packet_of(pair, form.bytes());
    packet.request({.needs_checksum = true});
    packet.request({});
    EXPECT_EQ(sent(pair, std::move(packet)), std::vector<Frame>{form.bytes()}) << "as it is";
    EXPECT_EQ(stats(0).tx_software_checksums, 0u);
    // The buffers of packets with requests go round; those of later packets have none.
    for (unsigned i = 0; i < 600; ++i) {
        Packet one = packet_of(pair, form.bytes());
        if (i % 2 == 0) one.request({.needs_checksum = true});
        const auto frames = sent(pair, std::move(one));
        EXPECT_EQ(frames, std::vector<Frame>{i % 2 == 0 ? form.with_whole_checksum() : form.bytes()});
    }
    // Nor is one that is dropped lost.
    for (unsigned i = 0; i < 3000; ++i) {
        Packet one = packet_of(pair, form.bytes());
        one.request({.needs_checksum = true});
        Batch batch;
        ASSERT_TRUE(batch.push(std::move(one)));
        i % 2 == 0 ? batch.clear() : pair.recycle(batch);
    }
}

TEST_P(NetRequests, OthersBetweenPlainPackets) {
    QueuePair pair = open(config()).take_queue_pair(0);
    const IpPacket form{.payload = 1700};
    const IpPacket small{.udp = true, .payload = 100};
    Batch batch;
    std::vector<Frame> expected;
    for (unsigned i = 0; i < 40; ++i) {
        const bool plain = i % 5 != 0;
        ASSERT_TRUE(add_frame(pair, batch, plain ? small.bytes() : form.bytes()));
        if (plain) {
            expected.push_back(small.bytes());
            continue;
        }
        batch[i].request({.segmentation = Segmentation::tcpv4, .segment_size = 500});
        for (const Frame& frame : software::carry_out(form.segment_header(500), form.bytes()))
            expected.push_back(frame);
    }
    EXPECT_EQ(pair.send(batch), 40u);
    device->step_notified();
    EXPECT_EQ(device->take_transmitted(0), expected);
    EXPECT_EQ(stats(0).tx_packets, offers(Feature::host_tso4) ? 40u : 32u + 8 * 4);
}

TEST_P(NetRequests, AFullRingTakesAPacketsSegmentsAllOrNone) {
    options.ring_size = 16;
    options.buffers_per_pair = 128;
    QueuePair pair = open(config()).take_queue_pair(0);
    device->with_lane(0, [](software::Lane& lane) { lane.completion.hold = true; });
    const IpPacket form{.payload = 1700};
    const auto segments = software::carry_out(form.segment_header(400), form.bytes());  // five
    Batch batch;
    for (unsigned i = 0; i < 40; ++i) {
        ASSERT_TRUE(add_frame(pair, batch, form.bytes()));
        batch[i].request({.segmentation = Segmentation::tcpv4, .segment_size = 400});
    }
    std::size_t taken = 0, seen = 0;
    for (unsigned turn = 0; turn < 200 && !batch.empty(); ++turn) {
        taken += pair.send(batch);
        device->step();
        for (const Frame& frame : device->take_transmitted(0)) EXPECT_EQ(frame, segments[seen++ % 5]);
        EXPECT_EQ(seen, 5 * taken) << "whole packets only";
        device->with_lane(0, [&](software::Lane& lane) { lane.transmitq.complete_held({}, 1 + turn % 4); });
    }
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(taken, 40u);
    EXPECT_GT(stats(0).tx_ring_full, 0u);
}

// The pool has what is left, be it one buffer, and gets everything back.
TEST_P(NetRequests, AnEmptyPoolTakesAPacketsSegmentsAllOrNone) {
    options.ring_size = 32;
    options.buffers_per_pair = 128;
    QueuePair pair = open(config()).take_queue_pair(0);
    const auto hoard = [&] {
        std::vector<Batch> all(3);
        for (Batch& batch : all) pair.allocate(batch, Batch::capacity);
        return all;
    };
    const IpPacket form{.payload = 1700};
    std::vector<Batch> hoarded = hoard();
    std::size_t before = 0;
    for (const Batch& batch : hoarded) before += batch.size();
    Batch batch;
    ASSERT_TRUE(batch.push(hoarded[0].take(0)));
    ASSERT_TRUE(batch[0].append(form.bytes().size()).size() == form.bytes().size());
    std::ranges::copy(form.bytes(), batch[0].bytes().begin());
    batch[0].request({.segmentation = Segmentation::tcpv4, .segment_size = 400});
    for (unsigned free = 0; free < 5 && !offers(Feature::host_tso4); ++free) {
        EXPECT_EQ(pair.send(batch), 0u) << free;
        EXPECT_TRUE(device->take_transmitted(0).empty());
        hoarded[0].take(0) = Packet{};
    }
    EXPECT_EQ(pair.send(batch), 1u);
    device->step();
    EXPECT_EQ(device->take_transmitted(0), software::carry_out(form.segment_header(400), form.bytes()));
    hoarded.clear();
    Batch nothing;
    for (unsigned i = 0; i < 40; ++i) {  // what was sent comes home once the driver has looked
        ASSERT_TRUE(add_frame(pair, nothing, form.bytes()));
        pair.send(nothing);
        device->step();
    }
    hoarded = hoard();
    std::size_t after = 0;
    for (const Batch& one : hoarded) after += one.size();
    EXPECT_EQ(after, before);
}

TEST_P(NetRequests, ThatMakeNoSenseAreRefused) {
    QueuePair pair = open(config()).take_queue_pair(0);
    const IpPacket tcp{.payload = 1000};
    const Frame frame = tcp.bytes();
    const auto size = static_cast<std::uint16_t>(frame.size());
    const auto last = static_cast<std::uint16_t>(frame.size() - 2);
    expect_rejected(pair, frame, {.needs_checksum = true, .checksum_start = size}, "starts at the end");
    expect_rejected(pair, frame, {.needs_checksum = true, .checksum_start = last, .checksum_offset = 1}, "half behind");
    expect_rejected(pair, frame, {.needs_checksum = true, .checksum_start = 65535, .checksum_offset = 65535},
                    "far out");
    expect_rejected(pair, frame, {.segmentation = Segmentation::tcpv4}, "segment_size 0");
    expect_rejected(pair, frame, {.segmentation = Segmentation::tcpv6, .segment_size = 100}, "another IP");
    expect_rejected(pair, frame, {.segmentation = Segmentation::udp, .segment_size = 100}, "not UDP");
    expect_rejected(pair, IpPacket{.udp = true}.bytes(), {.segmentation = Segmentation::tcpv4, .segment_size = 100},
                    "not TCP");
    expect_rejected(pair, software::make_frame({}, 500), {.segmentation = Segmentation::tcpv4, .segment_size = 100},
                    "no IP at all");
    expect_rejected(pair, software::make_frame({}, 500), {.needs_checksum = true}, "no IP to find it in");
    expect_rejected(pair, IpPacket{.payload = 1800}.bytes(), {.needs_checksum = true}, "longer than the MTU");
    expect_rejected(pair, IpPacket{.payload = 1800}.bytes(),
                    {.segmentation = Segmentation::tcpv4, .segment_size = 1700}, "segments longer than the MTU");
    if (!offers(Feature::host_tso4)) {
        expect_rejected(pair, frame, {.segmentation = Segmentation::tcpv4, .segment_size = 1},
                        "more segments than the ring has places");
    }
    // The longest ones that do.
    Packet packet = packet_of(pair, frame);
    packet.request({.needs_checksum = true, .checksum_start = last});
    EXPECT_EQ(sent(pair, std::move(packet)).size(), 1u);
    const IpPacket whole{.payload = 1700};
    packet = packet_of(pair, whole.bytes());
    packet.request(
        {.segmentation = Segmentation::tcpv4, .segment_size = static_cast<std::uint16_t>(1514 - whole.headers())});
    EXPECT_EQ(sent(pair, std::move(packet)).size(), 2u);
}

// A packet with its headers in several segments is refused as it comes, whatever lies where.
TEST_P(NetRequests, OnOddPiecesDoNoHarm) {
    QueuePair pair = open(config()).take_queue_pair(0);
    std::minstd_rand random(5);
    for (unsigned round = 0; round < 400; ++round) {
        const IpPacket form = random_packet(random, 1200);
        ASSERT_TRUE(device->inject(0, form.bytes(), {.bytes_per_buffer = 30 + random() % 200}));
        Batch batch;
        ASSERT_EQ(pair.recv(batch), 1u);
        if (random() % 2 == 0) {
            batch[0].request({.needs_checksum = true,
                              .checksum_start = static_cast<std::uint16_t>(random() % 1500),
                              .checksum_offset = static_cast<std::uint16_t>(random() % 100)});
        } else {
            batch[0].request({.segmentation = form.segmentation(),
                              .segment_size = static_cast<std::uint16_t>(20 + random() % 1500)});
        }
        EXPECT_EQ(pair.send(batch), 1u);
        device->step();
    }
    static_cast<void>(device->take_transmitted(0));
    const PairStats now = stats(0);
    EXPECT_GT(now.tx_rejected, 50u);
    EXPECT_GT(now.tx_packets, 50u);
    EXPECT_EQ(now.tx_faults, 0u);
}

TEST_P(NetRequests, OfAParkedPairGoOutThroughAnother) {
    options.queue_pairs = 2;
    Device& opened = open(config());
    QueuePair first = opened.take_queue_pair(0);
    QueuePair second = opened.take_queue_pair(1);
    std::jthread owner{[&](const std::stop_token& stop) {
        Batch batch;
        while (!stop.stop_requested()) {
            second.recv(batch);
            std::this_thread::yield();
        }
    }};
    std::jthread other{[&](const std::stop_token& stop) {
        Batch batch;
        while (!stop.stop_requested()) {
            first.recv(batch);
            std::this_thread::yield();
        }
    }};
    opened.set_queue_pairs(1);
    owner = {};
    const IpPacket form{.payload = 1700};
    Batch batch;
    ASSERT_TRUE(add_frame(second, batch, form.bytes()));
    batch[0].request({.segmentation = Segmentation::tcpv4, .segment_size = 500});
    EXPECT_EQ(second.send(batch), 1u);
    std::vector<Frame> frames;
    EXPECT_TRUE(eventually([&] {
        device->step();
        for (Frame& frame : device->take_transmitted(0)) frames.push_back(std::move(frame));
        return frames.size() == 4;
    }));
    EXPECT_EQ(frames, software::carry_out(form.segment_header(500), form.bytes()));
}

std::vector<Case> cases() {
    const FeatureSet checksum{Feature::csum};
    const FeatureSet without_ecn{Feature::csum, Feature::host_tso4, Feature::host_tso6, Feature::guest_hdrlen};
    std::vector<Case> all;
    for (const FeatureSet& offloads : {FeatureSet{}, checksum, without_ecn, software::send_offload_features})
        for (const bool packed : {false, true})
            for (const bool indirect : {false, true}) all.push_back({packed, indirect, offloads});
    return all;
}

std::string case_name(const ::testing::TestParamInfo<Case>& test) {
    const Case& one = test.param;
    const char* device = one.offloads.has(Feature::host_uso)    ? "All"
                         : one.offloads.has(Feature::host_tso4) ? "NoEcn"
                         : one.offloads.has(Feature::csum)      ? "Checksums"
                                                                : "Nothing";
    return std::string{one.packed ? "Packed" : "Split"} + (one.indirect ? "Indirect" : "") + device;
}

INSTANTIATE_TEST_SUITE_P(Devices, NetRequests, ::testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace vmq
