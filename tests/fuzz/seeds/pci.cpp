// A good device's capabilities, registers and configuration, and some bad ones.
#include <array>

#include "driver/virtio/features.hpp"
#include "tests/fuzz/harness/script.hpp"
#include "tests/fuzz/harness/seeds.hpp"

namespace vmq::fuzz {
namespace {

using virtio::Feature;

// A configuration space as QEMU's device has it: four structures in BAR 4.
class Capabilities {
public:
    Capabilities() {
        bytes_[0x06] = std::byte{0x10};  // there is a list
        bytes_[0x10] = std::byte{0x01};  // BAR 0 is in I/O space
        add(0x40, 1, 0, 0x1000);
        add(0x50, 3, 0x1000, 0x1000);
        add(0x60, 4, 0x2000, 0x1000);
        add(0x70, 2, 0x3000, 0x1000, 20);
        bytes_[0x80] = std::byte{4};  // the multiplier
    }
    Capabilities& put(std::size_t at, unsigned value) {
        bytes_.at(at) = static_cast<std::byte>(value);
        return *this;
    }
    [[nodiscard]] std::vector<std::byte> take() const {
        constexpr unsigned log2_of_32 = 5;
        constexpr unsigned log2_of_16k = 14;
        Script script;
        script.u8(0).u8(log2_of_32).u8(0).u8(0).u8(0).u8(log2_of_16k).u8(0);
        return script.add_bytes(bytes_).u8(0).u16(3).take();
    }

private:
    void add(unsigned at, unsigned type, unsigned offset, unsigned length, unsigned size = 16) {
        put(link_, at).put(at, 9).put(at + 2, size).put(at + 3, type).put(at + 4, 4);
        put(at + 9, offset >> 8).put(at + 13, length >> 8);
        link_ = at + 1;
    }
    std::array<std::byte, 256> bytes_{};
    std::size_t link_ = 0x34;
};

// Every register reads as this byte, over and over.
std::vector<std::byte> registers(unsigned kind, unsigned byte) {
    Script script;
    script.u8(kind).u8(6).u8(40);
    for (int i = 0; i < 64; ++i) script.u8(byte);
    return script.take();
}

std::vector<std::byte> negotiation(virtio::FeatureSet features, unsigned pairs, unsigned wishes) {
    Script script;
    script.u8(3).add(features.bits()).u8(0x90).u8(10);
    script.u8(24).u32(0x5452'1200).u16(0xff12).u16(1).u16(pairs).u16(1500).u32(10'000).u8(1);
    script.u8(40).u16(128).u32(0x3f).u8(0);  // hash key, table and types
    return script.u8(wishes).take();
}

}  // namespace

std::vector<Seed> pci_seeds() {
    const virtio::FeatureSet plain{Feature::version_1, Feature::mac, Feature::status, Feature::mrg_rxbuf};
    const virtio::FeatureSet many =
        plain | virtio::FeatureSet{Feature::mq,          Feature::ctrl_vq, Feature::mtu,       Feature::rss,
                                   Feature::hash_report, Feature::csum,    Feature::guest_csum};
    return {{"capabilities", Capabilities{}.take(), 5},
            {"capabilities-loop", Capabilities{}.put(0x71, 0x40).take(), 0},
            {"capabilities-bad-bar", Capabilities{}.put(0x44, 7).take(), 0},
            {"capabilities-beyond-the-bar", Capabilities{}.put(0x4b, 0xff).take(), 0},
            {"capabilities-legacy", Capabilities{}.put(0x06, 0).take(), 0},
            {"modern-registers-of-zeroes", registers(1, 0), 6},
            {"modern-registers-gone", registers(1, 0xff), 2},
            {"legacy-registers-of-zeroes", registers(2, 0), 5},
            {"legacy-registers-gone", registers(2, 0xff), 1},
            {"negotiation", negotiation(plain, 1, 0), 2},
            {"negotiation-many", negotiation(many, 4, 3), 2},
            {"negotiation-no-pairs", negotiation(many, 0, 0), 2},
            {"negotiation-too-many-pairs", negotiation(many, 0xffff, 0), 2}};
}

}  // namespace vmq::fuzz
