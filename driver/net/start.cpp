// Bringing the device up: negotiation, rings, vectors, in the order the specification gives. VIRTIO 1.3, 3.1.1
// and 5.1.5.
#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

#include <vmq/error.hpp>

#include "driver/net/net_device.hpp"
#include "driver/support/errors.hpp"
#include "driver/virtio/initialisation.hpp"

namespace vmq::net {

using virtio::Feature;
using virtio::QueueIndex;

namespace {

constexpr std::uint16_t largest_default_ring = 1024;
constexpr std::uint16_t control_ring_size = 64;
constexpr unsigned ethernet_header = 14;
constexpr unsigned vlan_tag = 4;
constexpr unsigned longest_coalesced = 65550;

virtio::RingFormat ring_format(virtio::FeatureSet features) {
    return {.packed = features.has(Feature::ring_packed),
            .in_order = features.has(Feature::in_order),
            .event_idx = features.has(Feature::event_idx),
            .legacy = !features.has(Feature::version_1)};
}

bool indirect(virtio::FeatureSet features) { return features.has(Feature::indirect_desc); }

// The next rung down the vector ladder from what `plan` uses.
unsigned fewer_vectors(const VectorPlan& plan) {
    const auto pairs = static_cast<unsigned>(plan.pairs.size());
    if (plan.mode == WaitMode::own_vectors) return pairs + 2;
    if (plan.mode == WaitMode::own_vector) return 2;
    return plan.count - 1;
}

}  // namespace

void NetDevice::start(const ChooseNodes& choose_nodes) {
    if (transport_->is_legacy() && options_.ring_size != 0)
        log(LogLevel::warning, name_ + ": Options::ring_size is ignored: a legacy device's virtqueues have the size " +
                                   "that the device gives them");
    unsigned vectors = options_.mode == Mode::poll ? 0 : transport_->max_vectors();
    while (!try_start(vectors, choose_nodes)) {
        // NO_VECTOR, or fewer granted than the device has: 4.1.5.1.2.1 asks to go on with fewer.
        vectors = fewer_vectors(plan_);
        log(LogLevel::warning,
            name_ + ": the device grants fewer interrupt vectors than it has; trying " + std::to_string(vectors));
    }
}

// False: the vectors of the plan cannot be had.
bool NetDevice::try_start(unsigned vectors, const ChooseNodes& choose_nodes) {
    auto acknowledged = virtio::Reset(*transport_).acknowledge();
    device_features_ = acknowledged.device_features();
    features_ = choose_features(*transport_, device_features_, options_);
    auto device = std::move(acknowledged).accept(features_);
    features_ = device.features();
    read_config();
    nodes_ = choose_nodes(config_.max_queue_pairs);
    plan_ = plan_vectors(config_.max_queue_pairs, vectors);
    forget_rings();
    check_memory();
    make_pairs();
    make_control_queue();
    make_announce_pool();
    if (!connect_vectors() || !enable_queues(device)) return false;

    PairCore& first = *pairs_.front();
    prepare(first);
    static_cast<void>(std::move(device).start());
    begin_following_config();
    first.notify_receiveq();
    first.want(Shape::active);
    return true;
}

void NetDevice::read_config() {
    config_ = read_net_config(*transport_, features_);
    rss_.reset();
    owners_.reset();
    if (config_.rss) rss_.emplace(*config_.rss, features_.has(Feature::rss));
    if (options_.hand_off && !features_.has(Feature::rss)) own_flows();
    const unsigned most = config_.device_mtu != 0 ? config_.device_mtu : 65535;
    if (options_.mtu > most)
        throw std::invalid_argument("Options::mtu " + std::to_string(options_.mtu) + ": the device takes up to " +
                                    std::to_string(most));
    if (options_.mtu != 0) config_.mtu = static_cast<std::uint16_t>(options_.mtu);
    size_buffers();
}

void NetDevice::size_buffers() {
    const unsigned rings = ring_size(receiveq_of(0)) + ring_size(transmitq_of(0));
    const unsigned least = rings + Batch::capacity;
    buffers_per_pair_ = options_.buffers_per_pair != 0 ? options_.buffers_per_pair : std::max(2048u, 2 * rings);
    if (buffers_per_pair_ < least) {
        throw std::invalid_argument("Options::buffers_per_pair " + std::to_string(buffers_per_pair_) +
                                    ": two rings and a batch need at least " + std::to_string(least));
    }
    const unsigned smallest = smallest_buffer();
    buffer_size_ = options_.buffer_size != 0 ? options_.buffer_size : std::max(usual_buffer_size, smallest);
    if (buffer_size_ % 64 != 0 || buffer_size_ < smallest || buffer_size_ > 65536 + 256) {
        throw std::invalid_argument("Options::buffer_size " + std::to_string(buffer_size_) +
                                    ": a multiple of 64 from " + std::to_string(smallest) + " to 65792 is needed");
    }
}

// What the longest packet that may arrive needs, of the device's MTU whatever ours is (5.1.4.2): where the device
// cannot spread it one buffer holds it, else so many as the ring has, and a packet may have. 5.1.6.3.1
unsigned NetDevice::smallest_buffer() const {
    const bool coalesces = (features_ & receive_coalescing) != virtio::FeatureSet{};
    const unsigned longest =
        coalesces ? longest_coalesced : std::max(config_.device_mtu, config_.mtu) + ethernet_header + vlan_tag;
    const bool spreads = features_.has(Feature::mrg_rxbuf);
    const unsigned buffers = spreads ? std::min<unsigned>(ring_size(receiveq_of(0)), max_segments) : 1;
    const unsigned bytes = (packet_offset + (longest + buffers - 1) / buffers + 63) / 64 * 64;
    return std::max(bytes, 256u);
}

unsigned NetDevice::wanted_pairs() const {
    if (options_.queue_pairs != 0) return options_.queue_pairs;
    return std::clamp<unsigned>(default_pairs_, 1, config_.max_queue_pairs);
}

// Before the first byte is locked, so that one message names the whole need: the blocks in the order in which they will
// be asked for.
void NetDevice::check_memory() const {
    const virtio::RingFormat format = ring_format(features_);
    std::vector<support::MemoryNeed> needs;
    for (unsigned i = 0; i < config_.max_queue_pairs; ++i)
        needs.push_back({ring_memory_size(format, ring_size(receiveq_of(i))) +
                             transmitq_memory_size(format, indirect(features_), ring_size(transmitq_of(i))),
                         nodes_[i]});
    if (features_.has(Feature::ctrl_vq) && transport_->control_path() == nullptr)
        needs.push_back({ControlQueue::memory_size(format, control_queue_size()), -1});
    for (unsigned i = 0; i < std::min<unsigned>(wanted_pairs(), config_.max_queue_pairs); ++i)
        needs.push_back(pool_need(i));
    transport_->check_memory(needs);
}

std::uint16_t NetDevice::ring_size(QueueIndex queue) const {
    const std::uint16_t most = transport_->max_queue_size(queue);
    const std::string subject = name_ + ": virtqueue " + std::to_string(queue.value) + ": size " + std::to_string(most);
    if (most == 0) support::fail(Errc::bad_device, subject, "the device has no such virtqueue");
    // 2.8.10.1: a packed one of any size, of which the driver may use less (4.1.5.1.3).
    const std::uint16_t usable = features_.has(Feature::ring_packed) ? std::bit_floor(most) : most;
    if (!std::has_single_bit(usable) || most > virtio::max_queue_size) support::fail(Errc::bad_device, subject);
    if (transport_->is_legacy()) return usable;
    if (options_.ring_size == 0) return std::min(usable, largest_default_ring);
    if (!std::has_single_bit(options_.ring_size)) {
        throw std::invalid_argument("Options::ring_size " + std::to_string(options_.ring_size) +
                                    ": a power of two is needed");
    }
    return std::min(usable, options_.ring_size);
}

// What an earlier try has made; the device is reset.
void NetDevice::forget_rings() {
    pairs_.clear();
    ring_blocks_.clear();
    control_queue_.reset();
    control_ = nullptr;
    ring_memory_ = 0;
}

std::uint16_t NetDevice::control_queue_size() const {
    const std::uint16_t size = ring_size(control_queue_index());
    const std::uint16_t longest_command = transport_->is_legacy() ? 4 : 2;  // parts with a descriptor each: 5.1.6.6
    if (size < longest_command)
        support::fail(Errc::bad_device, name_ + ": control queue: size " + std::to_string(size) + ", a command takes " +
                                            std::to_string(longest_command));
    return transport_->is_legacy() ? size : std::min(size, control_ring_size);
}

void NetDevice::make_pairs() {
    const virtio::RingFormat format = ring_format(features_);
    const HeaderForm header = header_form(features_);
    for (unsigned i = 0; i < config_.max_queue_pairs; ++i) {
        const std::uint16_t receive_size = ring_size(receiveq_of(i));
        const std::uint16_t transmit_size = ring_size(transmitq_of(i));
        const std::size_t receive_bytes = ring_memory_size(format, receive_size);
        const std::size_t total = receive_bytes + transmitq_memory_size(format, indirect(features_), transmit_size);
        const virtio::DmaBlock& block = ring_blocks_.emplace_back(transport_->allocate(total, nodes_[i]));
        ring_memory_ += block.size;
        pairs_.push_back(std::make_unique<PairCore>(
            i,
            make_receiveq({block.bytes().first(receive_bytes), block.iova}, receive_size, format,
                          features_.has(Feature::mrg_rxbuf), header),
            make_transmitq({block.bytes().subspan(receive_bytes), block.iova + receive_bytes}, transmit_size, format,
                           indirect(features_), header, config_.mtu + ethernet_header, features_),
            plan_.mode));
        if (i > 0) pairs_[i]->relay_through(*pairs_.front());
        if (owners_) pairs_[i]->hand_off_by(*owners_, pairs_);
    }
}

void NetDevice::make_control_queue() {
    if (!features_.has(Feature::ctrl_vq)) return;
    control_ = transport_->control_path();
    if (control_ != nullptr) return;
    const std::uint16_t size = control_queue_size();
    const virtio::RingFormat format = ring_format(features_);
    virtio::DmaBlock memory = transport_->allocate(ControlQueue::memory_size(format, size), -1);
    ring_memory_ += memory.size;
    const bool own_vector = plan_.mode == WaitMode::own_vector || plan_.mode == WaitMode::own_vectors;
    control_queue_ = std::make_unique<ControlQueue>(std::move(memory), size, format,
                                                    own_vector ? &common_events_[plan_.control.value] : nullptr);
    control_ = control_queue_.get();
}

// 5.1.2: it is behind all the queue pairs that the device has.
QueueIndex NetDevice::control_queue_index() const { return receiveq_of(config_.max_queue_pairs); }

bool NetDevice::connect_vectors() {
    if (plan_.count == 0) return true;
    std::vector<int> fds = event_fds();
    if (plan_.mode == WaitMode::own_vector || plan_.mode == WaitMode::own_vectors) {
        for (const auto& pair : pairs_) {
            fds.push_back(pair->sleeper().receive_event().fd());
            if (plan_.mode == WaitMode::own_vectors) fds.push_back(pair->sleeper().transmit_event().fd());
        }
    }
    return transport_->enable_vectors(fds) == fds.size() && transport_->set_config_vector(plan_.config);
}

bool NetDevice::enable_queues(virtio::FeaturesOk& device) {
    for (unsigned i = 0; i < pairs_.size(); ++i) {
        PairCore& pair = *pairs_[i];
        if (!device.enable_queue(receiveq_of(i), pair.receiveq().config(plan_.pairs[i].receive)) ||
            !device.enable_queue(transmitq_of(i), pair.transmitq().config(plan_.pairs[i].transmit))) {
            return false;
        }
        pair.receiveq().set_doorbell(transport_->doorbell(receiveq_of(i)));
        pair.transmitq().set_doorbell(transport_->doorbell(transmitq_of(i)));
    }
    if (!control_queue_) return true;
    if (!device.enable_queue(control_queue_index(), control_queue_->config(plan_.control))) return false;
    control_queue_->set_doorbell(transport_->doorbell(control_queue_index()));
    return true;
}

support::MemoryNeed NetDevice::pool_need(unsigned pair) const {
    return {buffer_size_, nodes_[pair], buffers_per_pair_};
}

void NetDevice::prepare(PairCore& pair) {
    pair.prepare(std::make_unique<PacketPool>(transport_->allocate_array(pool_need(pair.index())), buffers_per_pair_,
                                              buffer_size_, header_form(features_).size));
}

}  // namespace vmq::net
