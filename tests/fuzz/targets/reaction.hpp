// The other side of a descriptor, acting in the same thread: in the middle of the system call that makes the descriptor
// readable, before that call returns. So a driver that waits for an answer finds it there, without a second thread.
#pragma once

#include <functional>

namespace vmq::fuzz {

// From now on the descriptor, of a pipe or socket, signals this thread whenever it becomes readable.
void signal_when_readable(int fd);

// What is done then, as long as it lives. One at a time.
class Reaction {
public:
    explicit Reaction(std::function<void()> act);
    ~Reaction();
    Reaction(const Reaction&) = delete;
    Reaction& operator=(const Reaction&) = delete;

private:
    std::function<void()> act_;
};

}  // namespace vmq::fuzz
