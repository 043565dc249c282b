// The memory that driver and backend share: files in memory, mapped here and handed to the backend.
//
// The I/O address of a byte is its address in this process, so that both are the same for all memory. Few and large
// regions, since a backend takes eight: the first is as large as the announced need, each later one doubles the whole.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <vmq/options.hpp>

#include "driver/support/mapping.hpp"
#include "driver/support/unique_fd.hpp"
#include "driver/vhost/command.hpp"
#include "driver/virtio/transport.hpp"

namespace vmq::vhost {

// One thread. Failures throw std::system_error.
class SharedMemory {
public:
    // name: the device's, for messages.
    SharedMemory(std::string name, HugePages huge_pages);

    // What will be allocated, as far as that is known.
    void expect(std::span<const support::MemoryNeed> needs) noexcept;
    // Throws ENOSPC when a region would have to be added beyond `most_regions`.
    [[nodiscard]] virtio::DmaBlock allocate(std::size_t size, int numa_node, std::size_t most_regions);

    [[nodiscard]] std::size_t region_count() const noexcept { return regions_.size(); }
    [[nodiscard]] std::vector<SharedRegion> regions() const;
    // Takes back the region that was added last, which nobody uses.
    void forget_last_region() { regions_.pop_back(); }

private:
    struct Region {
        support::UniqueFd file;
        support::Mapping mapping;
        bool huge_pages = false;
        std::size_t used = 0;
    };

    void add_region(std::size_t size, std::size_t most_regions);
    [[nodiscard]] std::shared_ptr<Region> make_region(std::size_t size, bool huge_pages) const;

    std::string name_;
    HugePages huge_pages_;
    std::size_t expected_ = 0;
    std::vector<std::shared_ptr<Region>> regions_;
};

}  // namespace vmq::vhost
