// Runs that a routine handles several descriptors at a time: what RawDescriptors and RawUsed promise, taken literally,
// must come to the same as one after the other.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "driver/virtio/ring.hpp"
#include "tests/unit/virtio/ring_fixture.hpp"

namespace vmq::virtio {
namespace {

constexpr std::uint32_t write_length = 2048;

void write(const RawDescriptors& raw, std::size_t count, std::uint64_t address, std::uint32_t length) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t word = raw.word + i * raw.step + length + (i == 0 ? raw.hide : 0);
        const le64 words[2]{le64{address}, le64{word}};
        std::memcpy(raw.first + 16 * i, words, sizeof words);
    }
}

// The lengths of the elements that are used and in step, at most `count`.
std::vector<std::uint32_t> read(const RawUsed& raw, std::size_t count) {
    std::vector<std::uint32_t> lengths;
    for (std::uint32_t i = 0; i < count; ++i) {
        le64 word;
        std::memcpy(&word, raw.first + (raw.packed ? 16 * i + 8 : 8 * i), sizeof word);
        const auto lower = static_cast<std::uint32_t>(word.value());
        const auto upper = static_cast<std::uint32_t>(word.value() >> 32);
        if (((raw.packed ? upper : lower) & raw.mask) != raw.expected + i) break;
        lengths.push_back(raw.packed ? lower : upper);
    }
    return lengths;
}

// Stages `count` buffers: `alone` of each run one after the other, then several at once, the last one alone again.
template <typename Ring>
void stage(Ring& ring, std::uint32_t count, bool writable, std::uint32_t alone) {
    while (count > 0) {
        const std::uint32_t run = std::min(count, ring.slots().to_end(ring.slots().staged));
        auto writer = ring.writer(writable ? descriptor_flags::write : std::uint16_t{0});
        for (std::uint32_t i = 0; i < run; ++i) {
            if (i == alone && run - i > 1) {
                const std::uint32_t several = run - i - 1;
                if (writable)
                    write(writer.raw_writable(), several, 0x1000, 0);
                else
                    write(writer.raw_readable(), several, 0x1000, 60);
                writer.skip(several);
                i += several;
            }
            writable ? writer.writable(Iova{0x1000}) : writer.readable(Iova{0x1000}, 60);
        }
        ring.stage(run);
        count -= run;
    }
}

template <typename Ring>
class RingRawTest : public RingTest<Ring> {};
TYPED_TEST_SUITE(RingRawTest, BothRings, RingNames);

TYPED_TEST(RingRawTest, SeveralDescriptorsAtOnceAreTheSameBytes) {
    this->in_any_order([](auto& pair, bool event_idx) {
        const auto start = static_cast<std::uint16_t>(pair.ring.slots().staged);
        RingPair<TypeParam> other{16, TestFixture::format(false, event_idx), start};
        pair.ring.write_length(write_length);
        other.ring.write_length(write_length);
        for (unsigned lap = 0; lap < 10; ++lap) {
            for (RingPair<TypeParam>* each : {&pair, &other}) {
                const std::uint32_t alone = each == &pair ? lap % 3 : ring_size;
                stage(each->ring, 5, lap % 2 == 0, alone);
                stage(each->ring, 4 + lap % 7, lap % 2 == 0, alone);
            }
            ASSERT_TRUE(std::ranges::equal(pair.memory.bytes(), other.memory.bytes())) << lap;
            (void)pair.ring.publish();
            (void)other.ring.publish();
            ASSERT_TRUE(std::ranges::equal(pair.memory.bytes(), other.memory.bytes())) << lap;
            for (RingPair<TypeParam>* each : {&pair, &other}) {
                const auto found = each->available();
                ASSERT_EQ(found.size(), 9 + lap % 7);
                for (const Available& buffer : found) each->device.use(buffer, 0);
                each->device.publish();
                ASSERT_EQ(each->take_all().size(), found.size());
            }
        }
    });
}

TYPED_TEST(RingRawTest, SeveralUsedAtOnceAreThoseInStep) {
    this->in_any_order([](auto& pair, bool) {
        for (unsigned lap = 0; lap < 40; ++lap) {
            (void)pair.offer(9);
            auto found = pair.available();
            const std::size_t done = lap % 10;
            const bool swapped = lap % 4 == 3 && done > 5;
            if (swapped) std::swap(found[4], found[5]);
            for (std::size_t i = 0; i < done; ++i) pair.device.use(found[i], 100 + found[i].id);
            pair.device.publish();

            const std::uint32_t run = used_run(pair.ring, 16);
            auto reader = pair.ring.reader();
            const std::uint32_t slot = pair.ring.slots().slot(pair.ring.slots().retired);
            const auto lengths = read(reader.raw(), run);
            EXPECT_EQ(lengths.size(), std::min<std::size_t>(run, swapped ? 4 : done));
            for (std::uint32_t i = 0; i < lengths.size(); ++i) EXPECT_EQ(lengths[i], 100 + slot + i);
            // A reader that skipped some goes on behind them.
            for (std::uint32_t skipped = 0; skipped < lengths.size(); ++skipped) {
                auto rest = pair.ring.reader();
                rest.skip(skipped);
                std::uint32_t length = 0;
                ASSERT_TRUE(rest.read(length));
                EXPECT_EQ(length, 100 + slot + skipped);
                EXPECT_EQ(read(rest.raw(), run - skipped - 1).size(), lengths.size() - skipped - 1);
            }
            ASSERT_EQ(pair.take_all().size(), done);
            for (std::size_t i = done; i < 9; ++i) pair.device.use(found[i], 0);
            pair.device.publish();
            ASSERT_EQ(pair.take_all().size(), 9 - done);
        }
    });
}

}  // namespace
}  // namespace vmq::virtio
