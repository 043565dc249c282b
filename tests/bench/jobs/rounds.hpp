// The pairs' threads, which do a round of the job together whenever they are told.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <vmq/device.hpp>

#include "tests/bench/jobs/jobs.hpp"

namespace vmq::bench {

class Rounds {
public:
    // Each thread takes its pair, and is pinned by that. Both must outlive the rounds.
    Rounds(Device& device, const JobOptions& options);
    ~Rounds();
    Rounds(const Rounds&) = delete;
    Rounds& operator=(const Rounds&) = delete;

    // One round: so long, or the packets that the options name. Returns its report as JSON.
    std::string run(std::chrono::milliseconds time);

private:
    struct Outcome {
        std::uint64_t packets = 0;
        double seconds = 0;
        std::vector<std::uint32_t> round_trips;
    };

    void serve(unsigned index);
    void do_job(Lane& lane, const Limit& limit, Outcome& outcome) const;
    void await(std::atomic<unsigned>& count) const;

    Device& device_;
    const JobOptions& options_;
    std::vector<Limit> limits_;  // by pair, as are the outcomes
    std::vector<Outcome> outcomes_;
    std::atomic<unsigned> round_{0};
    std::atomic<unsigned> prepared_{0};  // threads that have their pair
    std::atomic<unsigned> finished_{0};  // threads that have done the round
    std::atomic<bool> ends_{false};
    std::vector<std::thread> threads_;
};

}  // namespace vmq::bench
