// The least driver that can use the software device: the rings of some pairs and the control queue, without any of
// the driver's own rings or net/.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driver/support/event_fd.hpp"
#include "tests/device/net_device.hpp"
#include "tests/unit/device/bare_packed_ring.hpp"
#include "tests/unit/device/bare_split_ring.hpp"

namespace vmq::software {

// A virtqueue with one buffer of memory per descriptor.
struct BareQueue {
    static constexpr std::uint32_t buffer_size = 2048;

    BareQueue(virtio::Transport& transport, std::uint16_t queue, std::uint16_t size, virtio::FeatureSet features,
              std::uint16_t start)
        : index(queue),
          ring(make_ring(transport, size, features, start)),
          buffer_memory(transport.allocate(std::size_t{size} * buffer_size, -1)),
          doorbell(transport.doorbell({queue})) {}

    static std::unique_ptr<BareRing> make_ring(virtio::Transport& transport, std::uint16_t size,
                                               virtio::FeatureSet features, std::uint16_t start) {
        if (features.has(virtio::Feature::ring_packed))
            return std::make_unique<BarePackedRing>(transport, size, features, start);
        return std::make_unique<BareSplitRing>(transport, size, features, start);
    }

    [[nodiscard]] BareSplitRing& split() { return dynamic_cast<BareSplitRing&>(*ring); }
    [[nodiscard]] BarePackedRing& packed() { return dynamic_cast<BarePackedRing&>(*ring); }
    [[nodiscard]] std::byte* buffer(std::uint16_t i) const { return buffer_memory.data + std::size_t{i} * buffer_size; }
    [[nodiscard]] virtio::Iova address(std::uint16_t i) const {
        return buffer_memory.iova + std::uint64_t{i} * buffer_size;
    }
    void offer_for_receive(std::uint16_t i) { buffer_of_id[ring->add_writable(address(i), buffer_size)] = i; }
    void publish() {
        if (ring->publish()) doorbell.ring(0);
    }

    std::uint16_t index;
    std::unique_ptr<BareRing> ring;
    virtio::DmaBlock buffer_memory;
    virtio::Doorbell doorbell;
    std::array<std::uint16_t, 1024> buffer_of_id{};  // under which id each was offered
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
        transport->reset();
        transport->set_status(bits::acknowledge);
        transport->set_status(bits::acknowledge | bits::driver);
        transport->set_driver_features(setup.features);
        transport->set_status(bits::acknowledge | bits::driver | bits::features_ok);
        const auto make = [&](std::uint16_t queue) {
            queues.push_back(
                std::make_unique<BareQueue>(*transport, queue, setup.ring_size, setup.features, setup.start));
        };
        for (std::uint16_t queue = 0; queue < 2 * setup.pairs; ++queue) make(queue);
        make(static_cast<std::uint16_t>(transport->queue_count() - 1));
        vectors = std::vector<support::EventFd>(queues.size());
        std::vector<int> fds;
        for (const auto& vector : vectors) fds.push_back(vector.fd());
        static_cast<void>(transport->enable_vectors(fds));
        for (std::uint16_t i = 0; i < queues.size(); ++i)
            static_cast<void>(transport->enable_queue({queues[i]->index}, queues[i]->ring->config({i})));
        transport->set_status(bits::acknowledge | bits::driver | bits::features_ok | bits::driver_ok);
    }
    ~BareDriver() { transport->reset(); }

    [[nodiscard]] BareQueue& receiveq(unsigned pair) { return *queues[2 * pair]; }
    [[nodiscard]] BareQueue& transmitq(unsigned pair) { return *queues[2 * pair + 1]; }
    [[nodiscard]] BareQueue& controlq() { return *queues.back(); }

    void fill_receiveq(unsigned pair) {
        BareQueue& queue = receiveq(pair);
        for (std::uint16_t i = 0; i < queue.ring->size; ++i) queue.offer_for_receive(i);
        queue.publish();
    }

    // The packet behind a header of zeroes, in one element or cut in as many as asked for. Returns its id.
    std::uint16_t send(unsigned pair, std::span<const std::byte> packet, std::uint16_t buffer = 0, unsigned pieces = 1,
                       bool indirect = false) {
        BareQueue& queue = transmitq(pair);
        std::memset(queue.buffer(buffer), 0, sizeof(virtio::NetHeader));
        std::memcpy(queue.buffer(buffer) + sizeof(virtio::NetHeader), packet.data(), packet.size());
        const auto length = static_cast<std::uint32_t>(sizeof(virtio::NetHeader) + packet.size());
        std::vector<BareElement> elements;
        for (std::uint32_t i = 0, at = 0; i < pieces; ++i) {
            const std::uint32_t end = length * (i + 1) / pieces;
            elements.push_back({queue.address(buffer) + at, end - at, false});
            at = end;
        }
        const std::uint16_t id = queue.ring->add(elements, indirect);
        queue.publish();
        return id;
    }

    struct Received {
        virtio::NetHeader header;
        std::uint32_t used_length;
        Frame bytes;  // of this buffer, behind the header
    };
    // One used receive buffer, offered again at once.
    std::optional<Received> receive(unsigned pair) {
        BareQueue& queue = receiveq(pair);
        const auto used = queue.ring->take_used();
        if (!used || used->id >= queue.ring->size) return std::nullopt;
        const std::uint16_t i = queue.buffer_of_id[used->id];
        Received received{.header = {}, .used_length = used->length, .bytes = {}};
        std::memcpy(static_cast<void*>(&received.header), queue.buffer(i), sizeof received.header);
        const std::size_t end = std::min(used->length, BareQueue::buffer_size);
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
        const std::array<BareElement, 2> elements{
            {{queue.address(0), 4, false}, {.address = queue.address(1), .length = 1, .device_writes = true}}};
        queue.ring->add(elements);
        queue.publish();
    }
    std::optional<int> answer() {
        if (!controlq().ring->take_used()) return std::nullopt;
        return std::to_integer<int>(*controlq().buffer(1));
    }

    std::unique_ptr<virtio::Transport> transport;
    std::vector<support::EventFd> vectors;  // queue i of `queues` has vector i
    std::vector<std::unique_ptr<BareQueue>> queues;
};

// What a test of both rings is parameterised with.
struct BareRings {
    bool packed = false;
    bool in_order = false;
    bool event_idx = true;

    [[nodiscard]] virtio::FeatureSet features() const {
        virtio::FeatureSet features = usual_features;
        features.add(virtio::Feature::indirect_desc);
        if (packed) features.add(virtio::Feature::ring_packed);
        if (in_order) features.add(virtio::Feature::in_order);
        if (!event_idx) features.remove(virtio::Feature::event_idx);
        return features;
    }
    [[nodiscard]] std::string name() const {
        return std::string{packed ? "Packed" : "Split"} + (in_order ? "InOrder" : "") + (event_idx ? "EventIdx" : "");
    }
};

inline constexpr BareRings all_bare_rings[] = {{false, false, false}, {false, false, true}, {false, true, false},
                                               {false, true, true},   {true, false, false}, {true, false, true},
                                               {true, true, false},   {true, true, true}};

// Those for which `fits(rings)`.
template <typename Fits>
std::vector<BareRings> bare_rings(Fits fits) {
    std::vector<BareRings> chosen;
    std::ranges::copy_if(all_bare_rings, std::back_inserter(chosen), fits);
    return chosen;
}
inline const auto ring_name = [](const auto& test) { return test.param.name(); };

}  // namespace vmq::software
