// The backend's answers to vhost-user messages.
#include "tests/bench/backend/session.hpp"

#include <stdexcept>
#include <string>
#include <unistd.h>

#include "driver/virtio/features.hpp"
#include "tests/bench/backend/misbehaving_pair.hpp"

namespace vmq::bench {
namespace {

constexpr std::uint64_t protocol_features = protocol_feature::mq | protocol_feature::reply_ack |
                                            protocol_feature::net_mtu | protocol_feature::configure_mem_slots |
                                            protocol_feature::status;
constexpr std::uint64_t memory_slots = 256;

Direction direction_of(std::uint32_t index) { return index % 2 == 0 ? Direction::receive : Direction::transmit; }

}  // namespace

Session::Session(int socket, const BackendOptions& options, Workers& workers, std::vector<PairCounters>& counters)
    : socket_(socket),
      options_(options),
      workers_(workers),
      counters_(counters),
      vrings_(std::size_t{2} * options.pairs),
      pairs_(options.pairs) {}

Session::~Session() {
    const Workers::Hold hold{workers_, pairs_};
    stop_all();
}

bool Session::handle_one() {
    auto message = receive_message(socket_);
    if (!message) return false;
    const bool wants_ack = message->needs_reply && (protocol_features_ & protocol_feature::reply_ack) != 0;
    if (!handle(*message) && wants_ack) answer_number(message->request, 0);
    return true;
}

void Session::answer_number(Request request, std::uint64_t number) const {
    send_reply(socket_, request, std::as_bytes(std::span{&number, 1}));
}

bool Session::handle(Message& message) {
    if (handle_question(message)) return true;
    const Workers::Hold hold{workers_, pairs_};
    if (message.request == Request::get_vring_base) {
        answer_vring_base(message.as<VringState>().index);
        return true;
    }
    change(message);
    start_what_is_ready();
    return false;
}

bool Session::handle_question(const Message& message) {
    switch (message.request) {
        case Request::get_features:
            answer_number(message.request, options_.features);
            return true;
        case Request::get_protocol_features:
            answer_number(message.request, protocol_features);
            return true;
        case Request::get_queue_num:
            answer_number(message.request, options_.pairs);
            return true;
        case Request::get_max_mem_slots:
            answer_number(message.request, memory_slots);
            return true;
        case Request::get_status:
            answer_number(message.request, status_);
            return true;
        default:
            return false;
    }
}

void Session::change(Message& message) {
    switch (message.request) {
        case Request::set_owner:
        case Request::reset_owner:
        case Request::set_vring_err:
        case Request::net_set_mtu:
            return;  // nothing to do
        case Request::set_protocol_features:
            protocol_features_ = message.as<std::uint64_t>();
            return;
        case Request::set_features:
            set_features(message.as<std::uint64_t>());
            return;
        case Request::set_status:
            status_ = static_cast<std::uint8_t>(message.as<std::uint64_t>());
            if (status_ == 0) stop_all();
            return;
        case Request::set_mem_table:
        case Request::add_mem_reg:
        case Request::rem_mem_reg:
            set_memory(message);
            return;
        default:
            change_vring(message);
    }
}

void Session::change_vring(Message& message) {
    switch (message.request) {
        case Request::set_vring_num: {
            const auto state = message.as<VringState>();
            vring(state.index).ring.size = static_cast<std::uint16_t>(state.number);
            return;
        }
        case Request::set_vring_base: {
            const auto state = message.as<VringState>();
            vring(state.index).base = state.number;
            return;
        }
        case Request::set_vring_addr: {
            const auto address = message.as<VringAddress>();
            vring(address.index).address = address;
            return;
        }
        case Request::set_vring_enable: {
            const auto state = message.as<VringState>();
            vring(state.index).enabled = state.number != 0;
            if (vring(state.index).started)
                pair_of(state.index).set_enabled(direction_of(state.index), state.number != 0);
            return;
        }
        case Request::set_vring_kick:
        case Request::set_vring_call:
            set_vring_fd(message);
            return;
        default:
            throw std::runtime_error("vhost-user request " + std::to_string(static_cast<unsigned>(message.request)) +
                                     " is not known to this backend");
    }
}

// Bits 0 to 7 of the payload are the index; without a descriptor the other side polls.
void Session::set_vring_fd(Message& message) {
    const auto index = static_cast<std::uint32_t>(message.as<std::uint64_t>() & 0xff);
    Vring& changed = vring(index);
    support::UniqueFd fd = message.fds.empty() ? support::UniqueFd{} : std::move(message.fds.front());
    if (message.request == Request::set_vring_kick) {
        changed.kick = std::move(fd);
        changed.kicked = true;
        return;
    }
    changed.call = std::move(fd);
    if (changed.started) pair_of(index).set_call(direction_of(index), changed.call.get());
}

void Session::set_features(std::uint64_t features) {
    using virtio::Feature;
    stop_all();
    features_ = features;
    const virtio::FeatureSet set{features};
    PairSettings settings;
    settings.mode = options_.mode;
    settings.size = options_.size;
    settings.burst = options_.burst;
    settings.inject = options_.inject;
    settings.packed = set.has(Feature::ring_packed);
    settings.in_order = set.has(Feature::in_order);
    settings.event_idx = set.has(Feature::event_idx);
    settings.mergeable = set.has(Feature::mrg_rxbuf);
    settings.header_size = settings.mergeable || set.has(Feature::version_1) ? 12 : 10;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
        pairs_[i] = make_pair(settings, counters_[i]);
        if (options_.misbehaviour && i == 0)
            pairs_[i] = make_misbehaving_pair(std::move(pairs_[i]), settings, *options_.misbehaviour, counters_[i]);
        pairs_[i]->set_memory(memory_.by_guest_address());
    }
}

