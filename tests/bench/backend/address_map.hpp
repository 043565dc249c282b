// Addresses of the frontend as addresses of this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace vmq::bench {

struct AddressRange {
    std::uint64_t first = 0;
    std::uint64_t size = 0;
    std::byte* here = nullptr;
};

// Each user has a copy of its own. The range of the last hit is tried first: most frontends have one that counts.
class AddressMap {
public:
    AddressMap() = default;
    explicit AddressMap(std::vector<AddressRange> ranges) : ranges_(std::move(ranges)) {}

    // Throws std::out_of_range for an address that the frontend has not shared.
    [[nodiscard]] std::byte* at(std::uint64_t address) const {
        if (address - last_.first >= last_.size) [[unlikely]]
            last_ = find(address);
        return last_.here + (address - last_.first);
    }

private:
    [[nodiscard]] AddressRange find(std::uint64_t address) const {
        for (const AddressRange& range : ranges_)
            if (address - range.first < range.size) return range;
        throw std::out_of_range("address " + std::to_string(address) + " is in no memory region of the frontend");
    }

    std::vector<AddressRange> ranges_;
    mutable AddressRange last_;
};

}  // namespace vmq::bench
