// The register sequences against a model of a device: order, read-back, deadlines, and registers that lie.
#include "driver/virtio/pci_registers.hpp"

#include <array>
#include <chrono>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/virtio/pci_model.hpp"

namespace vmq::virtio {
namespace {

using namespace std::chrono_literals;

class PciRegistersTest : public testing::Test {
protected:
    template <typename Call>
    static std::string failure(Errc code, Call call) {
        try {
            call();
        } catch (const std::system_error& error) {
            EXPECT_EQ(error.code(), make_error_code(code)) << error.what();
            return error.what();
        }
        ADD_FAILURE() << "did not throw";
        return {};
    }
    static QueueConfig queue_config(std::uint16_t size, VectorIndex vector) {
        return {.size = size,
                .descriptor_area = Iova{0x1'2345'6000},
                .driver_area = Iova{0x1'2345'7000},
                .device_area = Iova{0x1'2345'8000},
                .vector = vector};
    }
    PciModel model_;
    PciRegisters<PciModelWindow> registers_{PciModelWindow{model_, 56}, PciModelWindow{model_, 24}, "0000:00:04.0"};
};

TEST_F(PciRegistersTest, ResetWaitsUntilTheStatusIsZero) {
    model_.reset_reads = 5;
    registers_.reset(5s);
    EXPECT_LT(model_.reset_reads, 0);
    EXPECT_EQ(model_.writes, (std::vector<PciModel::Write>{{0x14, 0}}));
}

TEST_F(PciRegistersTest, ResetGivesUpAtTheDeadline) {
    model_.reset_reads = 1'000'000;
    const auto before = std::chrono::steady_clock::now();
    const std::string text = failure(Errc::device_timeout, [&] { registers_.reset(20ms); });
    EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms);
    EXPECT_NE(text.find("0000:00:04.0"), std::string::npos);
    EXPECT_NE(text.find("20 ms"), std::string::npos);
}

TEST_F(PciRegistersTest, ADeviceThatIsGone) {
    model_.gone = true;
    failure(Errc::device_removed, [&] { (void)registers_.status(); });
    failure(Errc::device_removed, [&] { registers_.reset(1s); });
    failure(Errc::device_removed, [&] { (void)registers_.device_features(); });
    failure(Errc::device_removed, [&] { (void)registers_.queue_count(); });
    failure(Errc::device_removed, [&] { (void)registers_.queue_size(QueueIndex{0}); });
    failure(Errc::device_removed, [&] { (void)registers_.enable_queue(QueueIndex{0}, queue_config(256, no_vector)); });
    std::array<std::byte, 2> bytes{};
    failure(Errc::device_removed, [&] { registers_.read_config(0, bytes); });
}

TEST_F(PciRegistersTest, FeaturesAreReadAndWrittenInHalves) {
    EXPECT_EQ(registers_.device_features().bits(), 0x1234'5678'9abc'def0U);
    registers_.set_driver_features(FeatureSet{0x8000'0001'4000'0002});
    EXPECT_EQ(model_.driver_features, 0x8000'0001'4000'0002U);
}

TEST_F(PciRegistersTest, QueueSizes) {
    model_.queues[1].size = 1024;
    model_.queues[2].size = 0;
    model_.queues[3].size = 40'000;
    EXPECT_EQ(registers_.queue_count(), 4);
    EXPECT_EQ(registers_.queue_size(QueueIndex{0}), 256);
    EXPECT_EQ(registers_.queue_size(QueueIndex{1}), 1024);
    EXPECT_EQ(registers_.queue_size(QueueIndex{2}), 0);
    EXPECT_EQ(registers_.queue_size(QueueIndex{9}), 0);
    const std::string text = failure(Errc::bad_device, [&] { (void)registers_.queue_size(QueueIndex{3}); });
    EXPECT_NE(text.find("virtqueue 3"), std::string::npos);
    EXPECT_NE(text.find("40000"), std::string::npos);
    model_.queues[3].size = 300;  // a packed one may have any
    EXPECT_EQ(registers_.queue_size(QueueIndex{3}), 300);
}

TEST_F(PciRegistersTest, AQueueIsEnabledLast) {
    EXPECT_TRUE(registers_.enable_queue(QueueIndex{2}, queue_config(128, VectorIndex{3})));
    EXPECT_EQ(model_.writes, (std::vector<PciModel::Write>{{0x16, 2},
                                                           {0x18, 128},
                                                           {0x20, 0x1'2345'6000},
                                                           {0x28, 0x1'2345'7000},
                                                           {0x30, 0x1'2345'8000},
                                                           {0x1a, 3},
                                                           {0x1c, 1}}));
    EXPECT_EQ(model_.queues[2].enable, 1);
}

TEST_F(PciRegistersTest, AVectorThatIsRefusedIsTold) {
    EXPECT_FALSE(registers_.enable_queue(QueueIndex{2}, queue_config(128, VectorIndex{4})));
    EXPECT_EQ(model_.queues[2].enable, 1);
    EXPECT_FALSE(registers_.set_config_vector(VectorIndex{4}));
    EXPECT_TRUE(registers_.set_config_vector(VectorIndex{1}));
    EXPECT_EQ(model_.config_vector, 1);
}

TEST_F(PciRegistersTest, AskingForNoVectorSucceeds) {
    EXPECT_TRUE(registers_.enable_queue(QueueIndex{0}, queue_config(256, no_vector)));
    EXPECT_TRUE(registers_.set_config_vector(no_vector));
}

TEST_F(PciRegistersTest, AnotherVectorThanTheOneAskedFor) {
    model_.wrong_vector = 2;
    failure(Errc::bad_device, [&] { (void)registers_.set_config_vector(VectorIndex{1}); });
    failure(Errc::bad_device, [&] { (void)registers_.enable_queue(QueueIndex{0}, queue_config(256, VectorIndex{1})); });
    EXPECT_EQ(model_.queues[0].enable, 0);
}

TEST_F(PciRegistersTest, QueuesThatCannotBeEnabled) {
    model_.queues[1].size = 0;
    model_.queues[3].enable = 1;
    for (const auto& [queue, size] : {std::tuple{0, 512}, {0, 100}, {0, 0}, {1, 256}, {7, 256}}) {
        const QueueIndex index{static_cast<std::uint16_t>(queue)};
        const QueueConfig config = queue_config(static_cast<std::uint16_t>(size), no_vector);
        failure(Errc::out_of_range, [&] { (void)registers_.enable_queue(index, config); });
    }
    failure(Errc::bad_device, [&] { (void)registers_.enable_queue(QueueIndex{3}, queue_config(256, no_vector)); });
    for (const PciModel::Write& write : model_.writes) EXPECT_EQ(write.offset, 0x16U);
}

class PciQueueResetTest : public PciRegistersTest {
protected:
    PciRegisters<PciModelWindow> longer_{PciModelWindow{model_, 64}, PciModelWindow{model_, 24}, "0000:00:04.0"};
};

TEST_F(PciQueueResetTest, TheRegisterIsThereWithLongerStructuresOnly) {
    EXPECT_FALSE(registers_.has_queue_reset());
    EXPECT_TRUE(longer_.has_queue_reset());
}

TEST_F(PciQueueResetTest, OneQueueIsResetAndMayBeEnabledAgain) {
    ASSERT_TRUE(longer_.enable_queue({1}, queue_config(64, {1})));
    ASSERT_TRUE(longer_.enable_queue({2}, queue_config(64, {2})));
    model_.queue_reset_reads = 3;
    longer_.reset_queue({1}, 1s);
    EXPECT_EQ(model_.queues[1].enable, 0u);
    EXPECT_EQ(model_.queues[2].enable, 1u);
    EXPECT_TRUE(longer_.enable_queue({1}, queue_config(64, {1})));
    EXPECT_EQ(model_.queues[1].enable, 1u);
}

TEST_F(PciQueueResetTest, AResetThatNeverEndsIsGivenUp) {
    ASSERT_TRUE(longer_.enable_queue({1}, queue_config(64, {1})));
    model_.queue_reset_reads = 1'000'000;
    const std::string text = failure(Errc::device_timeout, [&] { longer_.reset_queue({1}, 5ms); });
    EXPECT_NE(text.find("virtqueue 1 of 0000:00:04.0"), std::string::npos) << text;
}

TEST_F(PciRegistersTest, ConfigurationFieldsAreReadWithTheirWidth) {
    for (unsigned i = 0; i < 24; ++i) model_.config[i] = static_cast<std::byte>(i);
    const std::vector<std::tuple<std::size_t, std::size_t, std::vector<std::size_t>>> reads{{0, 6, {1, 1, 1, 1, 1, 1}},
                                                                                            {6, 2, {2}},
                                                                                            {12, 4, {4}},
                                                                                            {16, 1, {1}},
                                                                                            {8, 8, {4, 4}},
                                                                                            {7, 2, {1, 1}},
                                                                                            {24, 0, {}}};
    for (const auto& [offset, size, widths] : reads) {
        model_.config_widths.clear();
        std::vector<std::byte> bytes(size);
        registers_.read_config(offset, bytes);
        EXPECT_EQ(model_.config_widths, widths) << offset;
        for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(bytes[i], static_cast<std::byte>(offset + i));
    }
}

TEST_F(PciRegistersTest, ConfigurationIsReadAgainWhenItChanges) {
    model_.config_changes = 9;
    std::array<std::byte, 6> bytes{};
    registers_.read_config(0, bytes);
    EXPECT_EQ(model_.config_changes, 0);
    EXPECT_EQ(bytes[0], static_cast<std::byte>(model_.generation));
    EXPECT_EQ(model_.config_widths.size(), 18U);  // twice spoilt, then whole
}

TEST_F(PciRegistersTest, ConfigurationThatNeverHoldsStill) {
    model_.config_changes = 1'000'000;
    std::array<std::byte, 2> bytes{};
    failure(Errc::bad_device, [&] { registers_.read_config(0, bytes); });
    EXPECT_LE(model_.config_widths.size(), 100U);
}

TEST_F(PciRegistersTest, ConfigurationThatIsTooShort) {
    EXPECT_EQ(registers_.config_size(), 24U);
    std::array<std::byte, 2> bytes{};
    for (const std::size_t offset : {std::size_t{23}, std::size_t{24}, std::size_t{25}, ~std::size_t{0}})
        failure(Errc::bad_device, [&] { registers_.read_config(offset, bytes); });
    EXPECT_TRUE(model_.config_widths.empty());
}

TEST_F(PciRegistersTest, NotifyOffBelongsToTheQueue) {
    model_.queues[1].notify_off = 5;
    EXPECT_EQ(registers_.notify_off(QueueIndex{1}), 5);
    EXPECT_EQ(registers_.notify_off(QueueIndex{0}), 0);
}

TEST_F(PciRegistersTest, NotificationConfigDataBelongsToTheQueue) {
    model_.queues[1].notif_config_data = 0x1234;
    const PciRegisters<PciModelWindow> longer{PciModelWindow{model_, 58}, PciModelWindow{model_, 24}, "0000:00:04.0"};
    EXPECT_EQ(longer.notif_config_data(QueueIndex{1}), 0x1234);
    EXPECT_EQ(longer.notif_config_data(QueueIndex{0}), 0);
    const std::string text = failure(Errc::bad_device, [&] { (void)registers_.notif_config_data(QueueIndex{1}); });
    EXPECT_NE(text.find("virtqueue 1"), std::string::npos);
}

TEST(NotifyOffset, LiesInsideTheStructure) {
    const auto offset = [](unsigned notify_off, std::uint32_t multiplier, std::uint32_t length) {
        return notify_offset({multiplier, length}, static_cast<std::uint16_t>(notify_off), QueueIndex{3}, "dev");
    };
    EXPECT_EQ(offset(0, 0, 2), 0U);
    EXPECT_EQ(offset(7, 0, 2), 0U);
    EXPECT_EQ(offset(3, 4, 14), 12U);
    EXPECT_EQ(offset(0xffff, 0x1'0000, 0xffff'0002), 0xffff'0000U);
    EXPECT_THROW((void)offset(0, 0, 1), std::system_error);
    EXPECT_THROW((void)offset(3, 4, 13), std::system_error);
    EXPECT_THROW((void)offset(0xffff, 0xffff'fffe, 0xffff'ffff), std::system_error);
    EXPECT_THROW((void)offset(4, 0x4000'0000, 0xffff'ffff), std::system_error);  // 2^32
    EXPECT_THROW((void)offset(3, 1, 100), std::system_error);                    // odd
}

// With NOTIFICATION_DATA four bytes are written.
TEST(NotifyOffset, LeavesRoomForTheData) {
    const auto offset = [](unsigned notify_off, std::uint32_t multiplier, std::uint32_t length) {
        return notify_offset({multiplier, length, 4}, static_cast<std::uint16_t>(notify_off), QueueIndex{3}, "dev");
    };
    EXPECT_EQ(offset(0, 0, 4), 0U);
    EXPECT_EQ(offset(3, 4, 16), 12U);
    EXPECT_THROW((void)offset(0, 0, 2), std::system_error);
    EXPECT_THROW((void)offset(3, 4, 14), std::system_error);
    EXPECT_THROW((void)offset(1, 2, 100), std::system_error);  // a multiple of two only
}

// The same registers on plain memory: widths and positions as a mapped BAR has them.
TEST(PciRegistersOnMemory, FieldsLieWhereTheSpecificationPutsThem) {
    alignas(8) std::array<std::byte, 64> bar{};
    bar[0x12] = std::byte{9};
    bar[0x18] = std::byte{64};
    bar[0x3c] = std::byte{0xab};
    const PciRegisters<support::MmioWindow> registers{support::MmioWindow{bar.data(), 56},
                                                      support::MmioWindow{bar.data() + 56, 8}, "memory"};
    registers.reset(0ms);
    EXPECT_EQ(registers.queue_count(), 9);
    EXPECT_TRUE(registers.enable_queue(QueueIndex{5}, {.size = 32,
                                                       .descriptor_area = Iova{0x1122'3344'5566'7788},
                                                       .driver_area = Iova{0x10},
                                                       .device_area = Iova{0x20},
                                                       .vector = VectorIndex{0x0102}}));
    EXPECT_EQ(bar[0x16], std::byte{5});
    EXPECT_EQ(bar[0x18], std::byte{32});
    EXPECT_EQ(bar[0x1a], std::byte{0x02});
    EXPECT_EQ(bar[0x1b], std::byte{0x01});
    EXPECT_EQ(bar[0x1c], std::byte{1});
    EXPECT_EQ(bar[0x20], std::byte{0x88});
    EXPECT_EQ(bar[0x27], std::byte{0x11});
    EXPECT_EQ(bar[0x28], std::byte{0x10});
    EXPECT_EQ(bar[0x30], std::byte{0x20});
    std::array<std::byte, 4> field{};
    registers.read_config(4, field);
    EXPECT_EQ(field[0], std::byte{0xab});
}

}  // namespace
}  // namespace vmq::virtio
