// A virtio-net device behind a vhost-user socket: device status, features, virtqueues, memory and commands.
#include "driver/vhost/transport.hpp"

#include <array>
#include <cstring>
#include <sys/random.h>
#include <utility>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"
#include "driver/virtio/spec.hpp"

namespace vmq::vhost {

using virtio::Feature;
using virtio::FeatureSet;

namespace {

// The features that are a matter of rings and packets, and so the backend's. What else a device offers needs a control
// queue or a bus, and a backend that offers it means the frontend to take it up.
constexpr FeatureSet backend_features{
    Feature::csum,       Feature::guest_csum, Feature::mtu,       Feature::guest_tso4,  Feature::guest_tso6,
    Feature::guest_ecn,  Feature::guest_ufo,  Feature::host_tso4, Feature::host_tso6,   Feature::host_ecn,
    Feature::host_ufo,   Feature::mrg_rxbuf,  Feature::mq,        Feature::any_layout,  Feature::indirect_desc,
    Feature::event_idx,  Feature::version_1,  Feature::in_order,  Feature::ring_packed, Feature::order_platform,
    Feature::guest_uso4, Feature::guest_uso6, Feature::host_uso,  Feature::guest_hdrlen};

// The device configuration up to and including mtu. VIRTIO 1.3, 5.1.4.
using ConfigSpace = std::array<std::byte, virtio::net_config::speed>;

void put_u16(ConfigSpace& space, std::size_t offset, std::uint16_t value) {
    const support::le16 field{value};
    std::memcpy(space.data() + offset, &field, sizeof field);
}

// Unicast and locally administered. Not made from the path: two containers may use the same.
MacAddress random_mac() {
    MacAddress mac{};
    if (::getrandom(mac.data(), mac.size(), 0) < 0) support::fail_errno("getrandom for a MAC address");
    mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfc) | 0x02);
    return mac;
}

}  // namespace

VhostUserTransport::VhostUserTransport(const Address& address, const Options& options)
    : options_(options),
      name_(address.name()),
      mac_(random_mac()),
      mtu_(static_cast<std::uint16_t>(options.mtu == 0 ? 1500 : std::clamp(options.mtu, 68u, 65535u))),
      endpoint_(address),
      memory_(name_, options.huge_pages),
      events_(make_epoll()),
      retry_(make_timer(events_.get())) {
    start_session(endpoint_.connect(std::chrono::steady_clock::now() + options_.connect_deadline));
    pairs_ = choose_pairs();
    ConfigSpace space{};
    if (offer_.has(ProtocolFeature::config) && backend().read_config(space, deadline()))
        std::memcpy(mac_.data(), space.data() + virtio::net_config::mac, mac_.size());
}

unsigned VhostUserTransport::choose_pairs() const {
    const unsigned offered = offer_.queue_pairs;
    const unsigned wanted = endpoint_.address().queues;
    if (wanted > offered) {
        support::fail(Errc::out_of_range,
                      name_ + ": queues=" + std::to_string(wanted) + ", the backend has " + std::to_string(offered));
    }
    if (wanted != 0) return wanted;
    // A backend that claims all that the protocol can name leaves the number to us, and may serve fewer.
    return offered < max_vrings / 2 ? offered : std::clamp(options_.queue_pairs, 1u, offered);
}

void VhostUserTransport::send(std::span<const Command> commands) { backend().carry_out(commands, deadline()); }

void VhostUserTransport::set_status(std::uint8_t status) {
    if ((status & ~status_ & virtio::device_status::driver_ok) != 0) start_rings();
    const std::uint8_t before = std::exchange(status_, status);
    if (!offer_.has(ProtocolFeature::status)) return;
    send(with_number(Request::set_status, status));
    // 3.1.1 step 6: whether the device agrees to the features shows in what it makes of the bit.
    if ((status & ~before & virtio::device_status::features_ok) != 0)
        status_ = static_cast<std::uint8_t>(backend().ask(Request::get_status, deadline()));
}

void VhostUserTransport::reset() {
    status_ = 0;
    enabled_pairs_ = 0;
    const unsigned vrings = std::exchange(vrings_, 0);
    if (!check_connection()) return;  // a backend that is gone touches nothing
    try {
        backend().stop_vrings(vrings, deadline());
        if (offer_.has(ProtocolFeature::status)) send(with_number(Request::set_status, 0));
    } catch (const std::system_error& error) {
        if (error.code() != Errc::device_removed) throw;
    }
}

FeatureSet VhostUserTransport::device_features() {
    FeatureSet features = FeatureSet{offer_.features} & backend_features;
    if (max_pairs() == 1) features.remove(Feature::mq);
    // What is played here.
    for (const Feature own : {Feature::mac, Feature::status, Feature::ctrl_vq}) features.add(own);
    return features;
}

