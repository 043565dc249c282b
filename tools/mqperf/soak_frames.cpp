// Payload: what all packets of the run begin with, the label, the payload's length, then words that follow from both.
#include "tools/mqperf/soak_frames.hpp"

#include <cstring>

#include "tools/mqperf/checksum.hpp"

namespace vmq::mqperf {
namespace {

constexpr std::uint32_t magic = 0x736f616b;
constexpr std::uint16_t first_port = 20'000;
constexpr std::uint16_t echo_port = 7;

// Only ever read by the program that wrote it: in the machine's own byte order.
struct Head {
    std::uint32_t magic;
    std::uint32_t run;
    std::uint16_t sender;
    std::uint16_t flow;
    std::uint32_t length;
    std::uint64_t number;
};
static_assert(smallest_ip_frame + sizeof(Head) == smallest_soak_frame);

class Filler {
public:
    explicit Filler(const Head& head) noexcept
        : word_((head.number + head.run) * 0x9e37'79b9'7f4a'7c15 ^ std::uint64_t{head.sender} << 48 ^
                std::uint64_t{head.flow} << 32 ^ head.length) {}
    std::uint64_t next() noexcept { return word_ = word_ * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407; }

private:
    std::uint64_t word_;
};

// Calls `word(at, value, bytes)` for each word behind the head.
template <typename Word>
void for_each_word(const Head& head, Word word) {
    Filler filler{head};
    for (std::size_t at = sizeof head; at < head.length; at += sizeof(std::uint64_t))
        word(at, filler.next(), std::min<std::size_t>(sizeof(std::uint64_t), head.length - at));
}

}  // namespace

SoakFrames::SoakFrames(std::uint32_t run, unsigned senders, const Endpoint& from, const Endpoint& to)
    : run_(run), senders_(senders), headers_(std::size_t{senders} * soak_flows) {
    Endpoint source = from;
    Endpoint destination = to;
    destination.port = echo_port;
    for (std::size_t i = 0; i < headers_.size(); ++i) {
        source.port = static_cast<std::uint16_t>(first_port + i);
        build_udp(headers_[i], source, destination);
        store16(headers_[i], smallest_ip_frame - udp::size + udp::checksum, 0);
    }
}

void SoakFrames::address_to(const MacAddress& mac) noexcept {
    for (Header& header : headers_) store_mac(header, ethernet::destination, mac);
}

void SoakFrames::build(Bytes frame, const SoakLabel& label) const noexcept {
    const Header& header = headers_[std::size_t{label.sender} * soak_flows + label.flow];
    std::memcpy(frame.data(), header.data(), header.size());
    const std::uint16_t before = load16(header, ipv4::total_length);
    const auto total = static_cast<std::uint16_t>(frame.size() - ethernet::size);
    store16(frame, ipv4::total_length, total);
    store16(frame, ipv4::checksum, checksum_update(load16(header, ipv4::checksum), before, total));
    store16(frame, smallest_ip_frame - udp::size + udp::length,
            static_cast<std::uint16_t>(total - ipv4::smallest_header));

    const Bytes payload = frame.subspan(smallest_ip_frame);
    const Head head{magic, run_, label.sender, label.flow, static_cast<std::uint32_t>(payload.size()), label.number};
    std::memcpy(payload.data(), &head, sizeof head);
    for_each_word(head, [&](std::size_t at, std::uint64_t value, std::size_t bytes) {
        std::memcpy(payload.data() + at, &value, bytes);
    });
}

SoakFrames::Reading SoakFrames::read(ConstBytes frame) const noexcept {
    if (frame.size() < smallest_soak_frame) return {};
    const ConstBytes payload = frame.subspan(smallest_ip_frame);
    Head head{};
    std::memcpy(&head, payload.data(), sizeof head);
    if (head.magic != magic || head.run != run_) return {};
    if (head.sender >= senders_ || head.flow >= soak_flows || head.length != payload.size())
        return {Finding::damaged, {}};
    std::uint64_t difference = 0;
    for_each_word(head, [&](std::size_t at, std::uint64_t value, std::size_t bytes) {
        std::uint64_t found = value;
        std::memcpy(&found, payload.data() + at, bytes);
        difference |= found ^ value;
    });
    if (difference != 0) return {Finding::damaged, {}};
    return {Finding::whole, {head.sender, head.flow, head.number}};
}

}  // namespace vmq::mqperf
