// Echo requests one after the other: ARP first, then as fast as the answers come or at the rate asked for.
#include "tools/mqperf/ping_job.hpp"

#include <algorithm>
#include <unistd.h>

#include "tools/mqperf/responder.hpp"
#include "tools/mqperf/serve.hpp"

namespace vmq::mqperf {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto patience = 1s;  // for one answer

std::uint16_t identifier() { return static_cast<std::uint16_t>(getpid()); }

// Takes what answers a ping; true when the packet has become an answer of ours to the other side.
bool take_answers(Packet& packet, Shared& shared) {
    const Bytes head = packet.bytes();
    const std::size_t total = packet.total_length();
    if (const auto mac = read_arp_reply(head, shared.options.to_address)) shared.ping.resolved(*mac);
    if (const auto sequence = read_echo_reply(head, total, shared.me.address, identifier())) {
        shared.ping.answered(*sequence, Clock::now());
    }
    return answer(head, total, shared.me);
}

class Pinger {
public:
    Pinger(QueuePair& pair, Shared& shared) : pair_(pair), shared_(shared) {}

    void run() {
        while (running() && !shared_.ping.peer()) resolve();
        while (running()) {
            const auto start = Clock::now();
            ask();
            if (shared_.options.rate != 0) {
                serve_until(start + std::chrono::nanoseconds{1s} / shared_.options.rate, [] { return false; });
            }
        }
    }

private:
    bool running() const {
        return !shared_.stop && pair_.status() != PairState::broken && pair_.status() != PairState::stopped;
    }

    void resolve() {
        build_packets(pair_, batch_, 1, arp_frame_size,
                      [&](Bytes frame) { build_arp_request(frame, shared_.me, shared_.options.to_address); });
        send_all(pair_, batch_, shared_);
        serve_until(Clock::now() + patience, [&] { return shared_.ping.peer().has_value(); });
    }

    void ask() {
        ++sequence_;
        const Endpoint to{*shared_.ping.peer(), shared_.options.to_address, 0};
        build_packets(pair_, batch_, 1, shared_.options.size,
                      [&](Bytes frame) { build_echo_request(frame, shared_.me, to, identifier(), sequence_); });
        shared_.ping.begin(sequence_, Clock::now());
        send_all(pair_, batch_, shared_);
        serve_until(Clock::now() + patience, [&] { return !shared_.ping.waiting(); });
    }

    template <typename Done>
    void serve_until(Clock::time_point deadline, Done done) {
        auto edit = [&](Packet& packet) { return take_answers(packet, shared_); };
        for (auto now = Clock::now(); running() && now < deadline && !done(); now = Clock::now()) {
            if (serve_round(pair_, batch_, shared_, edit) == 0 && shared_.options.sleep) {
                pair_.wait(std::min<std::chrono::nanoseconds>(deadline - now, 20ms));
            }
        }
    }

    QueuePair& pair_;
    Shared& shared_;
    Batch batch_;
    std::uint16_t sequence_ = 0;
};

}  // namespace

void ping(QueuePair& pair, Shared& shared) {
    if (pair.index() == 0) return Pinger{pair, shared}.run();
    serve(pair, shared, [&](Packet& packet) { return take_answers(packet, shared); });
}

}  // namespace vmq::mqperf
