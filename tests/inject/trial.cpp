// Judging a run: what was thrown, what is left, and whether it ended.
#include "tests/inject/trial.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>

#include "tests/inject/held.hpp"

namespace vmq::inject {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 20s;    // for one run
constexpr int most_failures = 5;  // of the test, until it ends
constexpr const char* no_memory = "std::bad_alloc";

std::atomic<const char*> current_step{""};

std::string where() {
    const auto failed = failure();
    return std::string{"in step \""} + current_step.load() + "\", with " + (failed ? failed->call : "no call") +
           " failed";
}

// Ends the process when a run does not end.
class Watchdog {
public:
    Watchdog() : thread_([this](const std::stop_token& stop) { watch(stop); }) {}
    void run_begins() { began_ = std::chrono::steady_clock::now(); }

private:
    void watch(const std::stop_token& stop) {
        std::mutex mutex;
        std::unique_lock lock{mutex};
        std::condition_variable_any never;
        while (!stop.stop_requested()) {
            never.wait_for(lock, stop, 200ms, [] { return false; });
            if (std::chrono::steady_clock::now() < began_.load() + patience) continue;
            std::fprintf(stderr, "call %lu: does not end %s\n", calls(), where().c_str());
            std::abort();
        }
    }

    std::atomic<std::chrono::steady_clock::time_point> began_{std::chrono::steady_clock::now()};
    std::jthread thread_;
};

// What the text is about when it tells the error in words of its own: a look at sysfs finds nothing, and a connection
// that fails is as good as closed.
std::string_view object_of(std::string_view call) {
    if (call == "stat" || call == "lstat" || call == "readlink") return "0000:00:04.0";
    if (call == "sendmsg" || call == "recvmsg") return "vhost-user:";
    return call == "ioctl" ? "VFIO_" : call;
}

bool names(const std::string& text, const Failure& failed) {
    if (text == no_memory) return std::string_view{failed.call} == "operator new";
    if (text.find(std::strerror(failed.error)) != std::string::npos) return true;
    return text.find(object_of(failed.call)) != std::string::npos;
}

// Until the control thread of a device that was closed, and the other side of a connection, are done with it too.
std::string left_behind(const Held& before, Heap heap, long blocks) {
    std::string left;
    for (int i = 0; i < 400; ++i) {
        left = difference(before, held());
        if (left.empty() && (heap == Heap::shared || live_blocks() == blocks)) return {};
        std::this_thread::sleep_for(5ms);
    }
    if (live_blocks() != blocks) left += std::to_string(live_blocks() - blocks) + " blocks of the heap";
    return left;
}

int failed_parts() { return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count(); }

bool run(const std::function<void(Trial&)>& scenario, const Held& before, Heap heap, unsigned long number,
         Fails fails) {
    const int problems = failed_parts();
    const long blocks = live_blocks();
    Trial trial{number, fails};
    trial.begin();
    scenario(trial);
    end_plan();
    if (failed_parts() != problems) return true;  // googletest has kept blocks of the heap for it
    if (const std::string left = left_behind(before, heap, blocks); !left.empty())
        ADD_FAILURE() << trial.story() << ": left behind: " << left;
    return failure().has_value();
}

}  // namespace

void Trial::begin() const { plan(number_, fails_ == Fails::from_then_on); }

void Trial::begin(const char* name) { current_step = step_ = name; }

void Trial::failed(const std::string& problem, bool tells) {
    const bool first = failed_step_ == nullptr;
    if (first) failed_step_ = step_;
    if (first) problem.copy(told_.data(), told_.size() - 1);
    const auto failed = failure();
    if (!failed)
        ADD_FAILURE() << story() << ": threw though no call failed: " << problem;
    else if (first && tells && fails_ == Fails::once && !names(problem, *failed))
        ADD_FAILURE() << story() << ": does not tell what failed: " << problem;
}

bool Trial::give_up() {
    ADD_FAILURE() << story() << ": never works again";
    return false;
}

bool Trial::failed_was(std::string_view call) const {
    const auto failed = failure();
    return failed && (call == failed->call || !sound());
}

bool Trial::lacked_memory_in(std::string_view step) const {
    return failed_step_ != nullptr && step == failed_step_ && told_.data() == std::string_view{no_memory};
}

std::string Trial::story() const {
    return "call " + std::to_string(number_) + (fails_ == Fails::once ? " " : " and all later ones ") + where() +
           (failed_step_ == nullptr ? "" : std::string{" ("} + failed_step_ + ": " + told_.data() + ")");
}

void fail_every_call(const std::function<void(Trial&)>& scenario, Heap heap) {
    Watchdog watchdog;
    std::set_terminate([] {
        const Doing test{Side::test};
        std::fprintf(stderr, "call %lu: ends the process %s\n", calls(), where().c_str());
        std::abort();
    });
    for (int i = 0; i < 2; ++i) {  // what is made once and kept is there afterwards
        Trial trial{0, Fails::once};
        trial.begin();
        scenario(trial);
        end_plan();
    }
    std::this_thread::sleep_for(200ms);  // the other side of a connection may take its time to see the end of it
    const Held before = held();
    for (const Fails fails : {Fails::once, Fails::from_then_on})
        for (unsigned long number = 1; run(scenario, before, heap, number, fails); ++number) {
            ASSERT_LT(failed_parts(), most_failures);
            watchdog.run_begins();
        }
}

}  // namespace vmq::inject
