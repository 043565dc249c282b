// What the application has set, put in force on a device that was reset and so has forgotten it, and what all settings
// have in common. VIRTIO 1.3, 2.1.1 and 5.1.6.5.
#include <exception>
#include <string>

#include <vmq/error.hpp>

#include "driver/net/net_device.hpp"
#include "driver/support/errors.hpp"

namespace vmq::net {

// After DRIVER_OK, since it takes commands. Every setting has its line here, and is its own file's business.
void NetDevice::put_settings_in_force() {
    put_mac_in_force();
    put_receive_mode_in_force();
    put_mac_filters_in_force();
    put_vlans_in_force();
    put_coalescing_in_force();
    start_hashing();
    start_receive_offloads();
    if (queue_pairs() > 1) command_queue_pairs(queue_pairs());
}

void NetDevice::require_feature(virtio::Feature feature, const std::string& what) const {
    if (features_.has(feature)) return;
    const std::string name = virtio::feature_name(static_cast<unsigned>(feature));
    const bool offered = device_features_.has(feature);
    support::fail(
        Errc::unsupported,
        name_ + ": " + what + (offered ? ": " + name + " was not negotiated" : ": the device does not offer " + name));
}

void NetDevice::require_commands(const std::string& what) const {
    const std::string subject = name_ + ": " + what;
    if (stopped_) support::fail(Errc::device_removed, subject + ": the device has stopped");
    if (lost_)
        support::fail(Errc::device_removed, subject + ": the device is away", "it is waited for; try again then");
    control_->require_usable(subject);
}

void NetDevice::command(virtio::ControlClass control_class, std::uint8_t command, std::span<const std::byte> data,
                        const std::string& name, std::span<std::byte> result) {
    control_->execute(control_class, command, data, options_.command_deadline, name_ + ": " + name, result);
}

void NetDevice::change_all(const std::vector<Change>& changes) {
    std::size_t made = 0;
    try {
        for (; made < changes.size(); ++made) changes[made].make();
    } catch (...) {
        while (made-- > 0) undo(changes[made]);
        throw;
    }
}

// The change has failed already, and says why.
void NetDevice::undo(const Change& change) noexcept {
    try {
        if (control_->usable()) change.undo();
    } catch (const std::exception& error) {
        log(LogLevel::error, error.what());
    }
}

}  // namespace vmq::net
