// Taking and answering control commands.
#include "tests/device/control_queue.hpp"

#include <algorithm>
#include <cstring>

#include "tests/device/scatter.hpp"

namespace vmq::software {

using Answer = ControlBehaviour::Answer;

namespace {

// 5.1.6.6: the sizes of a command's descriptors.
bool is_framed(const Chain& chain, const std::vector<std::byte>& bytes) {
    constexpr std::size_t header = sizeof(virtio::ControlHeader);
    std::vector<std::size_t> wanted{header};
    std::size_t data = bytes.size() - header;
    const bool mac = bytes[0] == std::byte{static_cast<std::uint8_t>(virtio::ControlClass::mac)};
    if (virtio::le32 entries; mac && bytes[1] == std::byte{virtio::mac_command::table_set} && data >= sizeof entries) {
        std::memcpy(static_cast<void*>(&entries), bytes.data() + header, sizeof entries);
        wanted.push_back(sizeof entries + entries.value() * 6u);
        data -= std::min(data, wanted.back());
    }
    if (data != 0) wanted.push_back(data);
    return std::ranges::equal(chain.readable, wanted, {}, [](const auto& part) { return part.size(); }) &&
           chain.writable.size() == 1 && chain.writable[0].size() == 1;
}

}  // namespace

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
    if (parts_are_apart_ && !is_framed(chain, bytes))
        violations_.add(queue_.name() + ": a command whose parts have no descriptors of their own");
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
    const auto length = static_cast<std::uint32_t>(bytes.size());
    queue_.complete(pending.chain.id, pending.behaviour.length.value_or(length));
}

std::optional<ControlQueue::Clock::time_point> ControlQueue::due() const {
    if (!pending_ || pending_->behaviour.answer == Answer::withhold) return std::nullopt;
    return pending_->due;
}

}  // namespace vmq::software
