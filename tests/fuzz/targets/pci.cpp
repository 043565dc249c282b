// What a PCI device tells of itself until it runs: capabilities, registers, configuration space and features.
// VIRTIO 1.3, 3.1.1, 4.1 and 5.1.4.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "driver/net/live_config.hpp"
#include "driver/net/negotiation.hpp"
#include "driver/support/mmio.hpp"
#include "driver/virtio/initialisation.hpp"
#include "driver/virtio/legacy_pci_transport.hpp"
#include "driver/virtio/pci_capabilities.hpp"
#include "driver/virtio/pci_registers.hpp"
#include "tests/fuzz/harness/targets.hpp"
#include "tests/fuzz/targets/allowed.hpp"
#include "tests/fuzz/targets/hostile_transport.hpp"

namespace vmq::fuzz {
namespace {

using namespace std::chrono_literals;

const std::string name = "0000:00:04.0";

std::size_t look_at_capabilities(Input& input) {
    std::array<std::uint64_t, 6> bar_sizes{};
    for (std::uint64_t& size : bar_sizes) {
        const std::uint8_t log2 = input.below(48);
        size = log2 == 0 ? 0 : std::uint64_t{1} << log2;
    }
    std::array<std::byte, 256> config{};
    std::ranges::copy(input.bytes(config.size()), config.begin());
    static_cast<void>(virtio::has_legacy_registers(config, bar_sizes[0]));
    std::size_t found = 0;
    const auto lies_inside = [&](const std::optional<virtio::PciStructure>& structure, std::uint32_t least) {
        if (!structure) return;
        require(structure->bar < bar_sizes.size(), "a structure is in one of the BARs");
        require(structure->length >= least, "a structure is long enough");
        require(std::uint64_t{structure->offset} + structure->length <= bar_sizes[structure->bar],
                "a structure is inside its BAR");
        ++found;
    };
    goes_through([&] {
        const auto structures = virtio::find_structures(config, bar_sizes, name);
        if (!structures) return;
        lies_inside(structures->common, 56);
        lies_inside(structures->notify, 2);
        lies_inside(structures->isr, 1);
        lies_inside(structures->device, 1);
        const virtio::NotifyPlace place{structures->notify_off_multiplier, structures->notify.length,
                                        input.below(2) == 0 ? 2U : 4U};
        const std::uint32_t at = virtio::notify_offset(place, input.u16(), virtio::QueueIndex{1}, name);
        require(std::uint64_t{at} + place.width <= structures->notify.length, "a doorbell is inside its structure");
        ++found;
    });
    return found;
}

// Registers that read as the input goes.
class HostileWindow {
public:
    HostileWindow(Input& input, std::size_t size) noexcept : input_(&input), size_(size) {}
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    template <typename T, support::Access access>
    [[nodiscard]] T read(support::Reg<T, access> reg) const noexcept {
        return load<T>(reg.offset);
    }
    template <typename T, support::Access access>
    void write(support::Reg<T, access> reg, T) const noexcept {
        require(reg.offset + sizeof(T) <= size_, "registers are written inside their window");
    }
    template <typename T>
    [[nodiscard]] T load(std::size_t offset) const noexcept {
        require(offset + sizeof(T) <= size_ && offset % std::min<std::size_t>(sizeof(T), 4) == 0,
                "registers are read inside their window, aligned");
        return input_->number<T>();
    }

private:
    Input* input_;
    std::size_t size_;
};

template <typename Registers>
std::size_t use_registers(Registers& registers, Input& input) {
    std::array<std::byte, 16> field{};
    std::size_t through = 0;
    through += goes_through([&] { registers.reset(0ms); });
    through += goes_through([&] { static_cast<void>(registers.device_features()); });
    through += goes_through([&] {
        const std::uint16_t size = registers.queue_size(virtio::QueueIndex{input.u16()});
        require(size <= virtio::max_queue_size, "a virtqueue has at most 32,768 descriptors");
    });
    through += goes_through([&] { static_cast<void>(registers.set_config_vector(virtio::VectorIndex{1})); });
    through += goes_through([&] {
        const virtio::QueueConfig queue{.size = 4,
                                        .descriptor_area = virtio::Iova{0x1000},
                                        .driver_area = virtio::Iova{0x1040},
                                        .device_area = virtio::Iova{0x2000},
                                        .vector = virtio::VectorIndex{1}};
        static_cast<void>(registers.enable_queue(virtio::QueueIndex{0}, queue));
    });
    through += goes_through([&] {
        const std::size_t offset = input.u8();
        registers.read_config(offset, std::span{field}.first(1 + input.below(field.size())));
    });
    return through;
}

std::size_t use_modern_registers(Input& input) {
    const HostileWindow common{input, 56U + input.below(8)};
    virtio::PciRegisters<HostileWindow> registers{common, {input, input.u8()}, name};
    std::size_t through = use_registers(registers, input);
    through += goes_through([&] { static_cast<void>(registers.notif_config_data(virtio::QueueIndex{0})); });
    if (registers.has_queue_reset())
        through += goes_through([&] { registers.reset_queue(virtio::QueueIndex{0}, 0ms); });
    return through;
}

std::size_t use_legacy_registers(Input& input) {
    virtio::LegacyRegisters<HostileWindow> registers{{input, 24U + input.u8()}, name};
    registers.set_msix(input.below(2) != 0);
    return use_registers(registers, input);
}

// Up to DRIVER_OK, without the rings.
std::size_t negotiate(Input& input) {
    HostileTransport transport{input};
    Options options;
    const std::uint8_t wishes = input.u8();
    options.receive_checksum = (wishes & 1) != 0;
    options.receive_coalescing = (wishes & 2) != 0;
    std::size_t through = 0;
    goes_through([&] {
        auto acknowledged = virtio::Reset{transport}.acknowledge();
        const virtio::FeatureSet offered = acknowledged.device_features();
        auto device = std::move(acknowledged).accept(net::choose_features(transport, offered, options));
        const virtio::FeatureSet features = device.features();
        require((features.bits() & ~offered.bits()) == 0, "no feature is accepted that was not offered");
        require(virtio::without_orphans(features) == features, "no feature is accepted without its base");
        const net::NetConfig config = net::read_net_config(transport, features);
        require(config.mtu >= 68, "the MTU is sound");
        require(config.max_queue_pairs != 0 && 2U * config.max_queue_pairs <= transport.queue_count(),
                "there are virtqueues for all pairs");
        require(!features.has(virtio::Feature::rss) || config.rss, "RSS has limits");
        ++through;
        static_cast<void>(std::move(device).start());
        static_cast<void>(net::differences({}, net::read_live_config(transport, features)));
        ++through;
    });
    return through;
}

}  // namespace

std::size_t pci(std::span<const std::byte> bytes) {
    Input input{bytes};
    switch (input.below(4)) {
        case 0:
            return look_at_capabilities(input);
        case 1:
            return use_modern_registers(input);
        case 2:
            return use_legacy_registers(input);
        default:
            return negotiate(input);
    }
}

}  // namespace vmq::fuzz
