// The threads that poll the pairs, and how the control thread holds them while it changes something.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/bench/backend/pair.hpp"

namespace vmq::bench {

// Pair n belongs to thread n % threads. A thread whose pairs have nothing to look at sleeps.
class Workers {
public:
    Workers(unsigned threads, const std::vector<unsigned>& cpus, bool yield);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // While it lives no thread polls. The pairs that its end lets go on are those of `pairs` that run.
    class Hold {
    public:
        Hold(Workers& workers, const std::vector<std::unique_ptr<Pair>>& pairs);
        ~Hold();
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;

    private:
        Workers& workers_;
        const std::vector<std::unique_ptr<Pair>>& pairs_;
    };

private:
    struct Thread {
        std::atomic<bool> hold{true};   // written by the control thread
        std::atomic<bool> held{false};  // written by the thread itself
        bool ends = false;
        std::vector<Pair*> pairs;  // read by the thread while it is not held
        std::thread thread;

        void run(bool yield);
        void wait();  // while it is held
    };

    std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace vmq::bench
