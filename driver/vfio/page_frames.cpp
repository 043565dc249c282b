// Where this process's memory lies physically.
#include "driver/vfio/page_frames.hpp"

#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <numeric>
#include <sys/types.h>
#include <unistd.h>

#include "driver/support/errors.hpp"
#include "driver/support/unique_fd.hpp"

namespace vmq::vfio {

namespace {

// An entry of pagemap.
constexpr std::uint64_t present = std::uint64_t{1} << 63;
constexpr std::uint64_t frame_bits = (std::uint64_t{1} << 55) - 1;
constexpr std::uint64_t huge_flag = std::uint64_t{1} << 17;  // KPF_HUGE of kpageflags

std::uint64_t small_page() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

// Word `index` of a file of 64-bit words; std::nullopt: it cannot be read.
std::optional<std::uint64_t> word_at(int file, std::uint64_t index) {
    std::uint64_t word = 0;
    const auto offset = static_cast<off_t>(index * sizeof word);
    if (::pread(file, &word, sizeof word, offset) != sizeof word) return std::nullopt;
    return word;
}

// All there are, from the lowest on.
std::vector<PageRun> runs_of(std::span<const std::uint64_t> addresses, std::size_t page) {
    PageRun order(addresses.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return addresses[a] < addresses[b]; });
    std::vector<PageRun> runs;
    for (const std::size_t index : order) {
        if (runs.empty() || addresses[index] != addresses[runs.back().back()] + page) runs.emplace_back();
        runs.back().push_back(index);
    }
    return runs;
}

}  // namespace

std::vector<std::uint64_t> physical_addresses(const SystemRoots& roots, const std::string& object,
                                              std::span<const std::byte> memory, std::size_t page) {
    const std::string operation = object + ": physical addresses from /proc/self/pagemap";
    const support::UniqueFd file{::open((roots.proc / "self/pagemap").c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) support::fail_errno(operation, "run as root");
    const auto first = reinterpret_cast<std::uintptr_t>(memory.data());
    std::vector<std::uint64_t> addresses;
    for (std::size_t offset = 0; offset < memory.size(); offset += page) {
        const auto entry = word_at(file.get(), (first + offset) / small_page());
        if (!entry || (*entry & present) == 0)
            support::fail(std::make_error_code(std::errc::not_enough_memory), operation, "a page is not in memory");
        const std::uint64_t frame = *entry & frame_bits;
        if (frame == 0)
            support::fail(std::make_error_code(std::errc::operation_not_permitted), operation,
                          "the kernel tells them with CAP_SYS_ADMIN only; run as root");
        addresses.push_back(frame * small_page());
    }
    return addresses;
}

bool contiguous(std::span<const std::uint64_t> addresses, std::size_t page) noexcept {
    return std::adjacent_find(addresses.begin(), addresses.end(),
                              [page](std::uint64_t a, std::uint64_t b) { return b != a + page; }) == addresses.end();
}

std::vector<PageRun> find_runs(std::span<const std::uint64_t> addresses, std::size_t page,
                               const support::MemoryNeed& need) {
    const auto pages_for = [&](std::size_t blocks) { return (blocks * need.size + page - 1) / page; };
    std::vector<PageRun> left = runs_of(addresses, page);
    std::stable_sort(left.begin(), left.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    std::vector<PageRun> chosen;
    for (std::size_t missing = need.count; missing > 0;) {
        if (left.empty()) return {};
        auto run =
            std::find_if(left.begin(), left.end(), [&](const auto& r) { return r.size() >= pages_for(missing); });
        if (run == left.end()) --run;
        const std::size_t held = std::min(missing, run->size() * page / need.size);
        if (held == 0) return {};
        run->resize(pages_for(held));
        chosen.push_back(std::move(*run));
        left.erase(run);
        missing -= held;
    }
    return chosen;
}

bool in_huge_pages(const SystemRoots& roots, std::span<const std::uint64_t> addresses) {
    const support::UniqueFd file{::open((roots.proc / "kpageflags").c_str(), O_RDONLY | O_CLOEXEC)};
    return file && std::all_of(addresses.begin(), addresses.end(), [&](std::uint64_t address) {
               return (word_at(file.get(), address / small_page()).value_or(0) & huge_flag) != 0;
           });
}

}  // namespace vmq::vfio
