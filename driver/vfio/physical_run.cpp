// Memory that is one piece for the processor, for a device without an IOMMU, and for good.
//
// The pages are those of a file in memory: a file's pages can be mapped in any order, one by one given back, and are
// not copied when the process forks.
#include "driver/vfio/physical_run.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/memfd.h>
#include <optional>
#include <span>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "driver/support/errors.hpp"
#include "driver/support/memory.hpp"
#include "driver/vfio/huge_pages.hpp"
#include "driver/vfio/page_frames.hpp"

namespace vmq::vfio {

namespace {

off_t offset_of(std::size_t page, std::size_t index) { return static_cast<off_t>(page * index); }

class HugePageFile {
public:
    explicit HugePageFile(std::size_t page)
        : page_(page), fd_(::memfd_create("vmq", MFD_CLOEXEC | MFD_HUGETLB | huge_page_flag(page))) {}

    // Makes it so many pages long. False: there are not so many.
    [[nodiscard]] bool grow(std::size_t count, int numa_node) {
        if (!fd_ || ::ftruncate(fd_.get(), offset_of(page_, count)) != 0) return false;
        all_ = map(count);
        if (all_.data() == nullptr) return false;
        support::prefer_node(all_.bytes(), numa_node);
        return support::populate(all_.bytes());
    }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return all_.bytes(); }

    [[nodiscard]] support::UniqueFd release() noexcept { return std::move(fd_); }
    // Maps these pages in this order and gives the others back.
    [[nodiscard]] support::Mapping keep(const std::vector<std::size_t>& pages) {
        support::Mapping run = map(pages.size());
        for (std::size_t i = 0; run.data() != nullptr && i < pages.size(); ++i)
            if (::mmap(run.data() + i * page_, page_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_.get(),
                       offset_of(page_, pages[i])) == MAP_FAILED)
                run = {};
        const std::size_t count = std::exchange(all_, {}).size() / page_;
        for (std::size_t i = 0; i < count; ++i)
            if (std::find(pages.begin(), pages.end(), i) == pages.end())
                ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset_of(page_, i),
                            offset_of(page_, 1));
        if (run.data() != nullptr) ::madvise(run.data(), run.size(), MADV_DONTFORK);
        return run;
    }

private:
    // The first pages of the file; null when they cannot be had.
    [[nodiscard]] support::Mapping map(std::size_t count) const {
        void* const address = ::mmap(nullptr, count * page_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
        return address == MAP_FAILED ? support::Mapping{} : support::Mapping{address, count * page_};
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

// Takes more pages than needed, twice as many each time, until some of them are a run. std::nullopt: there is none, or
// there are too few pages.
std::optional<PhysicalRun> search(const SystemRoots& roots, const std::string& object, std::size_t page,
                                  std::size_t count, int numa_node) {
    HugePageFile file{page};
    for (std::size_t taken = count; file.grow(taken, numa_node); taken *= 2) {
        const auto addresses = physical_addresses(roots, object, file.bytes(), page);
        const auto run = find_run(addresses, page, count);
        if (!run.empty()) {
            PhysicalRun found{{}, file.keep(run), addresses[run.front()]};
            found.file = file.release();
            if (found.memory.data() == nullptr)
                support::fail_errno(object + ": mmap of " + std::to_string(count * page) + " bytes of huge pages");
            touch(found.memory.bytes(), page);
            found.verify(roots, object);
            return found;
        }
        if (count == 1) break;
    }
    return std::nullopt;
}

[[noreturn]] void fail_run(const SystemRoots& roots, const std::string& object, std::size_t size) {
    const std::size_t count = whole_pages(size, huge_2m) / huge_2m;
    const bool enough = available_huge_pages(roots, huge_2m) >= count;
    support::fail(std::make_error_code(std::errc::not_enough_memory),
                  object + ": " + std::to_string(size) + " bytes in one physical piece",
                  enough ? "of the huge pages of 2 MiB that can be had no " + std::to_string(count) +
                               " follow each other in physical memory; reserve some more (sysctl vm.nr_hugepages), or "
                               "early (hugepages=N on the kernel's command line)"
                         : huge_page_cure(roots, huge_2m, count));
}

}  // namespace

void PhysicalRun::verify(const SystemRoots& roots, const std::string& object) const {
    const auto addresses = physical_addresses(roots, object, memory.bytes(), huge_2m);
    if (addresses.front() == address && contiguous(addresses, huge_2m)) return;
    support::fail(std::make_error_code(std::errc::bad_address), object + ": huge pages for the device",
                  "the kernel has moved them; is memory being taken offline?");
}

PhysicalRun map_physical_run(const SystemRoots& roots, const std::string& object, std::size_t size, int numa_node) {
    for (const std::size_t page : page_sizes_for(size))
        if (auto run = search(roots, object, page, whole_pages(size, page) / page, numa_node)) return *std::move(run);
    fail_run(roots, object, size);
}

}  // namespace vmq::vfio
