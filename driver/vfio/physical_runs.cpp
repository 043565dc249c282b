// Memory that a device without an IOMMU finds where it lies, for good.
//
// The pages are those of a file in memory: a file's pages can be mapped in any order, one by one given back, and are
// not copied when the process forks.
#include "driver/vfio/physical_runs.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/memfd.h>
#include <optional>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include "driver/support/errors.hpp"
#include "driver/vfio/huge_pages.hpp"
#include "driver/vfio/page_frames.hpp"

namespace vmq::vfio {

namespace {

using Addresses = std::vector<std::uint64_t>;

off_t offset_of(std::size_t page, std::size_t index) { return static_cast<off_t>(page * index); }

class HugePageFile {
public:
    explicit HugePageFile(std::size_t page)
        : page_(page), fd_(::memfd_create("vmq", MFD_CLOEXEC | MFD_HUGETLB | huge_page_flag(page))) {}

    // Makes it so many pages long. False: there are not so many.
    [[nodiscard]] bool grow(std::size_t count, int numa_node) {
        if (!fd_ || ::ftruncate(fd_.get(), offset_of(page_, count)) != 0) return false;
        void* const address = ::mmap(nullptr, count * page_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
        if (address == MAP_FAILED) return false;
        all_ = {address, count * page_};
        support::prefer_node(all_.bytes(), numa_node);
        return support::populate(all_.bytes());
    }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return all_.bytes(); }

    [[nodiscard]] support::UniqueFd release() noexcept { return std::move(fd_); }
    // Maps these pages, as far apart as they lie physically, and gives the others back. Without a window: that failed.
    [[nodiscard]] PhysicalRuns keep(const std::vector<PageRun>& kept, const Addresses& addresses) {
        PhysicalRuns made;
        const auto [low, high] = std::minmax_element(kept.begin(), kept.end(), [&](const auto& a, const auto& b) {
            return addresses[a.front()] < addresses[b.front()];
        });
        const std::uint64_t first = addresses[low->front()];
        support::Mapping window = reserve(addresses[high->back()] + page_ - first);
        if (window.data() == nullptr) return made;
        const auto begin = reinterpret_cast<std::uintptr_t>(window.data());
        std::byte* const base = window.data() + (whole_pages(begin, page_) - begin);
        for (const PageRun& run : kept) {
            std::byte* const at = base + (addresses[run.front()] - first);
            for (std::size_t i = 0; i < run.size(); ++i)
                if (!map(at + i * page_, run[i])) return made;
            made.runs.push_back({{at, run.size() * page_}, addresses[run.front()]});
        }
        drop_others(kept);
        made.window = std::move(window);
        return made;
    }

private:
    // Addresses that nobody else gets, with room to begin on a huge page; null when there are not so many.
    [[nodiscard]] support::Mapping reserve(std::size_t size) const {
        void* const address =
            ::mmap(nullptr, size + page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return address == MAP_FAILED ? support::Mapping{} : support::Mapping{address, size + page_};
    }
    [[nodiscard]] bool map(std::byte* at, std::size_t index) const {
        return ::mmap(at, page_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_.get(), offset_of(page_, index)) !=
                   MAP_FAILED &&
               ::madvise(at, page_, MADV_DONTFORK) == 0;
    }
    void drop_others(const std::vector<PageRun>& kept) {
        const std::size_t count = std::exchange(all_, {}).size() / page_;
        std::vector<bool> dropped(count, true);
        for (const PageRun& run : kept)
            for (const std::size_t index : run) dropped[index] = false;
        for (std::size_t i = 0; i < count; ++i)
            if (dropped[i])
                ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset_of(page_, i),
                            offset_of(page_, 1));
    }

    std::size_t page_;
    support::UniqueFd fd_;
    support::Mapping all_;
};

// One byte of every page, so that the page table has them.
void touch(std::span<const std::byte> memory, std::size_t page) {
    for (std::size_t at = 0; at < memory.size(); at += page)
        static_cast<void>(*const_cast<const volatile std::byte*>(memory.data() + at));
}

// Takes more pages than needed, twice as many each time, until some of them lie as they have to. std::nullopt: none do,
// or there are too few.
std::optional<PhysicalRuns> search(const SystemRoots& roots, const std::string& object, std::size_t page,
                                   const support::MemoryNeed& need) {
    HugePageFile file{page};
    const std::size_t least = whole_pages(need.bytes(), page) / page;
    const std::uint64_t most = available_huge_pages(roots, page);
    std::size_t taken = least;
    while (file.grow(taken, need.numa_node)) {
        const auto addresses = physical_addresses(roots, object, file.bytes(), page);
        if (const auto kept = find_runs(addresses, page, need); !kept.empty()) {
            PhysicalRuns found = file.keep(kept, addresses);
            if (found.window.data() == nullptr)
                support::fail_errno(object + ": mmap of " + std::to_string(need.bytes()) + " bytes of huge pages");
            found.file = file.release();
            for (const PhysicalRun& run : found.runs) touch(run.memory, page);
            found.verify(roots, object);
            return found;
        }
        const std::size_t next = std::min<std::uint64_t>(2 * taken, std::max<std::uint64_t>(most, taken));
        if (least == 1 || next == taken) break;
        taken = next;
    }
    return std::nullopt;
}

[[noreturn]] void fail_runs(const SystemRoots& roots, const std::string& object, const support::MemoryNeed& need) {
    const std::size_t count = whole_pages(need.bytes(), huge_2m) / huge_2m;
    const bool enough = available_huge_pages(roots, huge_2m) >= count;
    support::fail(std::make_error_code(std::errc::not_enough_memory),
                  object + ": " + std::to_string(need.bytes()) + " bytes of physical memory" +
                      (need.count == 1 ? " in one piece" : ""),
                  enough ? "of the huge pages of 2 MiB that can be had too few follow each other in physical memory; "
                           "reserve some more (sysctl vm.nr_hugepages), or early (hugepages=N on the kernel's command "
                           "line)"
                         : huge_page_cure(roots, huge_2m, count));
}

}  // namespace

void PhysicalRuns::verify(const SystemRoots& roots, const std::string& object) const {
    for (const PhysicalRun& run : runs) {
        const auto addresses = physical_addresses(roots, object, run.memory, huge_2m);
        if (addresses.front() == run.address && contiguous(addresses, huge_2m)) continue;
        support::fail(std::make_error_code(std::errc::bad_address), object + ": huge pages for the device",
                      "the kernel has moved them; is memory being taken offline?");
    }
}

PhysicalRuns map_physical_runs(const SystemRoots& roots, const std::string& object, const support::MemoryNeed& need) {
    for (const std::size_t page : page_sizes_for(need.bytes()))
        if (auto runs = search(roots, object, page, need)) return *std::move(runs);
    fail_runs(roots, object, need);
}

}  // namespace vmq::vfio
