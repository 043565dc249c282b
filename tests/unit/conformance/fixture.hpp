// The driver opened on the software device in every form that its rings and burst routines can take, and numbered
// packets whose every byte is known.
#pragma once

#include <array>
#include <cstring>
#include <ostream>
#include <string>
#include <vector>

#include "driver/net/wide.hpp"
#include "tests/unit/net/fixture.hpp"

namespace vmq {

inline const net::wide::Routines* const widest_loops = net::wide::routines();

struct Form {
    bool packed = false;
    bool in_order = false;
    bool mergeable = false;
    bool indirect = false;
    bool event_idx = false;
    const net::wide::Routines* loops = widest_loops;
    bool hashes = false;
    bool legacy = false;     // a 0.9.5 device
    bool positions = false;  // NOTIFICATION_DATA

    [[nodiscard]] virtio::FeatureSet features() const {
        using virtio::Feature;
        virtio::FeatureSet features = software::usual_features;
        const auto set = [&features](Feature feature, bool on) {
            on ? features.add(feature) : features.remove(feature);
        };
        set(Feature::ring_packed, packed);
        set(Feature::in_order, in_order);
        set(Feature::mrg_rxbuf, mergeable);
        set(Feature::indirect_desc, indirect);
        set(Feature::event_idx, event_idx);
        set(Feature::hash_report, hashes);
        set(Feature::notification_data, positions);
        set(Feature::order_platform, positions);  // has no counterpart in the device
        set(Feature::guest_announce, false);      // which the driver does not know
        if (!legacy) return features;
        set(Feature::any_layout, true);
        return virtio::FeatureSet{features.bits() & 0xffff'ffff};
    }
    [[nodiscard]] std::string name() const {
        return std::string{packed ? "Packed" : "Split"} + (in_order ? "InOrder" : "") + (mergeable ? "Mergeable" : "") +
               (indirect ? "Indirect" : "") + (event_idx ? "EventIdx" : "") + (hashes ? "Hashes" : "") +
               (legacy ? "Legacy" : "") + (positions ? "Positions" : "") + loops_name();
    }

private:
    [[nodiscard]] const char* loops_name() const {
        if (loops == widest_loops) return "";
        return loops == nullptr ? "Plain" : "Avx2";
    }
};

inline void PrintTo(const Form& form, std::ostream* stream) { *stream << form.name(); }

// The loops that this processor has besides the widest.
inline std::vector<const net::wide::Routines*> narrower_loops() {
    std::vector<const net::wide::Routines*> found;
    if (net::wide::with_avx512() != nullptr) found.push_back(net::wide::with_avx2());
    if (widest_loops != nullptr) found.push_back(nullptr);
    return found;
}

// All for which `fits(form)`: with the widest loops in full, with the others and with hashes all that the loops are
// compiled for.
template <typename Fits>
std::vector<Form> forms(Fits fits) {
    std::vector<Form> chosen;
    const auto add = [&](unsigned bits, const net::wide::Routines* loops) {
        Form form{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0, loops};
        if (fits(form)) chosen.push_back(form);
        form.hashes = true;  // a longer header, for which the routines are compiled anew
        if (bits >= 24 && loops == widest_loops && fits(form)) chosen.push_back(form);
        form.hashes = false;
        form.legacy = true;  // without mergeable buffers a shorter header, likewise
        if (bits >= 8 && !form.packed && !form.in_order && fits(form)) chosen.push_back(form);
        form.legacy = false;
        form.positions = true;
        if (bits >= 24 && loops == widest_loops && fits(form)) chosen.push_back(form);
    };
    for (unsigned bits = 0; bits < 32; ++bits) add(bits, widest_loops);
    for (const net::wide::Routines* loops : narrower_loops())
        for (unsigned bits = 24; bits < 32; ++bits) add(bits, loops);
    return chosen;
}

// Packet number n has the same length and bytes wherever it is made or looked at.
class NumberedPackets {
public:
    static constexpr std::size_t longest = 1514;  // MTU and Ethernet header

    [[nodiscard]] static std::size_t length(std::uint64_t number) {
        constexpr std::array<std::size_t, 12> edges{1, 2, 13, 59, 60, 64, 65, 128, 1499, 1500, 1513, longest};
        if (number % 3 == 0) return edges[number / 3 % edges.size()];
        return 1 + (number * 2654435761u >> 7) % longest;
    }
    [[nodiscard]] static std::span<const std::byte> bytes(std::uint64_t number) {
        // Lengths and offsets have no common period with a ring.
        return std::span{pool()}.subspan(number * 61 % 8191, length(number));
    }

private:
    static const std::vector<std::byte>& pool() {
        static const std::vector<std::byte> bytes = [] {
            std::vector<std::byte> made(8191 + longest);
            std::uint32_t state = 1;
            for (std::byte& byte : made) byte = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
            return made;
        }();
        return bytes;
    }
};

class Conformance : public NetTest, public ::testing::WithParamInterface<Form> {
protected:
    Conformance() { net::wide::choose(GetParam().loops); }
    ~Conformance() override { net::wide::choose(widest_loops); }

