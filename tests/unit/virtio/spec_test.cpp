// Our numbers and layouts beside those of the kernel's headers.
#include "driver/virtio/spec.hpp"

#define class class_  // a field of <linux/virtio_net.h>
#include <linux/virtio_net.h>
#undef class
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#define VIRTIO_RING_NO_LEGACY 1  // what it hides is not C++
#include <cstddef>
#include <linux/virtio_ring.h>

#include <gtest/gtest.h>

#include "driver/virtio/features.hpp"
#include "driver/virtio/pci_registers.hpp"
#include "driver/virtio/types.hpp"

namespace vmq::virtio {
namespace {

template <typename T>
constexpr int number(T value) {
    return static_cast<int>(value);
}

TEST(Spec, DeviceStatus) {
    EXPECT_EQ(device_status::acknowledge, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    EXPECT_EQ(device_status::driver, VIRTIO_CONFIG_S_DRIVER);
    EXPECT_EQ(device_status::driver_ok, VIRTIO_CONFIG_S_DRIVER_OK);
    EXPECT_EQ(device_status::features_ok, VIRTIO_CONFIG_S_FEATURES_OK);
    EXPECT_EQ(device_status::needs_reset, VIRTIO_CONFIG_S_NEEDS_RESET);
    EXPECT_EQ(device_status::failed, VIRTIO_CONFIG_S_FAILED);
}

TEST(Spec, SplitRing) {
    EXPECT_EQ(descriptor_flags::next, VRING_DESC_F_NEXT);
    EXPECT_EQ(descriptor_flags::write, VRING_DESC_F_WRITE);
    EXPECT_EQ(available_flags::no_interrupt, VRING_AVAIL_F_NO_INTERRUPT);
    EXPECT_EQ(used_flags::no_notify, VRING_USED_F_NO_NOTIFY);
    EXPECT_EQ(sizeof(Descriptor), sizeof(vring_desc));
    EXPECT_EQ(offsetof(Descriptor, addr), offsetof(vring_desc, addr));
    EXPECT_EQ(offsetof(Descriptor, len), offsetof(vring_desc, len));
    EXPECT_EQ(offsetof(Descriptor, flags), offsetof(vring_desc, flags));
    EXPECT_EQ(offsetof(Descriptor, next), offsetof(vring_desc, next));
    EXPECT_EQ(sizeof(RingHeader), offsetof(vring_avail, ring));
    EXPECT_EQ(offsetof(RingHeader, flags), offsetof(vring_avail, flags));
    EXPECT_EQ(offsetof(RingHeader, idx), offsetof(vring_avail, idx));
    EXPECT_EQ(sizeof(RingHeader), offsetof(vring_used, ring));
    EXPECT_EQ(sizeof(UsedElement), sizeof(vring_used_elem));
    EXPECT_EQ(offsetof(UsedElement, id), offsetof(vring_used_elem, id));
    EXPECT_EQ(offsetof(UsedElement, len), offsetof(vring_used_elem, len));
}

TEST(Spec, Pci) {
    EXPECT_EQ(no_vector.value, VIRTIO_MSI_NO_VECTOR);
    EXPECT_EQ(pci::net_device_id, 0x1040 + VIRTIO_ID_NET);
    EXPECT_EQ(pci::transitional_net_device_id, VIRTIO_TRANS_ID_NET);
    EXPECT_EQ(number(pci::StructureType::common), VIRTIO_PCI_CAP_COMMON_CFG);
    EXPECT_EQ(number(pci::StructureType::notify), VIRTIO_PCI_CAP_NOTIFY_CFG);
    EXPECT_EQ(number(pci::StructureType::isr), VIRTIO_PCI_CAP_ISR_CFG);
    EXPECT_EQ(number(pci::StructureType::device), VIRTIO_PCI_CAP_DEVICE_CFG);
    EXPECT_EQ(number(pci::StructureType::pci_access), VIRTIO_PCI_CAP_PCI_CFG);
    EXPECT_EQ(number(pci::StructureType::shared_memory), VIRTIO_PCI_CAP_SHARED_MEMORY_CFG);
    EXPECT_EQ(pci::vendor_capability, PCI_CAP_ID_VNDR);
}

TEST(Spec, CommonConfigurationRegisters) {
    EXPECT_EQ(common_config::device_feature_select.offset, number(VIRTIO_PCI_COMMON_DFSELECT));
    EXPECT_EQ(common_config::device_feature.offset, number(VIRTIO_PCI_COMMON_DF));
    EXPECT_EQ(common_config::driver_feature_select.offset, number(VIRTIO_PCI_COMMON_GFSELECT));
    EXPECT_EQ(common_config::driver_feature.offset, number(VIRTIO_PCI_COMMON_GF));
    EXPECT_EQ(common_config::config_msix_vector.offset, number(VIRTIO_PCI_COMMON_MSIX));
    EXPECT_EQ(common_config::num_queues.offset, number(VIRTIO_PCI_COMMON_NUMQ));
    EXPECT_EQ(common_config::device_status.offset, number(VIRTIO_PCI_COMMON_STATUS));
    EXPECT_EQ(common_config::config_generation.offset, number(VIRTIO_PCI_COMMON_CFGGENERATION));
    EXPECT_EQ(common_config::queue_select.offset, number(VIRTIO_PCI_COMMON_Q_SELECT));
    EXPECT_EQ(common_config::queue_size.offset, number(VIRTIO_PCI_COMMON_Q_SIZE));
    EXPECT_EQ(common_config::queue_msix_vector.offset, number(VIRTIO_PCI_COMMON_Q_MSIX));
    EXPECT_EQ(common_config::queue_enable.offset, number(VIRTIO_PCI_COMMON_Q_ENABLE));
    EXPECT_EQ(common_config::queue_notify_off.offset, number(VIRTIO_PCI_COMMON_Q_NOFF));
    EXPECT_EQ(common_config::queue_desc.offset, number(VIRTIO_PCI_COMMON_Q_DESCLO));
    EXPECT_EQ(common_config::queue_driver.offset, number(VIRTIO_PCI_COMMON_Q_AVAILLO));
    EXPECT_EQ(common_config::queue_device.offset, number(VIRTIO_PCI_COMMON_Q_USEDLO));
}

TEST(Spec, NetHeader) {
    EXPECT_EQ(sizeof(NetHeader), sizeof(virtio_net_hdr_v1));
    EXPECT_EQ(offsetof(NetHeader, flags), offsetof(virtio_net_hdr_v1, flags));
    EXPECT_EQ(offsetof(NetHeader, gso_type), offsetof(virtio_net_hdr_v1, gso_type));
    EXPECT_EQ(offsetof(NetHeader, hdr_len), offsetof(virtio_net_hdr_v1, hdr_len));
    EXPECT_EQ(offsetof(NetHeader, gso_size), offsetof(virtio_net_hdr_v1, gso_size));
    EXPECT_EQ(offsetof(NetHeader, csum_start), offsetof(virtio_net_hdr_v1, csum_start));
    EXPECT_EQ(offsetof(NetHeader, csum_offset), offsetof(virtio_net_hdr_v1, csum_offset));
    EXPECT_EQ(offsetof(NetHeader, num_buffers), offsetof(virtio_net_hdr_v1, num_buffers));
    EXPECT_EQ(net_header_flags::needs_csum, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    EXPECT_EQ(net_header_flags::data_valid, VIRTIO_NET_HDR_F_DATA_VALID);
    EXPECT_EQ(net_header_flags::rsc_info, VIRTIO_NET_HDR_F_RSC_INFO);
    EXPECT_EQ(gso_type::none, VIRTIO_NET_HDR_GSO_NONE);
    EXPECT_EQ(gso_type::tcpv4, VIRTIO_NET_HDR_GSO_TCPV4);
    EXPECT_EQ(gso_type::udp, VIRTIO_NET_HDR_GSO_UDP);
    EXPECT_EQ(gso_type::tcpv6, VIRTIO_NET_HDR_GSO_TCPV6);
    EXPECT_EQ(gso_type::ecn, VIRTIO_NET_HDR_GSO_ECN);
#ifdef VIRTIO_NET_HDR_GSO_UDP_L4
    EXPECT_EQ(gso_type::udp_l4, VIRTIO_NET_HDR_GSO_UDP_L4);
#endif
}

TEST(Spec, NetConfiguration) {
    EXPECT_EQ(net_config::mac, offsetof(virtio_net_config, mac));
    EXPECT_EQ(net_config::status, offsetof(virtio_net_config, status));
    EXPECT_EQ(net_config::max_virtqueue_pairs, offsetof(virtio_net_config, max_virtqueue_pairs));
    EXPECT_EQ(net_config::mtu, offsetof(virtio_net_config, mtu));
    EXPECT_EQ(net_config::speed, offsetof(virtio_net_config, speed));
    EXPECT_EQ(net_config::duplex, offsetof(virtio_net_config, duplex));
    EXPECT_EQ(net_status::link_up, VIRTIO_NET_S_LINK_UP);
    EXPECT_EQ(net_status::announce, VIRTIO_NET_S_ANNOUNCE);
}

TEST(Spec, Control) {
    EXPECT_EQ(sizeof(ControlHeader), sizeof(virtio_net_ctrl_hdr));
    EXPECT_EQ(offsetof(ControlHeader, control_class), offsetof(virtio_net_ctrl_hdr, class_));
    EXPECT_EQ(offsetof(ControlHeader, command), offsetof(virtio_net_ctrl_hdr, cmd));
    EXPECT_EQ(number(ControlClass::rx), VIRTIO_NET_CTRL_RX);
    EXPECT_EQ(number(ControlClass::mac), VIRTIO_NET_CTRL_MAC);
    EXPECT_EQ(number(ControlClass::vlan), VIRTIO_NET_CTRL_VLAN);
    EXPECT_EQ(number(ControlClass::announce), VIRTIO_NET_CTRL_ANNOUNCE);
    EXPECT_EQ(number(ControlClass::mq), VIRTIO_NET_CTRL_MQ);
    EXPECT_EQ(number(ControlClass::guest_offloads), VIRTIO_NET_CTRL_GUEST_OFFLOADS);
#ifdef VIRTIO_NET_CTRL_NOTF_COAL
    EXPECT_EQ(number(ControlClass::notf_coal), VIRTIO_NET_CTRL_NOTF_COAL);
#endif
    EXPECT_EQ(number(ControlAck::ok), VIRTIO_NET_OK);
    EXPECT_EQ(number(ControlAck::err), VIRTIO_NET_ERR);
    EXPECT_EQ(announce_command::ack, VIRTIO_NET_CTRL_ANNOUNCE_ACK);
    EXPECT_EQ(rx_command::promisc, VIRTIO_NET_CTRL_RX_PROMISC);
    EXPECT_EQ(rx_command::allmulti, VIRTIO_NET_CTRL_RX_ALLMULTI);
    EXPECT_EQ(rx_command::alluni, VIRTIO_NET_CTRL_RX_ALLUNI);
    EXPECT_EQ(rx_command::nomulti, VIRTIO_NET_CTRL_RX_NOMULTI);
    EXPECT_EQ(rx_command::nouni, VIRTIO_NET_CTRL_RX_NOUNI);
    EXPECT_EQ(rx_command::nobcast, VIRTIO_NET_CTRL_RX_NOBCAST);
    EXPECT_EQ(mac_command::table_set, VIRTIO_NET_CTRL_MAC_TABLE_SET);
    EXPECT_EQ(mac_command::addr_set, VIRTIO_NET_CTRL_MAC_ADDR_SET);
    EXPECT_EQ(vlan_command::add, VIRTIO_NET_CTRL_VLAN_ADD);
    EXPECT_EQ(vlan_command::del, VIRTIO_NET_CTRL_VLAN_DEL);
#ifdef VIRTIO_NET_CTRL_NOTF_COAL
    EXPECT_EQ(coalescing_command::tx_set, VIRTIO_NET_CTRL_NOTF_COAL_TX_SET);
    EXPECT_EQ(coalescing_command::rx_set, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET);
    EXPECT_EQ(offsetof(ControlCoalescing, max_packets), offsetof(virtio_net_ctrl_coal_rx, rx_max_packets));
    EXPECT_EQ(offsetof(ControlCoalescing, max_usecs), offsetof(virtio_net_ctrl_coal_rx, rx_usecs));
#endif
    EXPECT_EQ(mq_command::vq_pairs_set, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET);
    EXPECT_EQ(vq_pairs_min, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN);
    EXPECT_EQ(vq_pairs_max, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX);
}

TEST(Spec, FeatureBits) {
    EXPECT_EQ(number(Feature::csum), VIRTIO_NET_F_CSUM);
    EXPECT_EQ(number(Feature::guest_csum), VIRTIO_NET_F_GUEST_CSUM);
    EXPECT_EQ(number(Feature::ctrl_guest_offloads), VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
    EXPECT_EQ(number(Feature::mtu), VIRTIO_NET_F_MTU);
    EXPECT_EQ(number(Feature::mac), VIRTIO_NET_F_MAC);
    EXPECT_EQ(number(Feature::guest_tso4), VIRTIO_NET_F_GUEST_TSO4);
    EXPECT_EQ(number(Feature::guest_tso6), VIRTIO_NET_F_GUEST_TSO6);
    EXPECT_EQ(number(Feature::guest_ecn), VIRTIO_NET_F_GUEST_ECN);
    EXPECT_EQ(number(Feature::guest_ufo), VIRTIO_NET_F_GUEST_UFO);
    EXPECT_EQ(number(Feature::host_tso4), VIRTIO_NET_F_HOST_TSO4);
    EXPECT_EQ(number(Feature::host_tso6), VIRTIO_NET_F_HOST_TSO6);
    EXPECT_EQ(number(Feature::host_ecn), VIRTIO_NET_F_HOST_ECN);
    EXPECT_EQ(number(Feature::host_ufo), VIRTIO_NET_F_HOST_UFO);
    EXPECT_EQ(number(Feature::mrg_rxbuf), VIRTIO_NET_F_MRG_RXBUF);
    EXPECT_EQ(number(Feature::status), VIRTIO_NET_F_STATUS);
    EXPECT_EQ(number(Feature::ctrl_vq), VIRTIO_NET_F_CTRL_VQ);
    EXPECT_EQ(number(Feature::ctrl_rx), VIRTIO_NET_F_CTRL_RX);
    EXPECT_EQ(number(Feature::ctrl_vlan), VIRTIO_NET_F_CTRL_VLAN);
    EXPECT_EQ(number(Feature::ctrl_rx_extra), VIRTIO_NET_F_CTRL_RX_EXTRA);
    EXPECT_EQ(number(Feature::guest_announce), VIRTIO_NET_F_GUEST_ANNOUNCE);
    EXPECT_EQ(number(Feature::mq), VIRTIO_NET_F_MQ);
    EXPECT_EQ(number(Feature::ctrl_mac_addr), VIRTIO_NET_F_CTRL_MAC_ADDR);
    EXPECT_EQ(number(Feature::hash_report), VIRTIO_NET_F_HASH_REPORT);
    EXPECT_EQ(number(Feature::rss), VIRTIO_NET_F_RSS);
    EXPECT_EQ(number(Feature::rsc_ext), VIRTIO_NET_F_RSC_EXT);
    EXPECT_EQ(number(Feature::standby), VIRTIO_NET_F_STANDBY);
    EXPECT_EQ(number(Feature::speed_duplex), VIRTIO_NET_F_SPEED_DUPLEX);
    EXPECT_EQ(number(Feature::any_layout), VIRTIO_F_ANY_LAYOUT);
    EXPECT_EQ(number(Feature::indirect_desc), VIRTIO_RING_F_INDIRECT_DESC);
    EXPECT_EQ(number(Feature::event_idx), VIRTIO_RING_F_EVENT_IDX);
    EXPECT_EQ(number(Feature::version_1), VIRTIO_F_VERSION_1);
    EXPECT_EQ(number(Feature::access_platform), VIRTIO_F_ACCESS_PLATFORM);
    EXPECT_EQ(number(Feature::ring_packed), VIRTIO_F_RING_PACKED);
    EXPECT_EQ(number(Feature::in_order), VIRTIO_F_IN_ORDER);
    EXPECT_EQ(number(Feature::order_platform), VIRTIO_F_ORDER_PLATFORM);
    EXPECT_EQ(number(Feature::sr_iov), VIRTIO_F_SR_IOV);
    EXPECT_EQ(number(Feature::ring_reset), VIRTIO_F_RING_RESET);
}

}  // namespace
}  // namespace vmq::virtio
