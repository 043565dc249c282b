// Parsing, writing and combining sets of CPUs.
#include "affinity/cpu_set.hpp"

#include <charconv>
#include <system_error>

namespace vmq::affinity {
namespace {

[[noreturn]] void reject(std::string_view list, const std::string& reason) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            "CPU list \"" + std::string(list) + "\": " + reason);
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

unsigned parse_number(std::string_view number, std::string_view item, std::string_view list) {
    unsigned value = 0;
    const char* const end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, value);
    if (error == std::errc::invalid_argument || stop != end)
        reject(list, quoted(item) + " is neither a CPU number nor a range such as 4-7");
    if (error == std::errc::result_out_of_range || value >= CpuSet::capacity)
        reject(list, quoted(item) + " goes beyond CPU " + std::to_string(CpuSet::capacity - 1) + ", the highest one");
    return value;
}

void append_item(std::vector<CpuId>& cpus, std::string_view item, std::string_view list) {
    if (item.empty()) reject(list, "there is an empty place between or beside commas");
    const auto dash = item.find('-');
    const unsigned first = parse_number(item.substr(0, dash), item, list);
    const unsigned last = dash == std::string_view::npos ? first : parse_number(item.substr(dash + 1), item, list);
    if (last < first) reject(list, "the range " + quoted(item) + " runs backwards");
    for (unsigned cpu = first; cpu <= last; ++cpu) cpus.push_back(CpuId{cpu});
}

}  // namespace

std::vector<CpuId> parse_cpu_list(std::string_view list) {
    std::vector<CpuId> cpus;
    std::string_view rest = trim(list);
    if (rest.empty()) return cpus;
    for (;;) {
        const auto comma = rest.find(',');
        append_item(cpus, rest.substr(0, comma), trim(list));
        if (comma == std::string_view::npos) return cpus;
        rest.remove_prefix(comma + 1);
    }
}

CpuSet::CpuSet(std::initializer_list<CpuId> cpus) {
    for (const CpuId cpu : cpus) insert(cpu);
}

CpuSet::CpuSet(const std::vector<CpuId>& cpus) {
    for (const CpuId cpu : cpus) insert(cpu);
}

CpuSet CpuSet::parse(std::string_view list) { return CpuSet(parse_cpu_list(list)); }

std::string CpuSet::to_string() const {
    std::string text;
    for (std::size_t first = 0; first < capacity; ++first) {
        if (!bits_[first]) continue;
        std::size_t last = first;
        while (last + 1 < capacity && bits_[last + 1]) ++last;
        if (!text.empty()) text += ',';
        text += std::to_string(first);
        if (last > first) text += '-' + std::to_string(last);
        first = last;
    }
    return text;
}

void CpuSet::insert(CpuId cpu) {
    if (cpu.value >= capacity) reject(std::to_string(cpu.value), "the highest CPU is " + std::to_string(capacity - 1));
    bits_.set(cpu.value);
}

void CpuSet::erase(CpuId cpu) noexcept {
    if (contains(cpu)) bits_.reset(cpu.value);
}

bool CpuSet::contains(CpuId cpu) const noexcept { return cpu.value < capacity && bits_[cpu.value]; }

std::vector<CpuId> CpuSet::to_vector() const {
    std::vector<CpuId> cpus;
    for (unsigned cpu = 0; cpu < capacity; ++cpu)
        if (bits_[cpu]) cpus.push_back(CpuId{cpu});
    return cpus;
}

CpuSet operator&(CpuSet left, const CpuSet& right) noexcept {
    left.bits_ &= right.bits_;
    return left;
}

CpuSet operator|(CpuSet left, const CpuSet& right) noexcept {
    left.bits_ |= right.bits_;
    return left;
}

CpuSet operator-(CpuSet left, const CpuSet& right) noexcept {
    left.bits_ &= ~right.bits_;
    return left;
}

}  // namespace vmq::affinity
