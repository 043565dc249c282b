// The least driver that can use the software device: the rings of some pairs and the control queue, without any of
// net/.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "driver/support/event_fd.hpp"
#include "driver/virtio/split_ring.hpp"
#include "tests/device/net_device.hpp"

namespace vmq::software {

// A virtqueue with one buffer per descriptor.
struct BareQueue {
    static constexpr std::uint32_t buffer_size = 2048;

    BareQueue(virtio::Transport& transport, std::uint16_t queue, std::uint16_t size, bool event_idx,
              std::uint16_t start)
        : index(queue),
          ring_memory(transport.allocate(virtio::SplitRing::memory_size(size), -1)),
          buffer_memory(transport.allocate(std::size_t{size} * buffer_size, -1)),
          ring(ring_memory.bytes(), ring_memory.iova, size, event_idx, start),
          doorbell(transport.doorbell({queue})) {}

    [[nodiscard]] std::byte* buffer(std::uint16_t i) const { return buffer_memory.data + std::size_t{i} * buffer_size; }
    [[nodiscard]] virtio::Segment segment(std::uint16_t i, std::uint32_t length = buffer_size) const {
        return {buffer_memory.iova + std::uint64_t{i} * buffer_size, length};
    }
    // The id under which each buffer was offered, and back.
    void offer_for_receive(std::uint16_t i) { buffer_of_id[ring.add_writable(segment(i))] = i; }
    void publish() {
        if (ring.publish()) doorbell.ring();
    }

    std::uint16_t index;
    virtio::DmaBlock ring_memory;
    virtio::DmaBlock buffer_memory;
    virtio::SplitRing ring;
    virtio::Doorbell doorbell;
    std::array<std::uint16_t, 1024> buffer_of_id{};
};

class BareDriver {
public:
    struct Setup {
        virtio::FeatureSet features = usual_features;
        unsigned pairs = 2;
        std::uint16_t ring_size = 16;
        std::uint16_t start = 0;
    };

    explicit BareDriver(NetDevice& device) : BareDriver(device, Setup{}) {}
    BareDriver(NetDevice& device, const Setup& setup) : transport(device.transport()) {
        namespace bits = virtio::device_status;
        const bool event_idx = setup.features.has(virtio::Feature::event_idx);
        transport->reset();
        transport->set_status(bits::acknowledge);
        transport->set_status(bits::acknowledge | bits::driver);
        transport->set_driver_features(setup.features);
        transport->set_status(bits::acknowledge | bits::driver | bits::features_ok);
        const auto control = static_cast<std::uint16_t>(transport->queue_count() - 1);
        for (std::uint16_t q = 0; q < 2 * setup.pairs; ++q)
            queues.push_back(std::make_unique<BareQueue>(*transport, q, setup.ring_size, event_idx, setup.start));
        queues.push_back(std::make_unique<BareQueue>(*transport, control, setup.ring_size, event_idx, setup.start));
        vectors = std::vector<support::EventFd>(queues.size());
        std::vector<int> fds;
        for (const auto& vector : vectors) fds.push_back(vector.fd());
        static_cast<void>(transport->enable_vectors(fds));
        for (std::uint16_t i = 0; i < queues.size(); ++i)
            static_cast<void>(transport->enable_queue({queues[i]->index}, queues[i]->ring.config({i})));
        transport->set_status(bits::acknowledge | bits::driver | bits::features_ok | bits::driver_ok);
    }
    ~BareDriver() { transport->reset(); }

    [[nodiscard]] BareQueue& receiveq(unsigned pair) { return *queues[2 * pair]; }
    [[nodiscard]] BareQueue& transmitq(unsigned pair) { return *queues[2 * pair + 1]; }
    [[nodiscard]] BareQueue& controlq() { return *queues.back(); }

    void fill_receiveq(unsigned pair) {
        BareQueue& queue = receiveq(pair);
        for (std::uint16_t i = 0; i < queue.ring.size(); ++i) queue.offer_for_receive(i);
        queue.publish();
    }

    // The packet behind a header of zeroes.
    void send(unsigned pair, std::span<const std::byte> packet, std::uint16_t buffer = 0) {
        BareQueue& queue = transmitq(pair);
        std::memset(queue.buffer(buffer), 0, sizeof(virtio::NetHeader));
        std::memcpy(queue.buffer(buffer) + sizeof(virtio::NetHeader), packet.data(), packet.size());
        queue.ring.add_readable(
            queue.segment(buffer, static_cast<std::uint32_t>(sizeof(virtio::NetHeader) + packet.size())));
        queue.publish();
    }

    struct Received {
        virtio::NetHeader header;
        std::uint32_t used_length;
        Frame bytes;  // of this buffer, behind the header
    };
    // One used receive buffer, offered again at once.
    std::optional<Received> receive(unsigned pair) {
        BareQueue& queue = receiveq(pair);
        std::array<virtio::Used, 1> used;
        if (queue.ring.take_used(used) == 0) return std::nullopt;
        const std::uint16_t i = queue.buffer_of_id[used[0].id];
        Received received{.header = {}, .used_length = used[0].length, .bytes = {}};
        std::memcpy(static_cast<void*>(&received.header), queue.buffer(i), sizeof received.header);
        const std::size_t end = std::min(used[0].length, BareQueue::buffer_size);
        if (end > sizeof received.header)
            received.bytes.assign(queue.buffer(i) + sizeof received.header, queue.buffer(i) + end);
        queue.offer_for_receive(i);
        queue.publish();
        return received;
    }

    // VQ_PAIRS_SET, put into the control queue's buffer 0: the answer appears at answer().
    void command_pairs(std::uint16_t count) {
        BareQueue& queue = controlq();
        const std::array<std::uint8_t, 4> command{4, 0, static_cast<std::uint8_t>(count),
                                                  static_cast<std::uint8_t>(count >> 8)};
        std::memcpy(queue.buffer(0), command.data(), command.size());
        *queue.buffer(1) = std::byte{0xaa};
        const std::array readable{queue.segment(0, 4)};
        const std::array writable{queue.segment(1, 1)};
        queue.ring.add_chain(readable, writable);
        queue.publish();
    }
    std::optional<int> answer() {
        std::array<virtio::Used, 1> used;
        if (controlq().ring.take_used(used) == 0) return std::nullopt;
        return std::to_integer<int>(*controlq().buffer(1));
    }

    std::unique_ptr<virtio::Transport> transport;
    std::vector<support::EventFd> vectors;  // queue i of `queues` has vector i
    std::vector<std::unique_ptr<BareQueue>> queues;
};

}  // namespace vmq::software
