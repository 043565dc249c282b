// What /proc/interrupts and sysfs tell about interrupts: counts per CPU, and which IRQ is which vector.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "affinity/cpu_set.hpp"
#include "affinity/system_files.hpp"

namespace vmq::affinity {

struct InterruptRow {
    std::string label;                  // "25", "NMI", ...
    std::optional<unsigned> irq;        // set when the label is a number
    std::vector<std::uint64_t> counts;  // one per InterruptTable::cpus; rows such as ERR: carry only one
    std::string description;            // controller and names
};

struct InterruptTable {
    std::vector<CpuId> cpus;  // the columns: online CPUs, with holes where one is offline
    std::vector<InterruptRow> rows;
    bool complete = true;  // false: an IRQ's row did not match the columns and was left out

    [[nodiscard]] const InterruptRow* find(unsigned irq) const noexcept;  // null when there is no such row
    // How often `irq` was handled on `cpu`; 0 for an unknown IRQ or a CPU that is offline.
    [[nodiscard]] std::uint64_t count(unsigned irq, CpuId cpu) const noexcept;
};

// Throws std::system_error when the first line does not name CPUs.
[[nodiscard]] InterruptTable parse_interrupts(std::string_view text);

// Reads /proc/interrupts; again, a few times, when a CPU came or went while it was read. Throws std::system_error.
[[nodiscard]] InterruptTable read_interrupts(const SystemPaths& paths = {});

struct VectorIrq {
    unsigned vector = 0;
    unsigned irq = 0;

    friend bool operator==(const VectorIrq&, const VectorIrq&) = default;
};

// The MSI-X vectors of `address` (0000:00:04.0) that VFIO has switched on, by their names in the table, ascending.
[[nodiscard]] std::vector<VectorIrq> vfio_vectors(const InterruptTable& table, std::string_view address);

// The IRQs allocated to the function, ascending; empty when it has none or there is no such function.
[[nodiscard]] std::vector<unsigned> msi_irqs(std::string_view address, const SystemPaths& paths = {});

// vfio_vectors() of this machine; where no row carries such a name, vector i is taken to be the i-th of msi_irqs(),
// which is the order in which Linux allocates them.
[[nodiscard]] std::vector<VectorIrq> device_vectors(std::string_view address, const SystemPaths& paths = {});

}  // namespace vmq::affinity
