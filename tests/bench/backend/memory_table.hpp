// The memory regions that the frontend shares, mapped into this process.
#pragma once

#include <vector>

#include "driver/support/mapping.hpp"
#include "driver/support/unique_fd.hpp"
#include "tests/bench/backend/address_map.hpp"
#include "tests/bench/backend/protocol.hpp"

namespace vmq::bench {

class MemoryTable {
public:
    void clear() noexcept { regions_.clear(); }
    // Throws std::system_error when the region cannot be mapped.
    void add(const MemoryRegion& region, const support::UniqueFd& fd);
    void remove(const MemoryRegion& region);

    // By the addresses that descriptors hold, and by those that SET_VRING_ADDR names.
    [[nodiscard]] AddressMap by_guest_address() const;
    [[nodiscard]] AddressMap by_user_address() const;

private:
    struct Mapped {
        MemoryRegion region;
        support::Mapping mapping;
    };
    std::vector<Mapped> regions_;
};

}  // namespace vmq::bench
