// The one thread per device that owns everything which is not the data path.
#include "driver/control_thread.hpp"

#include <algorithm>
#include <array>
#include <pthread.h>
#include <sys/epoll.h>
#include <system_error>
#include <utility>

#include "driver/support/errors.hpp"

namespace vmq {

using Clock = std::chrono::steady_clock;

ControlThread::ControlThread(std::vector<Source> sources, std::chrono::milliseconds period, std::function<void()> tick,
                             std::function<void(const std::exception&)> report)
    : sources_(std::move(sources)),
      period_(period),
      tick_(std::move(tick)),
      report_(std::move(report)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) support::fail_errno("epoll_create1");
    sources_.push_back({task_event_.fd(), [this] { run_tasks(); }});
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, sources_[i].fd, &event) != 0) support::fail_errno("epoll_ctl");
    }
    start();
    ::pthread_setname_np(thread_.native_handle(), "vmq-control");
}

void ControlThread::start() {
    try {
        thread_ = std::thread([this] { loop(); });
    } catch (const std::system_error& error) {
        support::fail(error.code(), "start the control thread",
                      "ulimit -u and the cgroup's pids.max say how many threads there may be");
    }
}

ControlThread::~ControlThread() {
    {
        const std::scoped_lock lock(mutex_);
        stop_ = true;
    }
    task_event_.signal();
    thread_.join();
}

void ControlThread::run(std::function<void()> task) {
    if (std::this_thread::get_id() == thread_.get_id()) return task();
    Task waited_for{std::move(task)};
    {
        std::unique_lock lock(mutex_);
        tasks_.push_back(&waited_for);
        task_event_.signal();
        task_done_.wait(lock, [&] { return waited_for.done; });
    }
    if (waited_for.error) std::rethrow_exception(waited_for.error);
}

void ControlThread::loop() {
    auto next_tick = Clock::now() + period_;
    for (;;) {
        {
            const std::scoped_lock lock(mutex_);
            if (stop_ && tasks_.empty()) return;
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_tick - Clock::now());
        std::array<epoll_event, 8> events{};
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                       static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        for (int i = 0; i < count; ++i) guarded(sources_[events[static_cast<std::size_t>(i)].data.u64].serve);
        if (Clock::now() >= next_tick) {
            guarded(tick_);
            next_tick = Clock::now() + period_;
        }
    }
}

void ControlThread::run_tasks() {
    [[maybe_unused]] const auto signals = task_event_.drain();
    for (;;) {
        Task* task = nullptr;
        {
            const std::scoped_lock lock(mutex_);
            if (tasks_.empty()) return;
            task = tasks_.front();
            tasks_.pop_front();
        }
        try {
            task->work();
        } catch (...) {
            task->error = std::current_exception();
        }
        // Outside of the handler, so that the exception is the caller's alone.
        const std::scoped_lock lock(mutex_);
        task->done = true;
        task_done_.notify_all();
    }
}

void ControlThread::guarded(const std::function<void()>& work) {
    try {
        work();
    } catch (const std::exception& error) {
        tell(error);
    }
}

// A report that fails, as where memory is short, must not end the thread.
void ControlThread::tell(const std::exception& error) noexcept {
    try {
        report_(error);
    } catch (...) {
    }
}

}  // namespace vmq
