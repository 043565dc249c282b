// The plainest driver side of a split virtqueue. VIRTIO 1.3, 2.7.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "driver/support/barriers.hpp"
#include "tests/unit/device/bare_ring.hpp"

namespace vmq::software {

class BareSplitRing : public BareRing {
public:
    BareSplitRing(virtio::Transport& transport, std::uint16_t ring_size, virtio::FeatureSet features,
                  std::uint16_t start)
        : BareRing(transport, ring_size, features), staged_(start), published_(start), taken_(start) {
        for (std::uint16_t i = 0; i < size; ++i) free_list_.push_back(i);
        available().idx = start;
        disarm();
    }

    [[nodiscard]] virtio::Descriptor& descriptor(std::uint16_t i) const { return part<virtio::Descriptor>(0)[i]; }
    [[nodiscard]] virtio::Descriptor* indirect_table(std::uint16_t i) const { return table<virtio::Descriptor>(i); }
    [[nodiscard]] virtio::RingHeader& available() const { return *part<virtio::RingHeader>(driver_part); }
    [[nodiscard]] virtio::le16& available_entry(std::uint16_t i) const {
        return part<virtio::le16>(driver_part + 4)[i % size];
    }
    [[nodiscard]] std::uint16_t staged() const { return staged_; }

    std::uint16_t add(std::span<const BareElement> elements, bool indirect) override {
        const std::size_t count = indirect ? 1 : elements.size();
        // In the order of the ring, which is what IN_ORDER asks for and is as good as any without it.
        const std::vector<std::uint16_t> ids(free_list_.begin(), free_list_.begin() + static_cast<long>(count));
        free_list_.erase(free_list_.begin(), free_list_.begin() + static_cast<long>(count));
        free = static_cast<std::uint16_t>(free - count);
        const std::uint16_t head = ids[0];
        if (indirect) write_table(head, elements);
        for (std::size_t i = 0; !indirect && i < count; ++i) {
            const bool last = i + 1 == count;
            descriptor(ids[i]) = {virtio::le64{elements[i].address.value}, virtio::le32{elements[i].length},
                                  virtio::le16{static_cast<std::uint16_t>(write_flag(elements[i]) | (last ? 0 : 1))},
                                  virtio::le16{last ? std::uint16_t{0} : ids[i + 1]}};
        }
        chains_[head] = ids;
        heads_.push_back(head);
        support::store_relaxed(available_entry(staged_++), head);
        return head;
    }

    bool publish() override {
        const std::uint16_t before = published_;
        published_ = staged_;
        support::store_release(available().idx, staged_);
        support::full_barrier();
        const auto& used = *part<virtio::RingHeader>(device_part);
        if (!event_idx) return before != staged_ && support::load_relaxed(used.flags) == 0;
        const std::uint16_t event = support::load_relaxed(part<virtio::le16>(device_part + 4)[4 * size]);
        return static_cast<std::uint16_t>(event - before) < static_cast<std::uint16_t>(staged_ - before);
    }

    std::optional<BareUsed> take_used() override {
        if (support::load_acquire(part<virtio::RingHeader>(device_part)->idx) == taken_) return std::nullopt;
        const auto& element = part<virtio::UsedElement>(device_part + 4)[taken_ % size];
        BareUsed used{support::load_relaxed(element.id), support::load_relaxed(element.len), 0};
        do {
            ++taken_;
            ++used.buffers;
            if (heads_.empty()) return used;
        } while (give_up(in_order ? heads_.front() : static_cast<std::uint16_t>(used.id)) != used.id && in_order);
        return used;
    }

    bool arm() override {
        if (event_idx)
            support::store_relaxed(part<virtio::le16>(driver_part + 4)[size], taken_);
        else
            support::store_relaxed(available().flags, std::uint16_t{0});
        support::full_barrier();
        return support::load_acquire(part<virtio::RingHeader>(device_part)->idx) == taken_;
    }
    void disarm() override {
        if (event_idx)
            support::store_relaxed(part<virtio::le16>(driver_part + 4)[size], static_cast<std::uint16_t>(taken_ - 1));
        else
            support::store_relaxed(available().flags, std::uint16_t{1});
    }

private:
    void write_table(std::uint16_t head, std::span<const BareElement> elements) {
        for (std::uint16_t i = 0; i < elements.size(); ++i) {
            const bool last = i + 1u == elements.size();
            indirect_table(head)[i] = {
                virtio::le64{elements[i].address.value}, virtio::le32{elements[i].length},
                virtio::le16{static_cast<std::uint16_t>(write_flag(elements[i]) | (last ? 0 : 1))},
                virtio::le16{static_cast<std::uint16_t>(last ? 0 : i + 1)}};
        }
        descriptor(head) = {virtio::le64{table_address(head).value},
                            virtio::le32{static_cast<std::uint32_t>(16 * elements.size())},
                            virtio::le16{virtio::descriptor_flags::indirect}, virtio::le16{0}};
    }
    std::uint32_t give_up(std::uint16_t head) {
        std::erase(heads_, head);
        const auto ids = std::exchange(chains_[head], {});
        free_list_.insert(free_list_.end(), ids.begin(), ids.end());
        free = static_cast<std::uint16_t>(free + ids.size());
        return head;
    }

    std::uint16_t staged_, published_, taken_;
    std::vector<std::uint16_t> free_list_;  // oldest first
    std::vector<std::uint16_t> heads_;      // outstanding, oldest first
    std::map<std::uint16_t, std::vector<std::uint16_t>> chains_;
};

}  // namespace vmq::software
