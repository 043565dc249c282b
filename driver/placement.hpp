// Where a device's pairs belong, and keeping their interrupts and threads there while vCPUs come and go.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmq/options.hpp>
#include <vmq/stats.hpp>

#include "affinity/irqbalance.hpp"
#include "affinity/placement.hpp"
#include "affinity/thread.hpp"
#include "affinity/topology.hpp"
#include "driver/net/net_device.hpp"
#include "driver/vector_placement.hpp"

namespace vmq {

// What is known and decided before the device runs.
class Places {
public:
    Places(const Options& options, std::string_view device);

    [[nodiscard]] unsigned usable_cpus() const { return static_cast<unsigned>(topology.allowed().size()); }
    // Places so many pairs and tells the NUMA node of each, -1 for anywhere.
    std::vector<int> choose(unsigned pairs);

    affinity::Topology topology;
    affinity::Placement placement;

private:
    affinity::PlacementRequest request_;
};

// Control thread only, but for pin_owner.
class PlacementKeeper {
public:
    // On the opening thread, once the device runs.
    PlacementKeeper(net::NetDevice& device, Places& places, const Options& options);
    ~PlacementKeeper();
    PlacementKeeper(const PlacementKeeper&) = delete;
    PlacementKeeper& operator=(const PlacementKeeper&) = delete;

    // Pins the calling thread, which has just taken the pair, to the pair's vCPU where the options say so. Throws.
    void pin_owner(net::PairCore& pair);

    // Before anything else that the control thread does.
    void begin();
    // Twice a second: places everything anew when the vCPUs that are online and allowed are others than before, and
    // puts back what something else has moved.
    void look_after();
    // The number of pairs in use has changed.
    void follow_queue_pairs();
    [[nodiscard]] InterruptTable table() { return vectors_.table(); }

private:
    struct Pins;

    // What a change of the usable vCPUs shows in.
    struct Machine {
        affinity::CpuSet allowed;  // the control thread's own mask, which follows the cgroup's cpuset
        affinity::CpuSet online;

        friend bool operator==(const Machine&, const Machine&) = default;
    };

    [[nodiscard]] static Pins& all_pins();
    [[nodiscard]] static Machine look() { return {affinity::thread_affinity(), affinity::online_cpus()}; }
    void place_anew();
    // Puts the owners' threads where their pairs belong; returns a line for each that was elsewhere.
    [[nodiscard]] std::vector<std::string> keep_owners();
    void note_pinned(int thread, const affinity::CpuSet& mask);
    void keep_irqbalance_off(bool again);

    void warn_each(const std::vector<std::string>& lines) const;
    void log(LogLevel level, const std::string& text) const;

    net::NetDevice& device_;
    Places& places_;
    const Options& options_;
    Pins& pins_;
    VectorPlacement vectors_;
    affinity::Irqbalance irqbalance_;
    std::optional<affinity::IrqbalanceState> irqbalance_state_;
    std::chrono::steady_clock::time_point next_question_{};
    std::optional<Machine> seen_;
};

}  // namespace vmq
