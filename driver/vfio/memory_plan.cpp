// What allocating blocks is going to take, computed before the first byte is locked.
#include "driver/vfio/memory_plan.hpp"

#include <vector>

#include "driver/vfio/huge_pages.hpp"
#include "driver/vfio/physical_arena.hpp"

namespace vmq::vfio {

namespace {

// Takes pages for `size` bytes out of the stock, or notes that 2 MiB pages are missing. Returns the bytes they have.
std::size_t take_pages(MemoryPlan& plan, HugePageStock& stock, std::size_t size) {
    for (const std::size_t page : page_sizes_for(size)) {
        std::uint64_t& left = page == huge_1g ? stock.of_1g : stock.of_2m;
        const std::size_t whole = whole_pages(size, page);
        if (left < whole / page) continue;
        left -= whole / page;
        if (page == huge_2m) plan.of_2m += whole / page;
        return whole;
    }
    plan.enough = false;
    const std::size_t whole = whole_pages(size, huge_2m);
    plan.of_2m += whole / huge_2m;
    return whole;
}

}  // namespace

MemoryPlan plan_mapped(std::span<const support::MemoryNeed> needs, HugePages huge_pages, std::size_t page,
                       HugePageStock stock) {
    MemoryPlan plan;
    plan.mappings = needs.size();
    for (const auto& need : needs) {
        const bool huge = huge_pages == HugePages::required && worth_huge_page(need.bytes(), huge_2m);
        plan.locked += huge ? take_pages(plan, stock, need.bytes()) : whole_pages(need.bytes(), page);
    }
    return plan;
}

MemoryPlan plan_physical(std::span<const support::MemoryNeed> needs, HugePageStock stock) {
    MemoryPlan plan;
    std::uint64_t next = huge_1g;
    PhysicalArena arena{[&](const support::MemoryNeed& need) {
        DmaBuffer run;
        run.size = take_pages(plan, stock, need.bytes());
        run.iova = next;
        run.data = reinterpret_cast<std::byte*>(next);  // never touched
        next += run.size;
        plan.locked += run.size;
        ++plan.mappings;
        return std::vector{run};
    }};
    std::vector<std::vector<DmaBuffer>> blocks;  // in use together
    for (const auto& need : needs) blocks.push_back(arena.allocate(need));
    return plan;
}

}  // namespace vmq::vfio
