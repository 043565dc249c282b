// The huge pages that an administrator has set aside: sizes, how many are to be had, and how to get more.
#include "driver/vfio/huge_pages.hpp"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <linux/mman.h>

namespace vmq::vfio {

namespace {

// A file that holds a count; 0 when there is none.
std::uint64_t count_in(const SystemRoots& roots, std::size_t page, const char* file) {
    const auto folder = roots.sys / "kernel/mm/hugepages" / ("hugepages-" + std::to_string(page / 1024) + "kB");
    std::uint64_t count = 0;
    std::ifstream{folder / file} >> count;
    return count;
}

std::string in_words(std::size_t page) { return page == huge_1g ? "1 GiB" : "2 MiB"; }

}  // namespace

std::uint64_t available_huge_pages(const SystemRoots& roots, std::size_t page) {
    const auto less = [](std::uint64_t from, std::uint64_t taken) { return from - std::min(from, taken); };
    return less(count_in(roots, page, "free_hugepages"), count_in(roots, page, "resv_hugepages")) +
           less(count_in(roots, page, "nr_overcommit_hugepages"), count_in(roots, page, "surplus_hugepages"));
}

unsigned huge_page_flag(std::size_t page) noexcept {
    return static_cast<unsigned>(std::countr_zero(page)) << MAP_HUGE_SHIFT;
}

std::string huge_page_cure(const SystemRoots& roots, std::size_t page, std::uint64_t needed) {
    const std::uint64_t available = available_huge_pages(roots, page);
    const std::uint64_t total = count_in(roots, page, "nr_hugepages") + needed - std::min(needed, available);
    const std::string command =
        page == huge_2m ? "sysctl -w vm.nr_hugepages=" + std::to_string(total)
                        : "hugepagesz=1G hugepages=" + std::to_string(total) + " on the kernel's command line";
    return std::to_string(needed) + " huge pages of " + in_words(page) + " are needed, " + std::to_string(available) +
           " can be had: reserve them with " + command;
}

}  // namespace vmq::vfio
