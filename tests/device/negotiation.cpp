// The rules of initialisation.
#include "tests/device/negotiation.hpp"

#include <string>

#include "driver/virtio/spec.hpp"

namespace vmq::software {

namespace bits = virtio::device_status;
using virtio::Feature;

void Negotiation::accept(virtio::FeatureSet features) {
    if (!has(bits::driver)) violations_.add("features written before DRIVER");
    if (has(bits::features_ok)) violations_.add("features written after FEATURES_OK");
    if ((features & offered_) != features) violations_.add("a feature accepted that was not offered");
    accepted_.store(features.bits(), std::memory_order_relaxed);
}

bool Negotiation::features_are_acceptable() {
    const virtio::FeatureSet features = accepted();
    const struct {
        Feature feature, base;
    } needs[] = {{Feature::mq, Feature::ctrl_vq},
                 {Feature::ctrl_rx, Feature::ctrl_vq},
                 {Feature::ctrl_vlan, Feature::ctrl_vq},
                 {Feature::guest_announce, Feature::ctrl_vq},
                 {Feature::ctrl_mac_addr, Feature::ctrl_vq},
                 {Feature::ctrl_rx_extra, Feature::ctrl_vq},
                 {Feature::notf_coal, Feature::ctrl_vq},
                 {Feature::vq_notf_coal, Feature::ctrl_vq},
                 {Feature::device_stats, Feature::ctrl_vq},
                 {Feature::rss, Feature::ctrl_vq},
                 {Feature::host_tso4, Feature::csum},
                 {Feature::host_tso6, Feature::csum},
                 {Feature::host_uso, Feature::csum},
                 {Feature::guest_tso4, Feature::guest_csum},
                 {Feature::guest_tso6, Feature::guest_csum},
                 {Feature::guest_uso4, Feature::guest_csum},
                 {Feature::guest_uso6, Feature::guest_csum},
                 {Feature::ctrl_guest_offloads, Feature::ctrl_vq}};
    for (const auto& need : needs)
        if (features.has(need.feature) && !features.has(need.base)) {
            violations_.add("feature " + virtio::feature_name(static_cast<unsigned>(need.feature)) +
                            " accepted without its base");
            return false;
        }
    // 6.1: a device may refuse a driver that does not accept these.
    for (const Feature must : {Feature::version_1, Feature::access_platform})
        if (offered_.has(must) && !features.has(must)) return false;
    return !refuses_;
}

void Negotiation::write_status(std::uint8_t status) {
    const std::uint8_t before = this->status();
    if ((before & ~status & ~bits::needs_reset) != 0) violations_.add("a status bit cleared without a reset");
    const auto added = static_cast<std::uint8_t>(status & ~before);
    if ((added & bits::driver) != 0 && (status & bits::acknowledge) == 0) violations_.add("DRIVER before ACKNOWLEDGE");
    if ((added & bits::features_ok) != 0) {
        if ((before & bits::driver) == 0) violations_.add("FEATURES_OK before DRIVER");
        if (legacy_) violations_.add("FEATURES_OK on a legacy device");
        if (!features_are_acceptable()) status = static_cast<std::uint8_t>(status & ~bits::features_ok);
    }
    if ((added & bits::driver_ok) != 0 && !is_over()) violations_.add("DRIVER_OK before FEATURES_OK");
    status_.store(status, std::memory_order_relaxed);
}

bool Negotiation::is_over() const noexcept { return has(legacy_ ? bits::driver : bits::features_ok); }

void Negotiation::need_reset() noexcept { status_.fetch_or(bits::needs_reset, std::memory_order_relaxed); }

void Negotiation::reset() noexcept {
    accepted_.store(0, std::memory_order_relaxed);
    status_.store(0, std::memory_order_relaxed);
}

}  // namespace vmq::software
