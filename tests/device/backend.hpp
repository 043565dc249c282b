// What is behind the software device: the network that packets come from and go to.
#pragma once

#include <optional>

#include "tests/device/frame.hpp"

namespace vmq::software {

// Calls for one pair come from one thread at a time, those for different pairs at the same time from different threads.
class Backend {
public:
    virtual ~Backend() = default;
    // A packet that the driver sent. What is returned is delivered on the same pair.
    virtual std::optional<Frame> transmitted(unsigned pair, Frame frame) = 0;
    // A packet for this pair, when there is one; asked for only while the receiveq has buffers.
    virtual std::optional<Frame> next(unsigned pair) = 0;
};

// Sends every packet back.
class Echo : public Backend {
public:
    std::optional<Frame> transmitted(unsigned /*pair*/, Frame frame) override { return frame; }
    std::optional<Frame> next(unsigned /*pair*/) override { return std::nullopt; }
};

}  // namespace vmq::software
