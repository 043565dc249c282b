// The one thread per device that owns everything which is not the data path.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "driver/support/event_fd.hpp"
#include "driver/support/unique_fd.hpp"

namespace vmq {

class ControlThread {
public:
    struct Source {
        int fd = -1;                  // stays the caller's
        std::function<void()> serve;  // when fd is readable
    };

    // Starts the thread. `tick` is called every `period`. What serve and tick throw goes to `report`.
    ControlThread(std::vector<Source> sources, std::chrono::milliseconds period, std::function<void()> tick,
                  std::function<void(const std::exception&)> report);
    // Lets the thread finish what it does and waits for it.
    ~ControlThread();
    ControlThread(const ControlThread&) = delete;
    ControlThread& operator=(const ControlThread&) = delete;

    // Runs the task on the control thread, waits for it and throws what it throws. Any thread.
    void run(std::function<void()> task);

private:
    // Lives on its caller's stack until it is done.
    struct Task {
        std::function<void()> work;
        std::exception_ptr error{};
        bool done = false;
    };

    void start();
    void loop();
    void run_tasks();
    void guarded(const std::function<void()>& work);
    void tell(const std::exception& error) noexcept;

    std::vector<Source> sources_;
    std::chrono::milliseconds period_;
    std::function<void()> tick_;
    std::function<void(const std::exception&)> report_;
    support::UniqueFd epoll_;
    support::EventFd task_event_;
    std::mutex mutex_;
    std::condition_variable task_done_;
    std::deque<Task*> tasks_;
    bool stop_ = false;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace vmq
