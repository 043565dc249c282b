// The receive mode: one command a member. VIRTIO 1.3, 5.1.6.5.1.
#include <array>
#include <cstdint>
#include <string>
#include <system_error>

#include <vmq/error.hpp>

#include "driver/net/net_device.hpp"

namespace vmq::net {

namespace {

using virtio::Feature;
namespace commands = virtio::rx_command;

struct Switch {
    std::uint8_t command;
    Feature feature;
    bool ReceiveMode::*member;
    const char* name;
};

constexpr std::array switches{
    Switch{commands::promisc, Feature::ctrl_rx, &ReceiveMode::promiscuous, "PROMISC"},
    Switch{commands::allmulti, Feature::ctrl_rx, &ReceiveMode::all_multicast, "ALLMULTI"},
    Switch{commands::alluni, Feature::ctrl_rx_extra, &ReceiveMode::all_unicast, "ALLUNI"},
    Switch{commands::nomulti, Feature::ctrl_rx_extra, &ReceiveMode::no_multicast, "NOMULTI"},
    Switch{commands::nouni, Feature::ctrl_rx_extra, &ReceiveMode::no_unicast, "NOUNI"},
    Switch{commands::nobcast, Feature::ctrl_rx_extra, &ReceiveMode::no_broadcast, "NOBCAST"},
};

}  // namespace

void NetDevice::set_receive_mode(const ReceiveMode& mode) {
    const ReceiveMode old = settings_.receive_mode;
    std::vector<Change> changes;
    for (const Switch& one : switches) {
        const bool on = mode.*one.member;
        if (old.*one.member == on) continue;
        require_feature(one.feature, "receive mode");
        const auto turn = [this, &one](bool to) { command_receive_mode(one.command, to, one.name); };
        changes.push_back({[turn, on] { turn(on); }, [turn, on] { turn(!on); }});
    }
    if (changes.empty()) return;
    require_commands("receive mode");
    change_all(changes);
    settings_.receive_mode = mode;
}

// A device starts with all of them off but, as QEMU's does, promiscuous; the specification does not say.
void NetDevice::put_receive_mode_in_force() {
    for (const Switch& one : switches) {
        if (!features_.has(one.feature)) continue;
        if (one.command == commands::promisc) {
            put_promiscuous_in_force();
        } else if (settings_.receive_mode.*one.member) {
            command_receive_mode(one.command, true, one.name);
        }
    }
}

// A virtual function whose host does not trust it may not be promiscuous, and is of use without.
void NetDevice::put_promiscuous_in_force() {
    bool& on = settings_.receive_mode.promiscuous;
    try {
        command_receive_mode(commands::promisc, on, "PROMISC");
    } catch (const std::system_error& error) {
        if (!on || error.code() != Errc::device_refused) throw;
        on = false;
        log(LogLevel::warning, name_ + ": the device refuses to be promiscuous; it receives what is for its address " +
                                   "and what the filters name");
    }
}

void NetDevice::command_receive_mode(std::uint8_t which, bool on, const std::string& name) {
    const std::byte data{on};
    command(virtio::ControlClass::rx, which, {&data, 1}, "VIRTIO_NET_CTRL_RX_" + name + (on ? " 1" : " 0"));
}

}  // namespace vmq::net
