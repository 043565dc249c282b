// One queue pair as the device sees it: receiveq, transmitq, and what waits in front of and behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/device/backend.hpp"
#include "tests/device/interrupts.hpp"
#include "tests/device/receiveq.hpp"
#include "tests/device/steering.hpp"
#include "tests/device/transmitq.hpp"
#include "tests/device/virtqueue.hpp"

namespace vmq::software {

// What the lanes of a device share.
struct LaneContext {
    Memory& memory;
    Violations& violations;
    Interrupts& interrupts;
    Steering& steering;
    Backend*& backend;
};

// The caller holds `mutex` for every call. The driver's threads never take it on the data path.
class Lane {
public:
    Lane(unsigned pair, const LaneContext& context);
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    std::mutex mutex;

    void start(virtio::FeatureSet features);
    void stop() noexcept;

    // Both return true when something was done. A lane that is not in use does nothing.
    bool process_transmitq();
    bool process_receiveq();

    // Whether the device uses the pair. A lane that leaves use throws away what its transmitq still holds, as a
    // detached tap does.
    void set_in_use(bool in_use);
    [[nodiscard]] bool in_use() const noexcept { return in_use_; }
    // From here on the driver may not queue packets; what it queued before is still transmitted while the lane is in
    // use.
    void close_transmission();
    void open_transmission() noexcept { closed_at_.reset(); }

    // One packet at once; false when there are too few buffers.
    bool inject(std::span<const std::byte> packet, const Delivery& delivery);
    // Makes what was completed visible, and interrupts if the driver wants that.
    void publish();

    Virtqueue receive_ring;
    Virtqueue transmit_ring;
    Receiveq receiveq;
    Transmitq transmitq;
    Completion completion;
    std::deque<Frame> backlog;       // for the driver
    std::vector<Frame> transmitted;  // by the driver, when there is no backend
    std::uint64_t thrown_away = 0;   // packets that the transmitq held when the lane left use

private:
    void check_closed();
    void publish(Virtqueue& ring);

    unsigned pair_;
    LaneContext context_;
    bool in_use_ = false;
    std::optional<std::uint16_t> closed_at_;  // the transmitq's available index then
};

}  // namespace vmq::software
