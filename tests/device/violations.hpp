// What the driver under test did that the specification forbids, as texts; a test asserts that there are none.
#pragma once

#include <mutex>
#include <string>
#include <vector>

namespace vmq::software {

class Violations {
public:
    // Any thread. Only the first hundred are kept.
    void add(std::string text);
    [[nodiscard]] std::vector<std::string> texts() const;

private:
    mutable std::mutex mutex_;
    std::vector<std::string> texts_;
};

}  // namespace vmq::software