    static constexpr std::uint64_t much = ~std::uint64_t{0};

    Device& open_form(std::uint16_t ring_size, unsigned pairs = 1) {
        options.ring_size = ring_size;
        options.queue_pairs = pairs;
        options.buffers_per_pair = 2u * ring_size + 192;
        to_device_ = from_device_ = {};
        Device& opened = open({.pairs = pairs,
                               .config = {.max_queue_pairs = static_cast<std::uint16_t>(pairs)},
                               .queue_size = ring_size,
                               .features = GetParam().features(),
                               .legacy = GetParam().legacy});
        EXPECT_EQ(device->features(), GetParam().features()) << "all that is offered is accepted";
        EXPECT_EQ(opened.info().ring_layout, GetParam().packed ? "packed" : "split");
        EXPECT_EQ(opened.info().ring_size, ring_size);
        return opened;
    }

    static bool is_number(std::uint64_t number, std::span<const std::byte> bytes) {
        const auto expected = NumberedPackets::bytes(number);
        return bytes.size() == expected.size() && std::memcmp(bytes.data(), expected.data(), bytes.size()) == 0;
    }
    // Appends packets of the next numbers, as far as there are buffers and room; returns how many.
    std::size_t make(QueuePair& pair, Batch& batch, std::size_t count) {
        std::size_t made = 0;
        for (; made < count && !batch.full(); ++made) {
            const auto bytes = NumberedPackets::bytes(to_device_.made);
            if (pair.allocate(batch, 1, bytes.size()) != 1) break;
            std::memcpy(batch[batch.size() - 1].bytes().data(), bytes.data(), bytes.size());
            ++to_device_.made;
        }
        return made;
    }
    // What the device has got, which are the next numbers in order. Returns how many.
    std::size_t check_transmitted(unsigned pair = 0) {
        const auto frames = device->take_transmitted(pair);
        for (const software::Frame& frame : frames) {
            const std::uint64_t number = to_device_.seen++;
            EXPECT_TRUE(is_number(number, frame)) << "packet " << number << " sent, of " << frame.size() << " bytes";
        }
        return frames.size();
    }
    // Sends until all is taken, with the device serving what it was notified of.
    void send_whole(QueuePair& pair, Batch& batch) {
        for (int attempt = 0; attempt < 10'000 && !batch.empty(); ++attempt) {
            pair.send(batch);
            device->step_notified();
            check_transmitted();
        }
        ASSERT_TRUE(batch.empty()) << "the transmitq stays full";
    }

    // Puts up to `count` packets into the receiveq; returns how many there was room for.
    std::uint64_t deliver(std::uint64_t count, const software::Delivery& delivery = {}) {
        std::uint64_t delivered = 0;
        while (delivered < count && device->inject(0, NumberedPackets::bytes(from_device_.made), delivery)) {
            ++delivered;
            ++from_device_.made;
        }
        return delivered;
    }
    // Receives one burst and checks that it is the next numbers in order.
    std::size_t receive(QueuePair& pair, Batch& batch, std::size_t most = Batch::capacity) {
        pair.recv(batch, most);
        EXPECT_LE(batch.size(), most);
        for (Packet& packet : batch) {
            const std::uint64_t number = from_device_.seen++;
            const auto bytes = bytes_of(packet);
            EXPECT_TRUE(is_number(number, bytes))
                << "packet " << number << " received, of " << bytes.size() << " bytes";
            EXPECT_EQ(packet.total_length(), bytes.size());
        }
        return batch.size();
    }
    std::size_t receive_all(QueuePair& pair, Batch& batch) {
        std::size_t received = 0;
        while (const std::size_t count = receive(pair, batch)) received += count;
        return received;
    }

    // Nothing is lost, nothing doubled, and the counters know.
    void expect_all_through() {
        EXPECT_EQ(to_device_.seen, to_device_.made);
        EXPECT_EQ(from_device_.seen, from_device_.made);
        const PairStats now = stats(0);
        EXPECT_EQ(now.tx_packets, to_device_.made);
        EXPECT_EQ(now.rx_packets, from_device_.made);
        EXPECT_EQ(now.drops(), 0u);
        EXPECT_EQ(now.rx_faults + now.tx_faults, 0u);
        EXPECT_EQ(now.state, PairState::active);
    }
    template <typename Use>
    void with_lane(Use use) {
        device->with_lane(0, use);
    }

    struct Count {
        std::uint64_t made = 0;
        std::uint64_t seen = 0;
    };
    Count to_device_;
    Count from_device_;
};

inline const auto form_name = [](const auto& test) { return test.param.name(); };
inline const auto any_form = [](const Form&) { return true; };

}  // namespace vmq
