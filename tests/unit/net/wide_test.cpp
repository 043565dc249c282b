// The wide routines against what the plain loops do, for every instruction set of this processor: whole groups of four
// up to the first packet of another kind, which may be anywhere.
#include "driver/net/wide.hpp"

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "driver/net/packet_access.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::net::wide {
namespace {

constexpr std::size_t most = 13;
constexpr std::uint32_t form = 0x0007'0001;
constexpr std::uint64_t whole = std::uint64_t{form} << 32;
constexpr std::uint64_t next_id = std::uint64_t{1} << 32;

// Groups that lie wholly before `odd`.
constexpr std::size_t groups_before(std::size_t odd, std::size_t count) { return std::min(odd, count) / group * group; }

struct Set {
    const char* name;
    const Routines* (*find)() noexcept;
};

class Wide : public ::testing::TestWithParam<Set> {
protected:
    Wide() {
        for (std::size_t i = 0; i < most; ++i) {
            buffers_[i].fill(std::byte{0});
            refs_[i] = {buffers_[i].data() + packet_offset, &metadata_[i]};
        }
    }

    [[nodiscard]] Packet* packets() { return reinterpret_cast<Packet*>(handles_.data()); }
    void make_packets(std::uint64_t shape) {
        for (std::size_t i = 0; i < most; ++i) PacketAccess::place(packets() + i, refs_[i], shape + i);
    }
    [[nodiscard]] std::byte* header(std::size_t i) { return refs_[i].data - plain_header_size; }
    void set_num_buffers(std::size_t i, std::uint16_t count) { std::memcpy(refs_[i].data - 2, &count, sizeof count); }
    void expect_same_ref(const BufferRef& ref, std::size_t i) const {
        EXPECT_EQ(ref.data, refs_[i].data) << i;
        EXPECT_EQ(ref.buffer, refs_[i].buffer) << i;
    }

