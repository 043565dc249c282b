// Feature bits: names, sets and the rules between them. VIRTIO 1.3, 2.2, 5.1.3 and 6.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vmq::virtio {

enum class Feature : unsigned {
    csum = 0,
    guest_csum = 1,
    ctrl_guest_offloads = 2,
    mtu = 3,
    mac = 5,
    guest_tso4 = 7,
    guest_tso6 = 8,
    guest_ecn = 9,
    guest_ufo = 10,
    host_tso4 = 11,
    host_tso6 = 12,
    host_ecn = 13,
    host_ufo = 14,
    mrg_rxbuf = 15,
    status = 16,
    ctrl_vq = 17,
    ctrl_rx = 18,
    ctrl_vlan = 19,
    ctrl_rx_extra = 20,
    guest_announce = 21,
    mq = 22,
    ctrl_mac_addr = 23,
    any_layout = 27,
    indirect_desc = 28,
    event_idx = 29,
    version_1 = 32,
    access_platform = 33,
    ring_packed = 34,
    in_order = 35,
    order_platform = 36,
    sr_iov = 37,
    notification_data = 38,
    notif_config_data = 39,
    ring_reset = 40,
    admin_vq = 41,
    device_stats = 50,
    hash_tunnel = 51,
    vq_notf_coal = 52,
    notf_coal = 53,
    guest_uso4 = 54,
    guest_uso6 = 55,
    host_uso = 56,
    hash_report = 57,
    guest_hdrlen = 59,
    rss = 60,
    rsc_ext = 61,
    standby = 62,
    speed_duplex = 63,
};

class FeatureSet {
public:
    constexpr FeatureSet() noexcept = default;
    constexpr explicit FeatureSet(std::uint64_t bits) noexcept : bits_(bits) {}
    template <typename... Rest>
    constexpr explicit FeatureSet(Feature first, Rest... rest) noexcept : bits_(bit(first) | (bit(rest) | ... | 0)) {}

    [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
    [[nodiscard]] constexpr bool has(Feature feature) const noexcept { return (bits_ & bit(feature)) != 0; }
    constexpr void add(Feature feature) noexcept { bits_ |= bit(feature); }
    constexpr void remove(Feature feature) noexcept { bits_ &= ~bit(feature); }
    [[nodiscard]] constexpr FeatureSet operator&(FeatureSet other) const noexcept {
        return FeatureSet{bits_ & other.bits_};
    }
    [[nodiscard]] constexpr FeatureSet operator|(FeatureSet other) const noexcept {
        return FeatureSet{bits_ | other.bits_};
    }
    constexpr bool operator==(const FeatureSet&) const = default;

private:
    static constexpr std::uint64_t bit(Feature feature) noexcept {
        return std::uint64_t{1} << static_cast<unsigned>(feature);
    }
    std::uint64_t bits_ = 0;
};

// The specification's spelling without its prefix ("MRG_RXBUF"); a reserved or unknown bit is "BIT_42".
[[nodiscard]] std::string feature_name(unsigned bit);
[[nodiscard]] std::vector<std::string> feature_names(FeatureSet features);
// Accepts any case and an optional VIRTIO_NET_F_ or VIRTIO_F_ prefix; throws std::invalid_argument naming the word.
[[nodiscard]] Feature parse_feature(std::string_view name);

// Removes every feature whose base is missing, until nothing changes (MQ needs CTRL_VQ, and so on; 5.1.3.1).
[[nodiscard]] FeatureSet without_orphans(FeatureSet features) noexcept;

}  // namespace vmq::virtio
