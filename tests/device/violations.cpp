// The list of violations.
#include "tests/device/violations.hpp"

#include <utility>

namespace vmq::software {

void Violations::add(std::string text) {
    const std::lock_guard lock{mutex_};
    if (texts_.size() < 100) texts_.push_back(std::move(text));
}

std::vector<std::string> Violations::texts() const {
    const std::lock_guard lock{mutex_};
    return texts_;
}

}  // namespace vmq::software
