// The bookkeeping of slots against a plain map of buffers.
#include <cstdint>
#include <map>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "driver/virtio/ring.hpp"

namespace vmq::virtio {
namespace {

// Buffers by their distance from the start, as long as their slots are in use.
class Model {
public:
    Model(std::uint32_t size, std::uint32_t start) : size_(size), start_(start) {}

    struct Buffer {
        std::uint32_t descriptors;
        bool published = false;
        bool back = false;
    };
    void stage(std::uint32_t descriptors) {
        buffers_[staged_] = {.descriptors = descriptors};
        staged_ += descriptors;
    }
    void publish() {
        for (auto& [at, buffer] : buffers_) buffer.published = true;
    }
    void take_back(std::uint32_t id) {
        for (auto& [at, buffer] : buffers_)
            if (slot(at) == id) buffer.back = true;
        while (!buffers_.empty() && buffers_.begin()->second.back) buffers_.erase(buffers_.begin());
    }

    [[nodiscard]] std::uint32_t free() const {
        const std::uint64_t used = buffers_.empty() ? 0 : staged_ - buffers_.begin()->first;
        return static_cast<std::uint32_t>(size_ - used);
    }
    [[nodiscard]] bool in_step() const {
        for (const auto& [at, buffer] : buffers_)
            if (buffer.descriptors > 1 || buffer.back) return false;
        return true;
    }
    // Slots and descriptors of the buffers that have not come back.
    [[nodiscard]] std::map<std::uint32_t, std::uint32_t> out(bool published_only) const {
        std::map<std::uint32_t, std::uint32_t> result;
        for (const auto& [at, buffer] : buffers_)
            if (!buffer.back && (buffer.published || !published_only)) result[slot(at)] = buffer.descriptors;
        return result;
    }

private:
    [[nodiscard]] std::uint32_t slot(std::uint64_t at) const {
        return static_cast<std::uint32_t>((start_ + at) % size_);
    }
    std::uint64_t size_;
    std::uint64_t start_;
    std::uint64_t staged_ = 0;
    std::map<std::uint64_t, Buffer> buffers_{};
};

void expect_same(const Slots& slots, const Model& model) {
    ASSERT_EQ(slots.free(), model.free());
    ASSERT_EQ(slots.in_step(), model.in_step());
    const auto published = model.out(true);
    for (std::uint32_t id = 0; id < slots.size(); ++id) ASSERT_EQ(slots.outstanding(id), published.contains(id)) << id;
    const auto out = model.out(false);
    std::map<std::uint32_t, std::uint32_t> visited;
    slots.for_each_outstanding([&](std::uint32_t slot) { visited[slot] = slots.count(slot); });
    ASSERT_EQ(visited, out);
}

class SlotsTest : public testing::TestWithParam<std::tuple<std::uint16_t, std::uint32_t>> {
protected:
    [[nodiscard]] static std::uint16_t size() { return std::get<0>(GetParam()); }
    [[nodiscard]] static std::uint32_t start() { return std::get<1>(GetParam()); }
    std::uint32_t random(std::uint32_t below) {
        state_ = state_ * 1664525U + 1013904223U;
        return (state_ >> 8) % below;
    }

private:
    std::uint32_t state_ = 7;
};

TEST_P(SlotsTest, AgreesWithAMapWhateverComesBackWhen) {
    Slots slots{size(), start()};
    Model model{size(), start()};
    for (unsigned step = 0; step < 20'000; ++step) {
        const auto out = model.out(true);
        switch (random(5)) {
            case 0: {
                const std::uint32_t descriptors = 1 + (random(3) == 0 ? random(size()) : 0);
                if (descriptors > slots.free()) break;
                ASSERT_EQ(slots.slot(slots.staged), (start() + (slots.staged - start())) % size());
                slots.stage_chain(descriptors);
                model.stage(descriptors);
                break;
            }
            case 1:
                slots.published = slots.staged;
                model.publish();
                break;
            case 2:  // the oldest, as the bursts retire it
                if (!slots.in_step() || slots.retired == slots.published) break;
                model.take_back(slots.slot(slots.retired));
                ++slots.retired;
                break;
            default:
                if (out.empty()) break;
                const std::uint32_t id = std::next(out.begin(), random(static_cast<std::uint32_t>(out.size())))->first;
                slots.take_back(id);
                model.take_back(id);
        }
        ASSERT_NO_FATAL_FAILURE(expect_same(slots, model)) << step;
    }
}

TEST_P(SlotsTest, ARestartForgetsEverything) {
    Slots slots{size(), start()};
    slots.stage_chain(size());
    slots.published = slots.staged;
    slots.restart(start() + 3);
    ASSERT_NO_FATAL_FAILURE(expect_same(slots, Model{size(), start() + 3}));
    for (std::uint32_t i = 0; i < size(); ++i) EXPECT_EQ(slots.count(i), 1U);

    if (size() < 2) return;
    slots.stage_chain(1);
    slots.stage_chain(1);
    slots.published = slots.staged;
    slots.take_back(slots.slot(slots.retired + 1));
    EXPECT_FALSE(slots.in_step());
    slots.restart(start());
    Model model{size(), start()};
    ASSERT_NO_FATAL_FAILURE(expect_same(slots, model));
    for (std::uint32_t i = 0; i < size(); ++i) {
        slots.stage_chain(1);
        model.stage(1);
    }
    slots.published = slots.staged;
    model.publish();
    ASSERT_NO_FATAL_FAILURE(expect_same(slots, model));
}

TEST_P(SlotsTest, TheEndIsAsFarAsTheSlotTellsIt) {
    const Slots slots{size(), start()};
    for (std::uint32_t i = 0; i < 2U * size(); ++i) {
        EXPECT_EQ(slots.slot(start() + i) + slots.to_end(start() + i), size());
        EXPECT_EQ(slots.slot(start() + i + slots.to_end(start() + i)), 0U);
    }
}

INSTANTIATE_TEST_SUITE_P(Starts, SlotsTest,
                         testing::Combine(testing::Values<std::uint16_t>(1, 2, 8, 16),
                                          testing::Values(0U, 13U, 0xfff0U, 0xffff'fff8U)),
                         [](const auto& test) {
                             return "Size" + std::to_string(std::get<0>(test.param)) + "From" +
                                    std::to_string(std::get<1>(test.param));
                         });

TEST(SlotsSize, IsAPowerOfTwo) {
    for (std::uint32_t size = 1; size <= 0x8000; size *= 2)
        EXPECT_EQ(Slots(static_cast<std::uint16_t>(size), 0).size(), size);
    for (const unsigned size : {0U, 3U, 6U, 12U, 255U, 0x7fffU, 0x8001U, 0xffffU})
        EXPECT_THROW(Slots(static_cast<std::uint16_t>(size), 0), std::invalid_argument) << size;
}

}  // namespace
}  // namespace vmq::virtio
