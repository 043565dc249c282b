// The control virtqueue: one command at a time, each under a deadline.
#include "driver/net/control_queue.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <poll.h>
#include <thread>
#include <utility>

#include <vmq/error.hpp>
#include <vmq/filter.hpp>

#include "driver/support/errors.hpp"

namespace vmq::net {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

// The command lies behind the ring: header, data, and from a cache line of its own on the device's answer.
constexpr std::size_t data_space = 2048;   // an RSS table of 512 entries and a key of 255 bytes fit
constexpr std::size_t answer_space = 256;  // statistics of one virtqueue
constexpr std::size_t command_space = data_space + answer_space;
constexpr std::byte no_answer{0xff};

// Bytes of the data's first descriptor on a legacy device. 5.1.6.6: of MAC_TABLE_SET each table has one.
std::size_t first_piece(const virtio::ControlHeader& header, std::span<const std::byte> data) noexcept {
    virtio::le32 entries;
    const bool tables = header.control_class == virtio::ControlClass::mac &&
                        header.command == virtio::mac_command::table_set && data.size() >= sizeof entries;
    if (!tables) return data.size();
    std::memcpy(&entries, data.data(), sizeof entries);
    return std::min(data.size(), sizeof entries + entries.value() * sizeof(MacAddress));
}

struct Readable {
    std::array<virtio::Segment, 3> parts{};
    std::size_t count = 0;
    void add(virtio::Iova address, std::size_t bytes) noexcept {
        if (bytes != 0) parts[count++] = {address, static_cast<std::uint32_t>(bytes)};
    }
};

// What the device reads of a command that lies at `start`. A legacy device may want its parts `apart` (5.1.6.6), and
// others do not mind.
Readable readable_parts(virtio::Iova start, const virtio::ControlHeader& header, std::span<const std::byte> data,
                        bool apart) noexcept {
    Readable readable;
    if (!apart) {
        readable.add(start, sizeof header + data.size());
        return readable;
    }
    const std::size_t first = first_piece(header, data);
    readable.add(start, sizeof header);
    readable.add(start + sizeof header, first);
    readable.add(start + sizeof header + first, data.size() - first);
    return readable;
}

std::variant<virtio::SplitRing, virtio::PackedRing> make_ring(const virtio::DmaBlock& memory, std::uint16_t size,
                                                              virtio::RingFormat format) {
    if (format.packed) return virtio::PackedRing(memory.bytes(), memory.iova, size, format);
    return virtio::SplitRing(memory.bytes(), memory.iova, size, format);
}

}  // namespace

std::size_t ControlQueue::memory_size(virtio::RingFormat format, std::uint16_t size) noexcept {
    return ring_memory_size(format, size) + command_space;
}

ControlQueue::ControlQueue(virtio::DmaBlock memory, std::uint16_t size, virtio::RingFormat format, VectorEvent* event)
    : memory_(std::move(memory)),
      command_offset_(ring_memory_size(format, size)),
      legacy_(format.legacy),
      ring_(make_ring(memory_, size, format)),
      event_(event) {}

void ControlQueue::carry_out(virtio::ControlClass control_class, std::uint8_t command, std::span<const std::byte> data,
                             std::chrono::milliseconds deadline, const std::string& what, std::span<std::byte> result) {
    if (data.size() > data_space - sizeof(virtio::ControlHeader) || result.size() >= answer_space)
        support::fail(Errc::out_of_range, what);

    std::byte* const request = memory_.data + command_offset_;
    std::byte* const answer = request + data_space;
    const virtio::ControlHeader header{control_class, command};
    std::memcpy(request, &header, sizeof header);
    std::ranges::copy(data, request + sizeof header);
    *answer = no_answer;
    std::fill_n(answer + 1, result.size(), std::byte{0});

    const Readable readable = readable_parts(memory_.iova + command_offset_, header, data, legacy_);
    const virtio::Segment writable{memory_.iova + command_offset_ + data_space,
                                   static_cast<std::uint32_t>(1 + result.size())};
    const auto publish = [&](auto& ring) {
        ring.add_chain({readable.parts.data(), readable.count}, {&writable, 1});
        return ring.publish();
    };
    if (std::visit(publish, ring_)) doorbell_.ring(std::visit([](const auto& ring) { return ring.position(); }, ring_));

    const std::optional<std::size_t> written = await_answer(deadline);
    if (!written) {
        if (is_broken()) support::fail(Errc::bad_device, what + ": the device broke the control queue's used ring");
        support::fail(Errc::device_timeout, what + ": no answer within " + std::to_string(deadline.count()) + " ms");
    }
    // 2.7.8.3: nothing is read beyond what the device says to have written. Legacy devices are known to say
    // anything (2.7.8.1); what they have not written is as it was made above.
    const std::size_t length = legacy_ ? 1 + result.size() : std::min(*written, 1 + result.size());
    if (length == 0) support::fail(Errc::bad_device, what + ": the device says that it has written no answer");
    if (*answer != std::byte{static_cast<std::uint8_t>(virtio::ControlAck::ok)})
        support::fail(Errc::device_refused, what + ": refused by the device");
    const auto rest = std::copy_n(answer + 1, length - 1, result.begin());
    std::fill(rest, result.end(), std::byte{0});
}

std::optional<std::size_t> ControlQueue::await_answer(std::chrono::milliseconds deadline) noexcept {
    const auto end = Clock::now() + deadline;
    virtio::Used used;
    while (!std::visit([&](auto& ring) { return ring.take(used); }, ring_)) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        if (left <= 0ms || is_broken()) return std::nullopt;
        if (event_ == nullptr) {
            std::this_thread::sleep_for(100us);
            continue;
        }
        // Looked at every 10 ms even so: an interrupt may get lost.
        pollfd ready{event_->fd(), POLLIN, 0};
        const bool armed = std::visit([](auto& ring) { return ring.arm(); }, ring_);
        if (armed && ::poll(&ready, 1, static_cast<int>(std::min(left, 10ms).count())) > 0) event_->drain();
    }
    return used.length;
}

}  // namespace vmq::net
