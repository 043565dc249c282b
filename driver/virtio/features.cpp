// Names of the feature bits and the rules between them. VIRTIO 1.3, 2.2, 5.1.3 and 6.
#include "driver/virtio/features.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

namespace vmq::virtio {
namespace {

struct Name {
    Feature feature;
    std::string_view text;
};

constexpr std::array names{
    Name{Feature::csum, "CSUM"},
    Name{Feature::guest_csum, "GUEST_CSUM"},
    Name{Feature::ctrl_guest_offloads, "CTRL_GUEST_OFFLOADS"},
    Name{Feature::mtu, "MTU"},
    Name{Feature::mac, "MAC"},
    Name{Feature::guest_tso4, "GUEST_TSO4"},
    Name{Feature::guest_tso6, "GUEST_TSO6"},
    Name{Feature::guest_ecn, "GUEST_ECN"},
    Name{Feature::guest_ufo, "GUEST_UFO"},
    Name{Feature::host_tso4, "HOST_TSO4"},
    Name{Feature::host_tso6, "HOST_TSO6"},
    Name{Feature::host_ecn, "HOST_ECN"},
    Name{Feature::host_ufo, "HOST_UFO"},
    Name{Feature::mrg_rxbuf, "MRG_RXBUF"},
    Name{Feature::status, "STATUS"},
    Name{Feature::ctrl_vq, "CTRL_VQ"},
    Name{Feature::ctrl_rx, "CTRL_RX"},
    Name{Feature::ctrl_vlan, "CTRL_VLAN"},
    Name{Feature::ctrl_rx_extra, "CTRL_RX_EXTRA"},
    Name{Feature::guest_announce, "GUEST_ANNOUNCE"},
    Name{Feature::mq, "MQ"},
    Name{Feature::ctrl_mac_addr, "CTRL_MAC_ADDR"},
    Name{Feature::any_layout, "ANY_LAYOUT"},
    Name{Feature::indirect_desc, "INDIRECT_DESC"},
    Name{Feature::event_idx, "EVENT_IDX"},
    Name{Feature::version_1, "VERSION_1"},
    Name{Feature::access_platform, "ACCESS_PLATFORM"},
    Name{Feature::ring_packed, "RING_PACKED"},
    Name{Feature::in_order, "IN_ORDER"},
    Name{Feature::order_platform, "ORDER_PLATFORM"},
    Name{Feature::sr_iov, "SR_IOV"},
    Name{Feature::notification_data, "NOTIFICATION_DATA"},
    Name{Feature::notif_config_data, "NOTIF_CONFIG_DATA"},
    Name{Feature::ring_reset, "RING_RESET"},
    Name{Feature::admin_vq, "ADMIN_VQ"},
    Name{Feature::device_stats, "DEVICE_STATS"},
    Name{Feature::hash_tunnel, "HASH_TUNNEL"},
    Name{Feature::vq_notf_coal, "VQ_NOTF_COAL"},
    Name{Feature::notf_coal, "NOTF_COAL"},
    Name{Feature::guest_uso4, "GUEST_USO4"},
    Name{Feature::guest_uso6, "GUEST_USO6"},
    Name{Feature::host_uso, "HOST_USO"},
    Name{Feature::hash_report, "HASH_REPORT"},
    Name{Feature::guest_hdrlen, "GUEST_HDRLEN"},
    Name{Feature::rss, "RSS"},
    Name{Feature::rsc_ext, "RSC_EXT"},
    Name{Feature::standby, "STANDBY"},
    Name{Feature::speed_duplex, "SPEED_DUPLEX"},
};

// A feature stays only while one of its bases is there. A feature may have several rules.
struct Rule {
    Feature feature;
    FeatureSet any_of;
};

constexpr FeatureSet only(Feature base) { return FeatureSet{base}; }

constexpr std::array rules{
    Rule{Feature::guest_tso4, only(Feature::guest_csum)},
    Rule{Feature::guest_tso6, only(Feature::guest_csum)},
    Rule{Feature::guest_ecn, FeatureSet{Feature::guest_tso4, Feature::guest_tso6}},
    Rule{Feature::guest_ufo, only(Feature::guest_csum)},
    Rule{Feature::guest_uso4, only(Feature::guest_csum)},
    Rule{Feature::guest_uso6, only(Feature::guest_csum)},
    Rule{Feature::host_tso4, only(Feature::csum)},
    Rule{Feature::host_tso6, only(Feature::csum)},
    Rule{Feature::host_ecn, FeatureSet{Feature::host_tso4, Feature::host_tso6}},
    Rule{Feature::host_ufo, only(Feature::csum)},
    Rule{Feature::host_uso, only(Feature::csum)},
    Rule{Feature::rsc_ext, FeatureSet{Feature::host_tso4, Feature::host_tso6}},
    Rule{Feature::ctrl_rx, only(Feature::ctrl_vq)},
    Rule{Feature::ctrl_vlan, only(Feature::ctrl_vq)},
    Rule{Feature::guest_announce, only(Feature::ctrl_vq)},
    Rule{Feature::mq, only(Feature::ctrl_vq)},
    Rule{Feature::ctrl_mac_addr, only(Feature::ctrl_vq)},
    Rule{Feature::notf_coal, only(Feature::ctrl_vq)},
    Rule{Feature::vq_notf_coal, only(Feature::ctrl_vq)},
    Rule{Feature::rss, only(Feature::ctrl_vq)},
    Rule{Feature::hash_tunnel, only(Feature::ctrl_vq)},
    Rule{Feature::hash_tunnel, FeatureSet{Feature::rss, Feature::hash_report}},
    // 5.1.3.1 does not list these, but without a control queue their commands cannot be sent.
    Rule{Feature::ctrl_guest_offloads, only(Feature::ctrl_vq)},
    Rule{Feature::ctrl_rx_extra, only(Feature::ctrl_vq)},
    Rule{Feature::device_stats, only(Feature::ctrl_vq)},
    Rule{Feature::hash_report, only(Feature::ctrl_vq)},
};

std::string upper_case(std::string_view text) {
    std::string upper{text};
    std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return upper;
}

}  // namespace

std::string feature_name(unsigned bit) {
    const auto known =
        std::ranges::find_if(names, [bit](const Name& name) { return static_cast<unsigned>(name.feature) == bit; });
    return known == names.end() ? "BIT_" + std::to_string(bit) : std::string{known->text};
}

std::vector<std::string> feature_names(FeatureSet features) {
    std::vector<std::string> list;
    for (unsigned bit = 0; bit < 64; ++bit)
        if ((features.bits() >> bit & 1) != 0) list.push_back(feature_name(bit));
    return list;
}

Feature parse_feature(std::string_view name) {
    const std::string upper = upper_case(name);
    std::string_view word = upper;
    for (const std::string_view prefix : {"VIRTIO_NET_F_", "VIRTIO_F_"}) {
        if (word.starts_with(prefix)) {
            word.remove_prefix(prefix.size());
            break;
        }
    }
    const auto known = std::ranges::find(names, word, &Name::text);
    if (known == names.end())
        throw std::invalid_argument("unknown virtio feature \"" + std::string{name} + "\" (a name is like MRG_RXBUF)");
    return known->feature;
}

FeatureSet without_orphans(FeatureSet features) noexcept {
    for (bool changed = true; changed;) {
        changed = false;
        for (const Rule& rule : rules) {
            if (!features.has(rule.feature) || (features & rule.any_of).bits() != 0) continue;
            features.remove(rule.feature);
            changed = true;
        }
    }
    return features;
}

}  // namespace vmq::virtio