void VhostUserTransport::set_driver_features(FeatureSet features) {
    driver_features_ = features;
    send(with_number(Request::set_features,
                     (features & backend_features).bits() | (offer_.features & protocol_features_bit)));
    if (features.has(Feature::mtu) && offer_.has(ProtocolFeature::net_mtu))
        send(with_number(Request::net_set_mtu, mtu_));
}

std::uint16_t VhostUserTransport::max_queue_size(virtio::QueueIndex queue) {
    return queue.value < queue_count() ? virtio::max_queue_size : std::uint16_t{0};
}

std::size_t VhostUserTransport::enable_vectors(std::span<const int> eventfds) {
    vectors_.assign(eventfds.begin(), eventfds.end());
    return eventfds.size();
}

bool VhostUserTransport::enable_queue(virtio::QueueIndex queue, const virtio::QueueConfig& config) {
    if (!memory_shared_) share_memory();
    const int call = config.vector.is_none() ? -1 : vectors_.at(config.vector.value);
    const bool packed = driver_features_.has(Feature::ring_packed);
    while (kicks_.size() <= queue.value) kicks_.emplace_back();
    send(set_vring(config, queue.value, packed, kicks_[queue.value].fd(), call));
    vrings_ = std::max<unsigned>(vrings_, queue.value + 1u);
    return true;
}

virtio::Doorbell VhostUserTransport::doorbell(virtio::QueueIndex queue) {
    return virtio::Doorbell::at_eventfd(kicks_.at(queue.value).fd());
}

void VhostUserTransport::read_config(std::size_t offset, std::span<std::byte> bytes) {
    ConfigSpace space{};
    std::memcpy(space.data() + virtio::net_config::mac, mac_.data(), mac_.size());
    put_u16(space, virtio::net_config::status, frontend_ ? virtio::net_status::link_up : std::uint16_t{0});
    put_u16(space, virtio::net_config::max_virtqueue_pairs, static_cast<std::uint16_t>(max_pairs()));
    put_u16(space, virtio::net_config::mtu, mtu_);
    if (offset > space.size() || bytes.size() > space.size() - offset)
        support::fail(Errc::bad_device, name_ + ": its configuration ends at " + std::to_string(space.size()));
    std::copy_n(space.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
}

std::size_t VhostUserTransport::config_size() { return ConfigSpace{}.size(); }

virtio::DmaBlock VhostUserTransport::allocate(std::size_t size, int numa_node) {
    const std::size_t before = memory_.region_count();
    virtio::DmaBlock block = memory_.allocate(size, numa_node, offer_.memory_regions);
    if (memory_.region_count() == before || !memory_shared_) return block;
    try {
        if (offer_.has(ProtocolFeature::configure_mem_slots))
            send(add_mem_reg(memory_.regions().back()));
        else
            share_memory();
    } catch (...) {
        block = {};
        memory_.forget_last_region();
        throw;
    }
    return block;
}

void VhostUserTransport::share_memory() {
    send(set_mem_table(memory_.regions()));
    memory_shared_ = true;
}

// The first pair is in use from the start, the others by command.
void VhostUserTransport::start_rings() {
    std::vector<Command> commands;
    if (has_protocol_features())
        for (unsigned vring = 0; vring < vrings_; ++vring) commands.push_back(set_vring_enable(vring, vring < 2));
    send(commands);
    enabled_pairs_ = 1;
    // A vring is started by the first kick.
    for (const support::EventFd& kick : kicks_) kick.signal();
}

void VhostUserTransport::carry_out(virtio::ControlClass control_class, std::uint8_t command,
                                   std::span<const std::byte> data, std::chrono::milliseconds limit,
                                   const std::string& what, std::span<std::byte> /*result*/) {
    support::le16 count;
    if (control_class != virtio::ControlClass::mq || command != virtio::mq_command::vq_pairs_set ||
        data.size() != sizeof count)
        support::fail(Errc::device_refused, what + ": there is no such command for a vhost-user device");
    std::memcpy(&count, data.data(), sizeof count);
    if (count.value() == 0 || count.value() > max_pairs()) support::fail(Errc::device_refused, what);
    const unsigned before = enabled_pairs_;
    const Deadline end = std::chrono::steady_clock::now() + limit;
    try {
        enable_pairs(before, count.value(), end);
    } catch (const std::system_error& error) {
        // Whole, or not at all.
        if (error.code() == Errc::device_refused) enable_pairs(count.value(), before, end);
        throw;
    }
    enabled_pairs_ = count.value();
}

// Enables or disables the pairs by which the two counts differ.
void VhostUserTransport::enable_pairs(unsigned from, unsigned count, Deadline end) {
    std::vector<Command> commands;
    for (unsigned vring = 2 * std::min(from, count); vring < 2 * std::max(from, count); ++vring)
        commands.push_back(set_vring_enable(vring, vring < 2 * count));
    backend().carry_out(commands, end);
}

}  // namespace vmq::vhost
