// The legacy register sequences against a model of a device, and on a file.
#include "driver/virtio/legacy_registers.hpp"

#include <array>
#include <chrono>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "driver/support/file_window.hpp"
#include "driver/support/unique_fd.hpp"
#include "tests/unit/virtio/legacy_model.hpp"

namespace vmq::virtio {
namespace {

using namespace std::chrono_literals;
using Writes = std::vector<LegacyModel::Write>;

class LegacyRegistersTest : public testing::Test {
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
    static QueueConfig queue_config(std::uint16_t size, std::uint64_t address, VectorIndex vector = no_vector) {
        return {.size = size,
                .descriptor_area = Iova{address},
                .driver_area = Iova{address + 16u * size},
                .device_area = Iova{address + 0x2000},
                .vector = vector};
    }
    void enable_msix() {
        model_.msix = true;
        registers_.set_msix(true);
    }

    LegacyModel model_;
    LegacyRegisters<LegacyModelWindow> registers_{LegacyModelWindow{model_, 36}, "0000:00:04.0"};
};

TEST_F(LegacyRegistersTest, Features) {
    EXPECT_EQ(registers_.device_features().bits(), 0x3a5b'1c0fU);
    registers_.set_driver_features(FeatureSet{Feature::mac, Feature::any_layout, Feature::version_1});
    EXPECT_EQ(model_.driver_features, (FeatureSet{Feature::mac, Feature::any_layout}.bits()));
}

TEST_F(LegacyRegistersTest, ResetWritesZeroAndLooks) {
    registers_.reset(0ms);
    EXPECT_EQ(model_.writes, (Writes{{0x12, 0}}));
}

TEST_F(LegacyRegistersTest, QueuesAreCountedByTheirSizes) {
    EXPECT_EQ(registers_.queue_count(), 5);
    model_.queues[3].size = 0;
    EXPECT_EQ(registers_.queue_count(), 3);
    EXPECT_EQ(registers_.queue_size(QueueIndex{4}), 256);
    EXPECT_EQ(registers_.queue_size(QueueIndex{9}), 0);
    model_.queues[1].size = 100;
    const std::string text = failure(Errc::bad_device, [&] { (void)registers_.queue_count(); });
    EXPECT_NE(text.find("virtqueue 1"), std::string::npos);
}

TEST_F(LegacyRegistersTest, AQueueIsEnabledByItsPageNumber) {
    enable_msix();
    EXPECT_TRUE(registers_.enable_queue(QueueIndex{2}, queue_config(256, 0xfff'ffff'f000, VectorIndex{3})));
    EXPECT_EQ(model_.writes, (Writes{{0x0e, 2}, {0x16, 3}, {0x08, 0xffff'ffff}}));
}

TEST_F(LegacyRegistersTest, WithoutMsixThereAreNoVectorRegisters) {
    EXPECT_TRUE(registers_.enable_queue(QueueIndex{0}, queue_config(256, 0x5000)));
    EXPECT_FALSE(registers_.enable_queue(QueueIndex{1}, queue_config(256, 0x9000, VectorIndex{0})));
    EXPECT_TRUE(registers_.set_config_vector(no_vector));
    EXPECT_FALSE(registers_.set_config_vector(VectorIndex{0}));
    EXPECT_EQ(model_.writes, (Writes{{0x0e, 0}, {0x08, 5}, {0x0e, 1}, {0x08, 9}}));
}

TEST_F(LegacyRegistersTest, AVectorThatIsRefusedIsTold) {
    enable_msix();
    EXPECT_FALSE(registers_.set_config_vector(VectorIndex{4}));
    EXPECT_TRUE(registers_.set_config_vector(VectorIndex{1}));
    EXPECT_FALSE(registers_.enable_queue(QueueIndex{2}, queue_config(256, 0x5000, VectorIndex{4})));
    EXPECT_EQ(model_.queues[2].address, 5U);
}

TEST_F(LegacyRegistersTest, QueuesThatCannotBeEnabled) {
    const auto enable = [&](std::uint16_t queue, std::uint16_t size, std::uint64_t address) {
        return [this, queue, size, address] {
            (void)registers_.enable_queue(QueueIndex{queue}, queue_config(size, address));
        };
    };
    failure(Errc::out_of_range, enable(0, 128, 0x5000));            // its size is 256
    failure(Errc::out_of_range, enable(7, 256, 0x5000));            // there is no such queue
    failure(Errc::out_of_range, enable(0, 256, 0x5800));            // no page begins there
    failure(Errc::out_of_range, enable(0, 256, 0));                 // would disable it
    failure(Errc::out_of_range, enable(0, 256, 0x1000'0000'0000));  // 2^44
    model_.queues[3].address = 8;
    failure(Errc::bad_device, enable(3, 256, 0x5000));
    for (const LegacyModel::Write& write : model_.writes) EXPECT_EQ(write.offset, 0x0eU);
}

TEST_F(LegacyRegistersTest, TheConfigurationMovesWithMsix) {
    for (unsigned i = 0; i < 12; ++i) model_.config[i] = static_cast<std::byte>(i);
    EXPECT_EQ(registers_.config_size(), 16U);
    std::array<std::byte, 2> status{};
    registers_.read_config(6, status);
    EXPECT_EQ(status, (std::array{std::byte{6}, std::byte{7}}));
    enable_msix();
    EXPECT_EQ(registers_.config_size(), 12U);
    registers_.read_config(8, status);
    EXPECT_EQ(status, (std::array{std::byte{8}, std::byte{9}}));
    failure(Errc::bad_device, [&] { registers_.read_config(11, status); });
}

// 2.5.4: there is no generation.
TEST_F(LegacyRegistersTest, TheConfigurationIsReadUntilTwoReadsAgree) {
    model_.config_changes = 9;
    std::array<std::byte, 6> mac{};
    registers_.read_config(0, mac);
    EXPECT_EQ(mac[0], std::byte{9});
    EXPECT_EQ(model_.config_changes, 0);
    EXPECT_GE(model_.config_reads, 18U);

    model_.config_changes = 1'000'000;
    failure(Errc::bad_device, [&] { registers_.read_config(0, mac); });
    EXPECT_LE(model_.config_reads, 700U);
}

TEST_F(LegacyRegistersTest, ADeviceThatIsGone) {
    model_.gone = true;
    failure(Errc::device_removed, [&] { (void)registers_.status(); });
    failure(Errc::device_removed, [&] { registers_.reset(1s); });
    failure(Errc::device_removed, [&] { (void)registers_.device_features(); });
    failure(Errc::device_removed, [&] { (void)registers_.queue_count(); });
    std::array<std::byte, 2> bytes{};
    failure(Errc::device_removed, [&] { registers_.read_config(0, bytes); });
}

// On a file, as VFIO's is: widths and places, and what is outside.
TEST(LegacyRegistersOnAFile, FieldsLieWhereTheSpecificationPutsThem) {
    const support::UniqueFd file{::memfd_create("bar", MFD_CLOEXEC)};
    ASSERT_EQ(::ftruncate(file.get(), 0x1000 + 32), 0);
    const std::array<unsigned char, 2> size{0x00, 0x01};
    ASSERT_EQ(::pwrite(file.get(), size.data(), size.size(), 0x1000 + 0x0c), 2);
    const LegacyRegisters<support::FileWindow> registers{{file.get(), 0x1000, 32, "bar"}, "0000:00:04.0"};
    QueueConfig config;
    config.size = 256;
    config.descriptor_area = Iova{0x1234'5000};
    EXPECT_TRUE(registers.enable_queue(QueueIndex{5}, config));
    std::array<unsigned char, 32> bar{};
    ASSERT_EQ(::pread(file.get(), bar.data(), bar.size(), 0x1000), 32);
    EXPECT_EQ(bar[0x0e], 5);
    EXPECT_EQ(bar[0x08], 0x45);
    EXPECT_EQ(bar[0x09], 0x23);
    EXPECT_EQ(bar[0x0a], 0x01);
    EXPECT_EQ(bar[0x0b], 0x00);

    const support::FileWindow window{file.get(), 0x1000, 32, "bar"};
    EXPECT_EQ(window.load<std::uint16_t>(0x0c), 256);
    EXPECT_THROW((void)window.load<std::uint32_t>(29), std::system_error);
    const support::FileWindow behind_the_end{file.get(), 0x2000, 32, "bar"};
    EXPECT_THROW((void)behind_the_end.load<std::uint8_t>(0), std::system_error);
}

}  // namespace
}  // namespace vmq::virtio
