// Reading the IOMMU's capability chain, whole and damaged.
#include "driver/vfio/iommu_info.hpp"

#include <cstring>
#include <linux/vfio.h>

#include <gtest/gtest.h>

namespace vmq::vfio {

namespace {

// Builds the kernel's answer piece by piece.
class Answer {
public:
    Answer() {
        head_.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
        head_.iova_pgsizes = 0x40201000;
        head_.cap_offset = sizeof head_;
        put(0, head_);
    }
    template <typename T>
    void put(std::size_t offset, const T& value) {
        bytes_.resize(std::max(bytes_.size(), offset + sizeof value));
        std::memcpy(bytes_.data() + offset, &value, sizeof value);
    }
    void set_flags(std::uint32_t flags) {
        head_.flags = flags;
        put(0, head_);
    }
    [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

private:
    vfio_iommu_type1_info head_{};
    std::vector<std::byte> bytes_;
};

constexpr std::size_t first = sizeof(vfio_iommu_type1_info);
constexpr std::size_t second = first + sizeof(vfio_iommu_type1_info_cap_iova_range) + 2 * sizeof(vfio_iova_range);
const std::vector<IovaRange> whole_39_bits{{0, 0x7fffffffff}};

// Two ranges as an Intel IOMMU of 39 bits has them, then the number of mappings left.
Answer usual() {
    Answer answer;
    vfio_iommu_type1_info_cap_iova_range ranges{};
    ranges.header = {VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1, static_cast<std::uint32_t>(second)};
    ranges.nr_iovas = 2;
    answer.put(first, ranges);
    answer.put(first + sizeof ranges, vfio_iova_range{0, 0xfedfffff});
    answer.put(first + sizeof ranges + sizeof(vfio_iova_range), vfio_iova_range{0xfef00000, 0x7fffffffff});
    vfio_iommu_type1_info_dma_avail left{};
    left.header = {VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, 0};
    left.avail = 65535;
    answer.put(second, left);
    return answer;
}

}  // namespace

TEST(IommuInfo, ReadsRangesPageSizesAndMappings) {
    auto answer = usual();
    const auto info = parse_iommu_info(answer.bytes());
    EXPECT_EQ(info.usable, (std::vector<IovaRange>{{0, 0xfedfffff}, {0xfef00000, 0x7fffffffff}}));
    EXPECT_EQ(info.page_sizes, 0x40201000u);
    EXPECT_EQ(info.smallest_page(), 4096u);
    EXPECT_EQ(info.mappings_left, 65535u);
}

TEST(IommuInfo, WithoutCapabilitiesTakesWhatEveryIommuHas) {
    auto answer = usual();
    answer.set_flags(0);
    const auto info = parse_iommu_info(answer.bytes());
    EXPECT_EQ(info.usable, whole_39_bits);
    EXPECT_EQ(info.smallest_page(), 4096u);
    EXPECT_EQ(info.mappings_left, std::nullopt);
}

TEST(IommuInfo, StopsAtAChainInCircles) {
    auto answer = usual();
    answer.put(second, vfio_info_cap_header{VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, static_cast<std::uint32_t>(first)});
    EXPECT_EQ(parse_iommu_info(answer.bytes()).usable.size(), 2u);
    answer.put(first, vfio_info_cap_header{VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1, static_cast<std::uint32_t>(first)});
    EXPECT_EQ(parse_iommu_info(answer.bytes()).mappings_left, std::nullopt);
}

TEST(IommuInfo, NeverReadsBehindTheBuffer) {
    const auto whole = usual().bytes();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<long>(size));
        const auto info = parse_iommu_info(cut);
        ASSERT_FALSE(info.usable.empty()) << size;
        if (size < second) {
            ASSERT_EQ(info.mappings_left, std::nullopt) << size;
        }
    }
    auto far = usual();
    far.put(first, vfio_info_cap_header{VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1, 0xfffffff0});
    EXPECT_EQ(parse_iommu_info(far.bytes()).mappings_left, std::nullopt);
    auto many = usual();
    many.put(first + sizeof(vfio_info_cap_header), std::uint32_t{0xffffffff});
    EXPECT_LE(parse_iommu_info(many.bytes()).usable.size(), 3u);
}

}  // namespace vmq::vfio