    const Routines& routines_ = *GetParam().find();
    std::array<std::array<std::byte, 512>, most> buffers_;
    std::array<Buffer, most> metadata_;
    std::array<BufferRef, most> refs_;
    // Raw memory: the handles are never destroyed, so no buffer is given back.
    alignas(Packet) std::array<std::byte, most * sizeof(Packet)> handles_{};
};

TEST_P(Wide, MakesHandles) {
    for (std::size_t count = 0; count <= most; ++count) {
        handles_.fill(std::byte{0});
        ASSERT_EQ(routines_.make(packets(), refs_.data(), count, whole + 60), count / group * group);
        for (std::size_t i = 0; i < count / group * group; ++i) {
            EXPECT_EQ(PacketAccess::data(packets()[i]), refs_[i].data);
            EXPECT_EQ(PacketAccess::buffer(packets()[i]), refs_[i].buffer);
            EXPECT_EQ(PacketAccess::shape(packets()[i]), whole + 60);
        }
        for (std::size_t i = count / group * group; i < most; ++i)
            EXPECT_EQ(PacketAccess::data(packets()[i]), nullptr) << "of " << count;
    }
}

TEST_P(Wide, GivesRefsUpToAnotherForm) {
    for (std::size_t odd = 0; odd <= most; ++odd) {
        make_packets(whole + 60);
        if (odd < most) PacketAccess::place(packets() + odd, refs_[odd], whole + (std::uint64_t{1} << 47) + 60);
        std::array<BufferRef, most> given{};
        const std::size_t done = routines_.give(given.data(), packets(), most, form);
        ASSERT_EQ(done, groups_before(odd, most));
        for (std::size_t i = 0; i < done; ++i) expect_same_ref(given[i], i);
        for (std::size_t i = done; i < most; ++i) EXPECT_EQ(given[i].data, nullptr);
    }
}

struct OddShape {
    std::uint64_t shape;
    const char* what;
};

TEST_P(Wide, StagesUpToAnotherKind) {
    constexpr Staging staging{whole + 1, 1518, 0x1'0000'0000 - plain_header_size};
    for (const OddShape kind :
         {OddShape{whole, "empty"}, OddShape{whole + 1519, "too long"}, OddShape{whole + next_id + 60, "two segments"},
          OddShape{60, "no buffer"}, OddShape{whole + (std::uint64_t{1} << 48) + 60, "another pool's"}})
        for (std::size_t odd = 0; odd <= most; ++odd)
            for (const std::uint64_t step : {std::uint64_t{0}, next_id})
                for (const std::uint64_t hide : {std::uint64_t{0}, std::uint64_t{0x80} << 48}) {
                    SCOPED_TRACE(std::string(kind.what) + " at " + std::to_string(odd));
                    make_packets(whole + 1500);
                    for (std::size_t i = 0; i < most; ++i)
                        std::memset(header(i), i % 3 == 0 ? 0 : 0x11, plain_header_size);
                    if (odd < most) PacketAccess::place(packets() + odd, refs_[odd], kind.shape);
                    alignas(64) std::array<std::uint64_t, 2 * most> descriptors{};
                    std::array<BufferRef, most> slots{};
                    constexpr std::uint64_t word = std::uint64_t{0x8000} << 48 | std::uint64_t{5} << 32;
                    const virtio::RawDescriptors at{reinterpret_cast<std::byte*>(descriptors.data()), word, step, hide,
                                                    false};
                    const auto [done, bytes] = routines_.stage(at, slots.data(), packets(), most, staging);
                    ASSERT_EQ(done, groups_before(odd, most));
                    std::uint64_t sum = 0;
                    for (std::size_t i = 0; i < done; ++i) {
                        sum += 1500 + i;
                        EXPECT_EQ(descriptors[2 * i], reinterpret_cast<std::uintptr_t>(header(i)) + 0x1'0000'0000);
                        EXPECT_EQ(descriptors[2 * i + 1],
                                  word + i * step + 1500 + i + plain_header_size + (i == 0 ? hide : 0));
                        expect_same_ref(slots[i], i);
                        for (std::size_t b = 0; b < plain_header_size; ++b) EXPECT_EQ(header(i)[b], std::byte{0});
                    }
                    EXPECT_EQ(bytes, sum);
                    for (std::size_t i = 2 * done; i < descriptors.size(); ++i) EXPECT_EQ(descriptors[i], 0u);
                }
}

TEST_P(Wide, PostsBuffers) {
    for (std::size_t count = 0; count <= most; ++count)
        for (const std::uint64_t hide : {std::uint64_t{0}, std::uint64_t{0x80} << 48}) {
            alignas(64) std::array<std::uint64_t, 2 * most> descriptors{};
            std::array<BufferRef, most> slots{};
            constexpr std::uint64_t word = std::uint64_t{0x82} << 48 | 1936;
            const virtio::RawDescriptors at{reinterpret_cast<std::byte*>(descriptors.data()), word, next_id, hide,
                                            false};
            const std::size_t done = routines_.post(at, slots.data(), refs_.data(), count, 0x5000);
            ASSERT_EQ(done, count / group * group);
            for (std::size_t i = 0; i < done; ++i) {
                EXPECT_EQ(descriptors[2 * i], reinterpret_cast<std::uintptr_t>(refs_[i].data) + 0x5000);
                EXPECT_EQ(descriptors[2 * i + 1], word + i * next_id + (i == 0 ? hide : 0));
                expect_same_ref(slots[i], i);
            }
        }
}

TEST_P(Wide, LeavesLastingDescriptorsOfTheSameBuffers) {
    constexpr std::size_t count = 3 * group;
    for (std::size_t other = 0; other <= count; ++other)
        for (const bool lasting : {false, true}) {
            alignas(64) std::array<std::uint64_t, 2 * count> descriptors{};
            std::array<BufferRef, count> slots{};
            std::copy_n(refs_.begin(), count, slots.begin());
            if (other < count) slots[other] = {};
            const virtio::RawDescriptors at{reinterpret_cast<std::byte*>(descriptors.data()), 1936, 0, 0, lasting};
            ASSERT_EQ(routines_.post(at, slots.data(), refs_.data(), count, 0x5000), count);
            for (std::size_t i = 0; i < count; ++i) {
                const bool left = lasting && i / group != other / group;
                EXPECT_EQ(descriptors[2 * i], left ? 0 : reinterpret_cast<std::uintptr_t>(refs_[i].data) + 0x5000);
                EXPECT_EQ(descriptors[2 * i + 1], left ? 0 : 1936);
                expect_same_ref(slots[i], i);
            }
        }
}

// Used elements of either layout.
struct UsedElements {
    UsedElements(bool packed, std::uint32_t expected) : packed_(packed), expected_(expected) {}

