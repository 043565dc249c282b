// Control commands and their answers.
#include "driver/net/device_stats.hpp"
#include "driver/virtio/features.hpp"
#include "driver/virtio/spec.hpp"
#include "tests/fuzz/harness/script.hpp"
#include "tests/fuzz/harness/seeds.hpp"

namespace vmq::fuzz {
namespace {

// How the device answers, as the target reads it.
namespace answer {
constexpr unsigned well = 0;
constexpr unsigned with_ack = 3;
constexpr unsigned as_said = 4;
constexpr unsigned never = 5;
constexpr unsigned scribbling = 6;
constexpr unsigned twice = 7;
}  // namespace answer

class Steps {
public:
    explicit Steps(unsigned kind) { script_.u8(kind); }
    // A command of six bytes, and the beginning of its answer.
    Steps& command(unsigned how) {
        script_.u8(3).u8(6).u32(0x0403'0201).u16(0x0605).u8(how);
        return *this;
    }
    Steps& well() {
        command(answer::well);
        script_.u8(0);
        return *this;
    }
    Steps& u8(unsigned value) {
        script_.u8(value);
        return *this;
    }
    Steps& u32(unsigned value) {
        script_.u32(value);
        return *this;
    }
    Steps& reset() { return u8(0); }
    Steps& use_late() { return u8(1); }
    [[nodiscard]] std::vector<std::byte> take() { return script_.take(); }

private:
    Script script_;
};

std::vector<std::byte> statistics() {
    const std::uint64_t types = std::uint64_t{1} << virtio::stats_type::cvq;
    virtio::StatsReplyHeader header{};
    header.type = virtio::stats_type::cvq;
    header.size = static_cast<std::uint16_t>(net::stats_size(types));
    Script script;
    script.u8(1).u8(2).add(types).u8(net::stats_size(types) & 0xff);
    script.add_bytes(std::as_bytes(std::span{&header, 1})).add(std::uint64_t{17}).add(std::uint64_t{16});
    return script.take();
}

// A device with four pairs, through all of the operator's commands.
std::vector<std::byte> whole_device(bool is_silent) {
    using virtio::Feature;
    constexpr virtio::FeatureSet features{Feature::version_1,    Feature::ctrl_vq,        Feature::mq,
                                          Feature::ctrl_rx,      Feature::ctrl_rx_extra,  Feature::ctrl_mac_addr,
                                          Feature::ctrl_vlan,    Feature::notf_coal,      Feature::mrg_rxbuf,
                                          Feature::device_stats, Feature::guest_announce, Feature::mac,
                                          Feature::status,       Feature::guest_csum,     Feature::ctrl_guest_offloads};
    Script script;
    script.u8(0xff).u8(1).add(features.bits()).u8(is_silent ? 0x94 : 0x90).u8(10);
    script.u8(12).u32(0x5452'1200).u16(0xff12).u16(3).u16(4).u16(1500);
    // Every virtqueue has 16 entries: what else is asked for agrees with that byte.
    for (int i = 0; i < 90; ++i) script.u8(4);
    for (unsigned command = 0; command < 12; ++command) script.u8(command).u8(4).u8(4).u8(4);
    return script.take();
}

}  // namespace

std::vector<Seed> control_reply_seeds() {
    return {{"good", Steps(0).well().well().well().take(), 3},
            {"good-packed", Steps(1).well().well().well().take(), 3},
            {"good-legacy", Steps(4).well().well().well().take(), 3},
            {"good-small", Steps(8).well().well().well().take(), 3},
            {"refused", Steps(0).command(answer::with_ack).u8(1).u8(0).well().take(), 1},
            {"never", Steps(0).command(answer::never).well().reset().well().take(), 1},
            {"late", Steps(0).command(answer::never).use_late().well().reset().well().take(), 1},
            {"late-packed", Steps(1).command(answer::never).use_late().well().reset().well().take(), 1},
            {"twice", Steps(0).command(answer::twice).u8(0).well().reset().well().take(), 2},
            {"scribbling", Steps(0).command(answer::scribbling).u8(0).u8(0).u8(4).u32(0xffff'ffff).well().take(), 1},
            {"bad-id", Steps(0).command(answer::as_said).u8(0).u32(99).u32(1).u8(1).well().reset().well().take(), 1},
            {"statistics", statistics(), 2},
            {"device", whole_device(false), 25},
            {"device-that-never-answers", whole_device(true), 0}};
}

}  // namespace vmq::fuzz