// A new table may put the same memory elsewhere here: the rings that run go on there. When a single region goes, the
// frontend has stopped the rings that lie in it.
void Session::set_memory(const Message& message) {
    if (message.request == Request::set_mem_table) {
        const auto count = message.as<std::uint32_t>();
        if (count > max_table_regions || message.fds.size() != count)
            throw std::runtime_error("SET_MEM_TABLE with " + std::to_string(count) + " regions and " +
                                     std::to_string(message.fds.size()) + " descriptors");
        for (std::uint32_t i = 0; i < vrings_.size(); ++i) stop(i);
        memory_.clear();
        for (std::uint32_t i = 0; i < count; ++i)
            memory_.add(message.as<MemoryRegion>(8 + i * sizeof(MemoryRegion)), message.fds[i]);
    } else if (message.request == Request::add_mem_reg) {
        if (message.fds.size() != 1) throw std::runtime_error("ADD_MEM_REG without its descriptor");
        memory_.add(message.as<MemoryRegion>(8), message.fds.front());
    } else {
        memory_.remove(message.as<MemoryRegion>(8));
    }
    for (const auto& pair : pairs_)
        if (pair) pair->set_memory(memory_.by_guest_address());
}

void Session::stop(std::uint32_t index) {
    Vring& stopped = vring(index);
    if (stopped.started) stopped.base = pair_of(index).stop(direction_of(index));
    stopped.started = false;
}

void Session::answer_vring_base(std::uint32_t index) {
    stop(index);
    vring(index).kicked = false;
    const VringState state{index, vring(index).base};
    send_reply(socket_, Request::get_vring_base, std::as_bytes(std::span{&state, 1}));
}

Session::Vring& Session::vring(std::uint32_t index) {
    if (index >= vrings_.size()) throw std::runtime_error("there is no virtqueue " + std::to_string(index));
    return vrings_[index];
}

void Session::place(Vring& vring) const {
    const AddressMap memory = memory_.by_user_address();
    vring.ring.descriptors = memory.at(vring.address.descriptors);
    vring.ring.driver = memory.at(vring.address.available);
    vring.ring.device = memory.at(vring.address.used);
}

// A ring starts with SET_VRING_KICK, not with the first kick: a polling device asks for none. Where the status is told,
// DRIVER_OK must have come too.
void Session::start_what_is_ready() {
    const bool driver_ok =
        (protocol_features_ & protocol_feature::status) == 0 || (status_ & virtio::device_status::driver_ok) != 0;
    if (!driver_ok) return;
    for (std::uint32_t i = 0; i < vrings_.size(); ++i) {
        Vring& ready = vrings_[i];
        if (ready.started || !ready.kicked || ready.ring.size == 0 || ready.address.descriptors == 0) continue;
        if (!pairs_[i / 2]) continue;
        place(ready);
        Pair& pair = pair_of(i);
        pair.start(direction_of(i), ready.ring, ready.base);
        pair.set_call(direction_of(i), ready.call.get());
        pair.set_enabled(direction_of(i), ready.enabled || (features_ & protocol_features_bit) == 0);
        ready.started = true;
    }
}

void Session::stop_all() {
    for (std::uint32_t i = 0; i < vrings_.size(); ++i) {
        stop(i);
        vring(i).kicked = false;
    }
}

}  // namespace vmq::bench
