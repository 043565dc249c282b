// The changes that mqperf soak makes at random while packets are on their way.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <vmq/device.hpp>

#include "tools/mqperf/latency.hpp"

namespace vmq::mqperf {

struct SoakChangeReport {
    struct Kind {
        std::uint64_t made = 0;
        std::uint64_t refused = 0;  // the device, or its driver, said no
        Latency times;
    };
    std::map<std::string, Kind> kinds;
    std::uint64_t link_downs = 0;
    std::string first_refusal;
};

// One thread. Of what the device does not offer nothing is tried again.
class SoakChanges {
public:
    SoakChanges(Device& device, std::uint64_t seed);

    // Changes one thing. Throws what cannot be a refusal, such as a device that is gone.
    void make_one();
    void link_went_down() { ++report_.link_downs; }
    [[nodiscard]] const SoakChangeReport& report() const noexcept { return report_; }

private:
    struct Kind {
        std::string name;
        std::function<void()> change;
    };

    [[nodiscard]] unsigned any(unsigned least, unsigned most);
    void change_pairs();
    void change_rss();
    void change_coalescing();
    void change_coalescing_of_a_pair();

    Device& device_;
    std::mt19937_64 random_;
    std::vector<Kind> kinds_;
    SoakChangeReport report_;
};

}  // namespace vmq::mqperf
