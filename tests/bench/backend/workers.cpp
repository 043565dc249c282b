// Polling threads.
#include "tests/bench/backend/workers.hpp"

#include <exception>
#include <sched.h>

#include "affinity/thread.hpp"

namespace vmq::bench {

Workers::Workers(unsigned threads, const std::vector<unsigned>& cpus, bool yield) {
    for (unsigned i = 0; i < threads; ++i) {
        threads_.push_back(std::make_unique<Thread>());
        Thread& added = *threads_.back();
        added.thread = std::thread([&added, i, cpus, yield] {
            if (!cpus.empty()) affinity::pin_thread(affinity::CpuId{cpus[i % cpus.size()]});
            added.run(yield);
        });
    }
}

Workers::~Workers() {
    for (const auto& thread : threads_) {
        thread->hold = true;
        thread->held.wait(false);
        thread->ends = true;
        thread->hold = false;
        thread->hold.notify_one();
        thread->thread.join();
    }
}

Workers::Hold::Hold(Workers& workers, const std::vector<std::unique_ptr<Pair>>& pairs)
    : workers_(workers), pairs_(pairs) {
    for (const auto& thread : workers_.threads_) thread->hold = true;
    for (const auto& thread : workers_.threads_) thread->held.wait(false);
}

Workers::Hold::~Hold() {
    for (std::size_t i = 0; i < workers_.threads_.size(); ++i) {
        Thread& thread = *workers_.threads_[i];
        thread.pairs.clear();
        for (std::size_t n = i; n < pairs_.size(); n += workers_.threads_.size())
            if (pairs_[n] && pairs_[n]->runs()) thread.pairs.push_back(pairs_[n].get());
        if (thread.pairs.empty()) continue;
        thread.hold = false;
        thread.hold.notify_one();
    }
}

// Both flags are sequentially consistent: when the control thread raises `hold` after this thread has looked at it, it
// also sees `held` as this thread left it before.
void Workers::Thread::wait() {
    held = true;
    held.notify_one();
    hold.wait(true);
    held = false;
}

void Workers::Thread::run(bool yield) {
    for (;;) {
        while (hold) [[unlikely]] wait();
        if (ends) [[unlikely]]
            return;
        bool busy = false;
        try {
            for (Pair* const pair : pairs) busy |= pair->poll();
        } catch (const std::exception&) {
            // A frontend that has given the connection up clears its rings before its end of it is seen.
            pairs.clear();
        }
        if (yield && !busy) ::sched_yield();
    }
}

}  // namespace vmq::bench
