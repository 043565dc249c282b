// Parsing /proc/interrupts and the list of a PCI function's interrupts.
#include "affinity/interrupts.hpp"

#include <algorithm>
#include <charconv>

namespace vmq::affinity {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view skip_blanks(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

// Takes the next word off the front of `rest`.
std::string_view next_word(std::string_view& rest) {
    rest = skip_blanks(rest);
    const std::string_view word = rest.substr(0, rest.find_first_of(blanks));
    rest.remove_prefix(word.size());
    return word;
}

std::string_view next_line(std::string_view& rest) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    return line;
}

template <typename Number>
std::optional<Number> to_number(std::string_view word) {
    Number value{};
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

std::vector<CpuId> parse_header(std::string_view line) {
    constexpr std::string_view prefix = "CPU";
    std::vector<CpuId> cpus;
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        const auto cpu = word.starts_with(prefix) ? to_number<unsigned>(word.substr(prefix.size())) : std::nullopt;
        if (!cpu) {
            cpus.clear();
            break;
        }
        cpus.push_back(CpuId{*cpu});
    }
    if (cpus.empty())
        throw std::system_error(std::make_error_code(std::errc::bad_message),
                                "interrupt table: the first line does not name CPUs (is /proc mounted?)");
    return cpus;
}

InterruptRow parse_row(std::string_view line, std::size_t columns) {
    InterruptRow row;
    line = skip_blanks(line);
    const auto colon = line.find(':');
    row.label = line.substr(0, colon);
    row.irq = to_number<unsigned>(row.label);
    line.remove_prefix(colon == std::string_view::npos ? line.size() : colon + 1);
    while (row.counts.size() < columns) {
        std::string_view rest = line;
        const auto count = to_number<std::uint64_t>(next_word(rest));
        if (!count) break;
        row.counts.push_back(*count);
        line = rest;
    }
    row.description = skip_blanks(line);
    return row;
}

// A row made while another number of CPUs was online has a count too few, or one too many before the controller.
bool fits(const InterruptRow& row, std::size_t columns) {
    if (!row.irq) return true;
    std::string_view description = row.description;
    return row.counts.size() == columns && !to_number<std::uint64_t>(next_word(description));
}

std::optional<unsigned> vfio_vector(std::string_view description, std::string_view address) {
    constexpr std::string_view prefix = "vfio-msix[";
    const auto at = description.find(prefix);
    if (at == std::string_view::npos) return std::nullopt;
    description.remove_prefix(at + prefix.size());
    const auto bracket = description.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    if (!description.substr(bracket).starts_with("](" + std::string(address) + ")")) return std::nullopt;
    return to_number<unsigned>(description.substr(0, bracket));
}

}  // namespace

const InterruptRow* InterruptTable::find(unsigned irq) const noexcept {
    const auto row = std::ranges::find(rows, std::optional(irq), &InterruptRow::irq);
    return row != rows.end() ? &*row : nullptr;
}

std::uint64_t InterruptTable::count(unsigned irq, CpuId cpu) const noexcept {
    const InterruptRow* const row = find(irq);
    const auto column = std::ranges::find(cpus, cpu) - cpus.begin();
    const auto index = static_cast<std::size_t>(column);
    return row != nullptr && index < row->counts.size() ? row->counts[index] : 0;
}

InterruptTable parse_interrupts(std::string_view text) {
    InterruptTable table;
    table.cpus = parse_header(next_line(text));
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (skip_blanks(line).empty()) continue;
        InterruptRow row = parse_row(line, table.cpus.size());
        if (fits(row, table.cpus.size()))
            table.rows.push_back(std::move(row));
        else
            table.complete = false;
    }
    return table;
}

InterruptTable read_interrupts(const SystemPaths& paths) {
    constexpr int attempts = 3;
    InterruptTable table;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        std::error_code error;
        const std::string text = read_text(paths.proc / "interrupts", error);
        if (error) throw std::system_error(error, "reading " + (paths.proc / "interrupts").string());
        table = parse_interrupts(text);
        if (table.complete) break;
    }
    return table;
}

std::vector<VectorIrq> vfio_vectors(const InterruptTable& table, std::string_view address) {
    std::vector<VectorIrq> vectors;
    for (const InterruptRow& row : table.rows)
        if (const auto vector = vfio_vector(row.description, address); vector && row.irq)
            vectors.push_back({*vector, *row.irq});
    std::ranges::sort(vectors, {}, &VectorIrq::vector);
    return vectors;
}

std::vector<unsigned> msi_irqs(std::string_view address, const SystemPaths& paths) {
    std::vector<unsigned> irqs;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(paths.pci_device(address) / "msi_irqs", error))
        if (const auto irq = to_number<unsigned>(entry.path().filename().native())) irqs.push_back(*irq);
    std::ranges::sort(irqs);
    return irqs;
}

std::vector<VectorIrq> device_vectors(std::string_view address, const SystemPaths& paths) {
    std::vector<VectorIrq> vectors = vfio_vectors(read_interrupts(paths), address);
    if (!vectors.empty()) return vectors;
    for (const unsigned irq : msi_irqs(address, paths)) vectors.push_back({static_cast<unsigned>(vectors.size()), irq});
    return vectors;
}

}  // namespace vmq::affinity