    void set(std::size_t i, std::uint32_t id_and_flags, std::uint32_t length) {
        if (packed_)
            words_[2 * i + 1] = std::uint64_t{id_and_flags} << 32 | length;
        else
            words_[i] = std::uint64_t{length} << 32 | id_and_flags;
    }
    [[nodiscard]] virtio::RawUsed raw() const {
        return {reinterpret_cast<const std::byte*>(words_.data()), packed_, expected_,
                packed_ ? ~(std::uint32_t{virtio::descriptor_flags::write} << 16) : 0xffffffff};
    }

private:
    bool packed_;
    std::uint32_t expected_;
    std::array<std::uint64_t, 2 * most> words_{};
};

TEST_P(Wide, TakesUpToAnotherKind) {
    constexpr std::uint32_t longest = 1524;
    enum class Odd { id, too_long, header_only, too_short, further_buffers };
    for (const bool packed : {false, true})
        for (const Odd kind : {Odd::id, Odd::too_long, Odd::header_only, Odd::too_short, Odd::further_buffers})
            for (std::size_t odd = 0; odd <= most; ++odd) {
                SCOPED_TRACE("kind " + std::to_string(static_cast<int>(kind)) + " at " + std::to_string(odd));
                const std::uint32_t expected = packed ? 0x8080'0004u : 4u;
                UsedElements used(packed, expected);
                for (std::uint32_t i = 0; i < most; ++i) {
                    // The WRITE flag may be there or not.
                    used.set(i, expected + i + (packed && i % 2 == 0 ? 0x2'0000u : 0u),
                             plain_header_size + longest - i);
                    set_num_buffers(i, 1);
                }
                const auto at = static_cast<std::uint32_t>(odd);
                if (odd < most) {
                    if (kind == Odd::id) used.set(odd, expected + at + 1, 100);
                    if (kind == Odd::too_long) used.set(odd, expected + at, plain_header_size + longest + 1);
                    if (kind == Odd::header_only) used.set(odd, expected + at, plain_header_size);
                    if (kind == Odd::too_short) used.set(odd, expected + at, 3);
                    if (kind == Odd::further_buffers) set_num_buffers(odd, 2);
                }
                for (const bool mergeable : {false, true}) {
                    handles_.fill(std::byte{0});
                    const auto [done, bytes] =
                        routines_.take(used.raw(), refs_.data(), packets(), most, {whole, longest, mergeable});
                    const bool seen = mergeable || kind != Odd::further_buffers;
                    ASSERT_EQ(done, groups_before(seen ? odd : most, most));
                    std::uint64_t sum = 0;
                    for (std::size_t i = 0; i < done; ++i) {
                        EXPECT_EQ(PacketAccess::data(packets()[i]), refs_[i].data);
                        EXPECT_EQ(PacketAccess::buffer(packets()[i]), refs_[i].buffer);
                        EXPECT_EQ(PacketAccess::shape(packets()[i]), whole + longest - i);
                        sum += longest - i;
                    }
                    EXPECT_EQ(bytes, sum);
                }
            }
}

TEST_P(Wide, ChecksUpToAnotherId) {
    for (const bool packed : {false, true})
        for (std::size_t odd = 0; odd <= most; ++odd) {
            const std::uint32_t expected = packed ? 0x8080'0020u : 32u;
            UsedElements used(packed, expected);
            for (std::uint32_t i = 0; i < most; ++i)
                used.set(i, expected + i + (packed && i % 2 == 1 ? 0x2'0000u : 0u), 0xdead);
            if (odd < most) used.set(odd, expected + static_cast<std::uint32_t>(odd) + 16, 0xdead);
            EXPECT_EQ(routines_.check(used.raw(), most), groups_before(odd, most)) << odd;
        }
}

std::vector<Set> available_sets() {
    std::vector<Set> sets;
    for (const Set set : {Set{"Avx2", with_avx2}, Set{"Avx512", with_avx512}})
        if (set.find() != nullptr) sets.push_back(set);
    return sets;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Wide);  // on other processors, and where TSan could not see into them
INSTANTIATE_TEST_SUITE_P(Processor, Wide, ::testing::ValuesIn(available_sets()),
                         [](const auto& set) { return std::string(set.param.name); });

TEST(WideChoice, IsTheWidest) { EXPECT_EQ(routines(), with_avx512() != nullptr ? with_avx512() : with_avx2()); }

}  // namespace
}  // namespace vmq::net::wide
