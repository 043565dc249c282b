// Taking and answering control commands.
#include "tests/device/control_queue.hpp"

#include <algorithm>

#include "tests/device/scatter.hpp"

namespace vmq::software {

using Answer = ControlBehaviour::Answer;

bool ControlQueue::take(const ControlBehaviour& behaviour, const Handler& handler) {
    Chain chain;
    if (!queue_.fetch(chain)) return false;
    ++commands_;
    const auto bytes = gather(chain.readable);
    if (bytes.size() < sizeof(virtio::ControlHeader) || size_of(chain.writable) < 1) {
        violations_.add(queue_.name() + ": a command without header or room for the answer");
        queue_.complete(chain.id, 0);
        return true;
    }
    if (header_is_apart_ && chain.readable[0].size() != sizeof(virtio::ControlHeader))
        violations_.add(queue_.name() + ": a command whose header has no descriptor of its own");
    const bool two_tables = bytes[0] == std::byte{1} && bytes[1] == std::byte{0};  // MAC_TABLE_SET
    if (header_is_apart_ && chain.readable.size() != (two_tables ? 3 : bytes.size() > 2 ? 2 : 1))
        violations_.add(queue_.name() + ": a command in " + std::to_string(chain.readable.size()) + " descriptors");
    ControlCommand command{.control_class = static_cast<virtio::ControlClass>(bytes[0]),
                           .command = std::to_integer<std::uint8_t>(bytes[1]),
                           .data = {bytes.begin() + sizeof(virtio::ControlHeader), bytes.end()}};
    handler.seen(command);
    pending_ = Pending{std::move(chain), std::move(command), behaviour, Clock::now() + behaviour.delay};
    return true;
}

bool ControlQueue::process(const ControlBehaviour& behaviour, const Handler& handler) {
    bool progressed = false;
    for (;;) {
        if (!pending_) {
            if (!take(behaviour, handler)) return progressed;
            progressed = true;
            continue;
        }
        if (pending_->behaviour.answer == Answer::withhold || pending_->due > Clock::now()) return progressed;
        const ControlBehaviour& now = pending_->behaviour;
        answer(handler, now.answer == Answer::refuse || (commands_ >= now.refuse_from && commands_ <= now.refuse_to));
        progressed = true;
    }
}

bool ControlQueue::answer_withheld(const Handler& handler) {
    if (!pending_) return false;
    answer(handler, false);
    return true;
}

void ControlQueue::answer(const Handler& handler, bool refuse) {
    Pending pending = std::move(*pending_);
    pending_.reset();
    const bool done = !refuse && handler.execute(pending.command);
    if (!done) handler.refused(pending.command);
    const auto truth = static_cast<std::uint8_t>(done ? virtio::ControlAck::ok : virtio::ControlAck::err);
    std::vector<std::byte> bytes{std::byte{pending.behaviour.acknowledgement.value_or(truth)}};
    if (done) bytes.insert(bytes.end(), pending.command.result.begin(), pending.command.result.end());
    bytes.resize(std::min(bytes.size(), size_of(pending.chain.writable)));
    scatter(bytes, pending.chain.writable);
    queue_.complete(pending.chain.id, static_cast<std::uint32_t>(bytes.size()));
}

std::optional<ControlQueue::Clock::time_point> ControlQueue::due() const {
    if (!pending_ || pending_->behaviour.answer == Answer::withhold) return std::nullopt;
    return pending_->due;
}

}  // namespace vmq::software
