// The device's control queue: commands taken apart, and answered, refused, delayed or never answered.
// VIRTIO 1.3, 5.1.6.5.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "driver/virtio/spec.hpp"
#include "tests/device/virtqueue.hpp"

namespace vmq::software {

struct ControlBehaviour {
    enum class Answer {
        normal,
        refuse,    // nothing is done
        withhold,  // nothing is done until answer_withheld()
    };
    Answer answer = Answer::normal;
    std::chrono::milliseconds delay{0};             // between taking a command and doing it
    std::optional<std::uint8_t> acknowledgement{};  // instead of the true one
    // Refuses commands number refuse_from to refuse_to, counted from 1.
    std::uint64_t refuse_from = 0;
    std::uint64_t refuse_to = 0;
    std::optional<std::uint32_t> length{};  // told of the answer, instead of the true one
};

struct ControlCommand {
    virtio::ControlClass control_class{};
    std::uint8_t command = 0;
    std::vector<std::byte> data;
    std::vector<std::byte> result{};  // what the device answers behind its ack; cut to the driver's buffer
};

// One thread at a time.
class ControlQueue {
public:
    struct Handler {
        std::function<void(const ControlCommand&)> seen;     // as soon as it is taken from the available ring
        std::function<bool(ControlCommand&)> execute;        // false: refused by the device
        std::function<void(const ControlCommand&)> refused;  // undoes what `seen` did
    };
    using Clock = std::chrono::steady_clock;

    ControlQueue(Virtqueue& queue, Violations& violations) noexcept : queue_(queue), violations_(violations) {}

    void stop() noexcept { pending_.reset(); }
    // True when something was taken or answered; the caller publishes.
    bool process(const ControlBehaviour& behaviour, const Handler& handler);
    // Does what a withheld command asked for, late. False: there is none.
    bool answer_withheld(const Handler& handler);
    // When process() has to be called again; nothing when only for a new command.
    [[nodiscard]] std::optional<Clock::time_point> due() const;
    [[nodiscard]] std::uint64_t commands() const noexcept { return commands_; }
    // 5.1.6.6: whether a command's parts have to have descriptors of their own.
    void want_parts_apart(bool apart) noexcept { parts_are_apart_ = apart; }

private:
    struct Pending {
        Chain chain;
        ControlCommand command;
        ControlBehaviour behaviour;
        Clock::time_point due;
    };
    [[nodiscard]] bool take(const ControlBehaviour& behaviour, const Handler& handler);
    void answer(const Handler& handler, bool refuse);

    Virtqueue& queue_;
    Violations& violations_;
    std::optional<Pending> pending_;
    std::uint64_t commands_ = 0;
    bool parts_are_apart_ = false;
};

}  // namespace vmq::software
