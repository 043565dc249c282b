// What the software device blames a driver for in the rings themselves, and the faults it can be told to commit.
#include <functional>

#include <gtest/gtest.h>

#include "tests/unit/device/bare_driver.hpp"

namespace vmq::software {
namespace {

namespace flag = virtio::descriptor_flags;
namespace mark = virtio::packed_flags;

// A rule, how it is broken on transmitq 0 whose buffer 0 is a good packet of 100 bytes, and what is to be said of it.
struct Rule {
    const char* name;
    BareRings rings;
    std::function<void(BareQueue&)> broken;
    const char* blamed;
};

void PrintTo(const Rule& rule, std::ostream* stream) { *stream << rule.name; }

class DeviceRules : public ::testing::TestWithParam<Rule> {};

TEST_P(DeviceRules, AreChecked) {
    const Rule& rule = GetParam();
    const virtio::FeatureSet features = rule.rings.features();
    NetDevice device{{.features = features}};
    BareDriver driver{device, {.features = features}};
    BareQueue& queue = driver.transmitq(0);
    std::memset(queue.buffer(0), 0, BareQueue::buffer_size);
    queue.ring->add_readable(queue.address(0), 100);
    queue.publish();
    ASSERT_TRUE(device.step());
    rule.broken(queue);
    device.step();
    ASSERT_EQ(device.violations().size(), 1u);
    EXPECT_EQ(device.violations()[0], std::string{"transmitq0: "} + rule.blamed);
    driver.send(0, make_frame({}, 60), 1);
    EXPECT_FALSE(device.step()) << "the queue is looked at no more";
}

constexpr BareRings split{};
constexpr BareRings split_in_order{.in_order = true};
constexpr BareRings packed{.packed = true};

// The second buffer on a split ring, with descriptor 1 as `change` leaves it.
template <typename Change>
std::function<void(BareQueue&)> second(Change change) {
    return [change](BareQueue& queue) {
        queue.ring->add_readable(queue.address(0), 100);
        change(queue, queue.split().descriptor(1));
        queue.ring->publish();
    };
}

// The same on a packed ring; the flags are changed after all else was published, and the device not asked to look
// before.
template <typename Change>
std::function<void(BareQueue&)> second_packed(Change change) {
    return [change](BareQueue& queue) {
        queue.ring->add_readable(queue.address(0), 100);
        queue.ring->publish();
        change(queue, queue.packed().descriptor(1));
    };
}

template <typename Descriptor>
void add_flags(Descriptor& descriptor, int flags) {
    descriptor.flags = static_cast<std::uint16_t>(descriptor.flags.value() | flags);
}

std::array<BareElement, 2> two_elements(const BareQueue& queue) {
    return {{{queue.address(0), 50, false}, {queue.address(0) + 50, 50, false}}};
}

// A buffer by an indirect table of two, changed by `change(queue, table)`.
template <typename Change>
std::function<void(BareQueue&)> by_table(Change change) {
    return [change](BareQueue& queue) {
        queue.ring->add(two_elements(queue), true);
        queue.ring->publish();
        change(queue);
    };
}

const std::vector<Rule> split_rules{
    {"HeadOutside", split, second([](BareQueue& q, auto&) { q.split().available_entry(1) = 16; }),
     "descriptor 16 is outside the table"},
    {"NextOutside", split, second([](BareQueue&, auto& d) {
         add_flags(d, flag::next);
         d.next = 99;
     }),
     "descriptor 99 is outside the table"},
    {"Loop", split, second([](BareQueue&, auto& d) {
         add_flags(d, flag::next);
         d.next = 1;
     }),
     "descriptor 1 is the device's already"},
    {"UnknownFlags", split, second([](BareQueue&, auto& d) { add_flags(d, 8); }), "descriptor 1 has flags 8"},
    {"Empty", split, second([](BareQueue&, auto& d) { d.len = 0; }), "an empty descriptor"},
    {"ReadableBehindWritable", split,
     [](BareQueue& q) {
         const std::array<BareElement, 2> elements{{{q.address(1), 10, true}, {q.address(0), 100, false}}};
         q.ring->add(elements);
         q.ring->publish();
     },
     "a readable descriptor behind a writable one"},
    {"IndexJump", split,
     [](BareQueue& q) { q.split().available().idx = static_cast<std::uint16_t>(q.split().staged() + 17); },
     "the available index moved by 17"},
    {"NotInOrder", split_in_order, second([](BareQueue& q, auto&) { q.split().available_entry(1) = 5; }),
     "buffer at descriptor 5 where IN_ORDER has 1"},
    {"ChainNotInOrder", split_in_order,
     [](BareQueue& q) {
         q.ring->add(two_elements(q));
         q.split().descriptor(1).next = 7;
         q.ring->publish();
     },
     "descriptor 1 is followed by 7 with IN_ORDER"},
    {"IndirectWithNext", split, by_table([](BareQueue& q) { add_flags(q.split().descriptor(1), flag::next); }),
     "descriptor 1 is indirect and has a next one"},
    {"TableLength", split, by_table([](BareQueue& q) { q.split().descriptor(1).len = 31; }),
     "an indirect table of 31 bytes"},
    {"TableEmpty", split, by_table([](BareQueue& q) { q.split().descriptor(1).len = 0; }),
     "an indirect table of 0 bytes"},
    {"TableInTable", split, by_table([](BareQueue& q) { q.split().indirect_table(1)[1].flags = flag::indirect; }),
     "indirect descriptor 1 is indirect itself"},
    {"TableNextOutside", split, by_table([](BareQueue& q) { q.split().indirect_table(1)[0].next = 2; }),
     "indirect descriptor 0 is followed by 2, outside its table"},
    {"TableLoops", split, by_table([](BareQueue& q) { q.split().indirect_table(1)[0].next = 0; }),
     "an indirect table that loops"},
    {"TableNotInOrder", split_in_order,
     [](BareQueue& q) {
         const BareElement e{q.address(0), 30, false};
         q.ring->add(std::array{e, e, e}, true);
         q.split().indirect_table(1)[0].next = 2;
         q.ring->publish();
     },
     "indirect descriptor 0 is followed by 2 with IN_ORDER"},
    {"TableTooLong", split,
     [](BareQueue& q) {
         q.ring->add(std::vector<BareElement>(17, {q.address(0), 8, false}), true);
         q.ring->publish();
     },
     "a buffer of more than 16 elements"},
};

const std::vector<Rule> packed_rules{
    {"IdOutside", packed, second_packed([](BareQueue&, auto& d) { d.id = 16; }),
     "buffer id 16 is not below the queue size"},
    {"IdTwice", packed,
     [](BareQueue& q) {
         q.ring->add_readable(q.address(0), 100);
         q.ring->add_readable(q.address(0), 100);
         q.packed().descriptor(2).id = q.packed().descriptor(1).id.value();
         q.ring->publish();
     },
     "buffer id 14 is the device's already"},
    {"UnknownFlags", packed, second_packed([](BareQueue&, auto& d) { add_flags(d, 16); }),
     "descriptor 1 has flags 144"},
    {"Empty", packed, second_packed([](BareQueue&, auto& d) { d.len = 0; }), "an empty descriptor"},
    {"ListNotWhole", packed, second_packed([](BareQueue&, auto& d) { add_flags(d, flag::next); }),
     "descriptor 2 of a list is not available"},
    {"ReadableBehindWritable", packed,
     [](BareQueue& q) {
         const std::array<BareElement, 2> elements{{{q.address(1), 10, true}, {q.address(0), 100, false}}};
         q.ring->add(elements);
         q.ring->publish();
     },
     "a readable descriptor behind a writable one"},
    {"ListTooLong", packed,
     [](BareQueue& q) {
         q.ring->add(std::vector<BareElement>(16, {q.address(0), 8, false}));
         q.ring->publish();
         add_flags(q.packed().descriptor(0), flag::next);  // the last, in the second lap
     },
     "descriptor 1 of a list is not available"},
    {"IndirectInList", packed, by_table([](BareQueue& q) { add_flags(q.packed().descriptor(1), flag::next); }),
     "descriptor 1 is indirect and in a list"},
    {"TableLength", packed, by_table([](BareQueue& q) { q.packed().descriptor(1).len = 17; }),
     "an indirect table of 17 bytes"},
    {"TableFlags", packed, by_table([](BareQueue& q) { q.packed().indirect_table(1)[0].flags = flag::next; }),
     "an indirect descriptor has flags 1"},
    {"TableTooLong", packed,
     [](BareQueue& q) {
         q.ring->add(std::vector<BareElement>(17, {q.address(0), 8, false}), true);
         q.ring->publish();
     },
     "a buffer of more than 16 elements"},
};

const auto rule_name = [](const auto& test) { return std::string{test.param.name}; };
INSTANTIATE_TEST_SUITE_P(Split, DeviceRules, ::testing::ValuesIn(split_rules), rule_name);
INSTANTIATE_TEST_SUITE_P(Packed, DeviceRules, ::testing::ValuesIn(packed_rules), rule_name);

class DeviceRingRules : public ::testing::TestWithParam<BareRings> {};

TEST_P(DeviceRingRules, IndirectDescriptorsNeedTheirFeature) {
    virtio::FeatureSet features = GetParam().features();
    features.remove(virtio::Feature::indirect_desc);
    NetDevice device{{.features = features}};
    BareDriver driver{device, {.features = features}};
    driver.send(0, make_frame({}, 60), 0, 2, true);
    device.step();
    ASSERT_EQ(device.violations().size(), 1u);
    EXPECT_EQ(device.violations()[0].find("transmitq0: descriptor 0 has flags "), 0u);
}

// A driver that goes on round the ring while the device has all of it.
TEST(DeviceRingRulesOnce, MoreThanAPackedRingHoldsIsBlamed) {
    const virtio::FeatureSet features = BareRings{.packed = true}.features();
    NetDevice device{{.features = features}};
    BareDriver driver{device, {.features = features}};
    device.with_lane(0, [](Lane& lane) { lane.completion = {.hold = true}; });
    for (std::uint16_t i = 0; i < 16; ++i) driver.send(0, make_frame({}, 60), i);
    device.step();
    EXPECT_TRUE(device.violations().empty());
    driver.transmitq(0).packed().descriptor(0).flags = mark::used;  // available in the second lap
    device.step();
    const std::vector<std::string> expected{"transmitq0: descriptor 0 is the device's already"};
    EXPECT_EQ(device.violations(), expected);
}

TEST_P(DeviceRingRules, PartsOfTheRingAreAligned) {
    for (int part = 0; part < 3; ++part) {
        NetDevice device{{.features = GetParam().features()}};
        const auto transport = device.transport();
        namespace bits = virtio::device_status;
        transport->set_status(bits::acknowledge | bits::driver);
        transport->set_driver_features(GetParam().features());
        transport->set_status(bits::acknowledge | bits::driver | bits::features_ok);
        const BareQueue queue{*transport, 0, 16, GetParam().features(), 0};
        virtio::QueueConfig config = queue.ring->config(virtio::no_vector);
        (part == 0 ? config.descriptor_area : part == 1 ? config.driver_area : config.device_area).value += 1;
        static_cast<void>(transport->enable_queue({0}, config));
        ASSERT_EQ(device.violations().size(), 1u);
        EXPECT_NE(device.violations()[0].find("is not aligned"), std::string::npos);
        transport->reset();
    }
}

TEST_P(DeviceRingRules, FaultsReachTheDriver) {
    const auto take = [&](std::function<void(Lane&)> fault) {
        NetDevice device{{.features = GetParam().features()}};
        BareDriver driver{device, {.features = GetParam().features()}};
        driver.fill_receiveq(0);
        device.with_lane(0, fault);
        std::vector<BareUsed> used;
        while (used.size() < 20) {
            const auto next = driver.receiveq(0).ring->take_used();
            if (!next) break;
            used.push_back(*next);
        }
        return used;
    };
    auto used = take([](Lane& lane) { lane.receive_ring.write_used(16, 60); });
    ASSERT_FALSE(used.empty());
    EXPECT_EQ(used[0].id, 16u);
    EXPECT_EQ(used[0].length, 60u);
    used = take([](Lane& lane) { lane.receive_ring.write_used(0xffff0000, 60); });
    EXPECT_EQ(used.at(0).id, GetParam().packed ? 0u : 0xffff0000u);
    EXPECT_GE(take([](Lane& lane) { lane.receive_ring.move_used_index(3); }).size(), 1u);
    // Marked used, and not used after all.
    used = take([](Lane& lane) {
        lane.receive_ring.move_used_index(2);
        lane.receive_ring.move_used_index(-2);
    });
    EXPECT_TRUE(used.empty());
    used = take([](Lane& lane) {
        EXPECT_EQ(lane.receive_ring.flip_flags(0, mark::used), GetParam().packed);
        lane.receive_ring.scramble_descriptors();
    });
    EXPECT_EQ(used.size(), GetParam().packed ? 1u : 0u) << "AVAIL and USED are the same now";
}

INSTANTIATE_TEST_SUITE_P(Rings, DeviceRingRules, ::testing::ValuesIn(all_bare_rings), ring_name);

}  // namespace
}  // namespace vmq::software
