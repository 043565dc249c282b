// A doorbell that is heard at once: the device acts in the driver's own thread, before the ringing returns.
#pragma once

#include <functional>

#include "driver/support/unique_fd.hpp"
#include "driver/virtio/doorbell.hpp"

namespace vmq::fuzz {

// A pipe whose reading end signals the thread that made it, in the middle of its write. One at a time.
class Bell {
public:
    explicit Bell(std::function<void()> heard);
    ~Bell();
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;

    [[nodiscard]] virtio::Doorbell doorbell() const noexcept;

private:
    static void on_signal(int signal);

    std::function<void()> heard_;
};

}  // namespace vmq::fuzz
