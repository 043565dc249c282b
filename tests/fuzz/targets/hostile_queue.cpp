// A virtqueue's device side that does as it likes.
#include "tests/fuzz/targets/hostile_queue.hpp"

#include "driver/virtio/spec.hpp"

namespace vmq::fuzz {

using virtio::Descriptor;
using virtio::le16;
using virtio::PackedDescriptor;
using virtio::RingHeader;
using virtio::UsedElement;
namespace flag = virtio::packed_flags;

namespace {

constexpr std::uint16_t state = flag::avail | flag::used;

// 2.8.1: the counters start at 1 and change with each lap.
bool wraps(std::uint16_t position, std::uint16_t size) noexcept { return position / size % 2 == 0; }

}  // namespace

HostileQueue::HostileQueue(std::span<std::byte> memory, const virtio::QueueConfig& config, bool packed)
    : memory_(memory), config_(config), packed_(packed) {
    fetched_.reserve(config.size);
}

void HostileQueue::restart() noexcept {
    next_ = used_ = 0;
    fetched_.clear();
}

void HostileQueue::fetch() {
    for (Found found; fetched_.size() < config_.size; fetched_.push_back(found))
        if (!(packed_ ? fetch_packed(found) : fetch_split(found))) return;
}

bool HostileQueue::fetch_split(Found& found) noexcept {
    const auto* const available = at<RingHeader>(config_.driver_area);
    if (available->idx.value() == next_) return false;
    const auto* const entries = reinterpret_cast<const le16*>(available + 1);
    found.id = entries[next_++ % config_.size].value();
    const Descriptor& first = at<Descriptor>(config_.descriptor_area)[found.id % config_.size];
    found.address = first.addr.value();
    found.length = first.len.value();
    return true;
}

bool HostileQueue::fetch_packed(Found& found) noexcept {
    auto* const ring = at<PackedDescriptor>(config_.descriptor_area);
    const PackedDescriptor& first = ring[next_ % config_.size];
    const std::uint16_t expected = wraps(next_, config_.size) ? flag::avail : flag::used;
    if ((first.flags.value() & state) != expected) return false;
    found.address = first.addr.value();
    found.length = first.len.value();
    found.descriptors = 1;
    const PackedDescriptor* last = &first;
    while ((last->flags.value() & virtio::descriptor_flags::next) != 0 && found.descriptors < config_.size)
        last = &ring[(next_ + found.descriptors++) % config_.size];
    found.id = last->id.value();  // 2.8.6
    next_ = static_cast<std::uint16_t>(next_ + found.descriptors);
    return true;
}

void HostileQueue::use(std::uint32_t id, std::uint32_t length, std::uint16_t descriptors) noexcept {
    if (packed_) {
        PackedDescriptor& at_used = at<PackedDescriptor>(config_.descriptor_area)[used_ % config_.size];
        at_used.id = static_cast<std::uint16_t>(id);
        at_used.len = length;
        at_used.flags = wraps(used_, config_.size) ? state : std::uint16_t{0};
        used_ = static_cast<std::uint16_t>(used_ + descriptors);
    } else {
        auto* const elements = reinterpret_cast<UsedElement*>(at<RingHeader>(config_.device_area) + 1);
        elements[used_ % config_.size] = {virtio::le32{id}, virtio::le32{length}};
        ++used_;
        show_used_index();
    }
}

void HostileQueue::move_used(std::int8_t by) noexcept {
    used_ = static_cast<std::uint16_t>(used_ + by);
    if (!packed_) show_used_index();
}

void HostileQueue::show_used_index() noexcept { at<RingHeader>(config_.device_area)->idx = used_; }

void HostileQueue::scribble(Input& input) noexcept {
    const std::size_t offset = input.u16() % memory_.size();
    const auto bytes = input.bytes(std::min<std::size_t>(1 + input.below(16), memory_.size() - offset));
    if (!bytes.empty()) std::memcpy(memory_.data() + offset, bytes.data(), bytes.size());
}

}  // namespace vmq::fuzz
