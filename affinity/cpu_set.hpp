// A set of CPUs by their Linux numbers, and the list syntax ("0-3,8,10-12") that Linux and hwloc share.
#pragma once

#include <bitset>
#include <compare>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace vmq::affinity {

// A logical processor (hwloc: PU) by its Linux number.
struct CpuId {
    unsigned value = 0;

    // clang-tidy takes the 0 that such a comparison is compared with for a pointer.
    friend constexpr auto operator<=>(const CpuId&, const CpuId&) = default;  // NOLINT(modernize-use-nullptr)
};

class CpuSet {
public:
    static constexpr std::size_t capacity = 4096;

    CpuSet() = default;
    // The CPUs 0 to 4095 can be held; a higher one throws std::system_error.
    CpuSet(std::initializer_list<CpuId> cpus);
    explicit CpuSet(const std::vector<CpuId>& cpus);

    // Blank text is the empty set, as Linux writes it. Bad text throws std::system_error naming what is wrong.
    [[nodiscard]] static CpuSet parse(std::string_view list);
    [[nodiscard]] std::string to_string() const;

    void insert(CpuId cpu);
    void erase(CpuId cpu) noexcept;
    [[nodiscard]] bool contains(CpuId cpu) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return bits_.none(); }
    [[nodiscard]] std::size_t size() const noexcept { return bits_.count(); }
    [[nodiscard]] std::vector<CpuId> to_vector() const;  // ascending

    friend CpuSet operator&(CpuSet left, const CpuSet& right) noexcept;
    friend CpuSet operator|(CpuSet left, const CpuSet& right) noexcept;
    friend CpuSet operator-(CpuSet left, const CpuSet& right) noexcept;
    friend bool operator==(const CpuSet&, const CpuSet&) = default;

private:
    std::bitset<capacity> bits_;
};

// The same syntax where the order says something: "3,0-2,3" is 3, 0, 1, 2, 3. Throws as CpuSet::parse does.
[[nodiscard]] std::vector<CpuId> parse_cpu_list(std::string_view list);

}  // namespace vmq::affinity
