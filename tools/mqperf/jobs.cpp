// The jobs' loops. A pair that is parked sleeps in wait() until it is active again.
#include "tools/mqperf/jobs.hpp"

#include <thread>
#include <vector>

#include "tools/mqperf/pacer.hpp"
#include "tools/mqperf/ping_job.hpp"
#include "tools/mqperf/responder.hpp"
#include "tools/mqperf/serve.hpp"

namespace vmq::mqperf {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void echo(QueuePair& pair, Shared& shared) {
    serve(pair, shared, [&](Packet& packet) { return answer(packet.bytes(), packet.total_length(), shared.me); });
}

void forward(QueuePair& pair, Shared& shared) {
    serve(pair, shared, [](Packet& packet) {
        if (packet.bytes().size() < ethernet::size) return false;
        swap_macs(packet.bytes());
        return true;
    });
}

void receive(QueuePair& pair, Shared& shared) {
    Batch batch;
    Idle idle;
    while (!shared.stop) {
        if (pair.recv(batch) != 0) {
            idle.busy();
        } else if (!idle.pause(pair)) {
            return;
        }
    }
}

// Packets that may leave now; sleeps a little when there are none.
std::size_t due_packets(Pacer& pacer, const Shared& shared) {
    const PerfOptions& options = shared.options;
    if (options.rate == 0) return options.burst;
    const double share = static_cast<double>(options.rate) / shared.device.queue_pairs();
    const std::size_t due = pacer.due(Clock::now(), share, options.burst);
    if (due == 0) std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(pacer.pause(share), 10ms));
    return due;
}

void send(QueuePair& pair, Shared& shared) {
    Endpoint from = shared.me;
    from.port = static_cast<std::uint16_t>(10'000 + pair.index());  // every pair is a flow of its own
    const Endpoint to{shared.options.to_mac, {0xc612'0002}, 9};     // 198.18.0.2, the discard port
    std::vector<std::byte> frame(shared.options.size);
    build_udp(frame, from, to);

    Batch batch, received;
    Pacer pacer{Clock::now()};
    while (!shared.stop) {
        pair.recv(received);  // counted, and given back by the next call
        if (!pair.active()) {
            batch.clear();
            if (!sleep_on(pair)) return;
            continue;
        }
        build_packets(pair, batch, due_packets(pacer, shared), frame.size(),
                      [&](Bytes bytes) { std::copy(frame.begin(), frame.end(), bytes.begin()); });
        pacer.sent(pair.send(batch));
        if (!batch.empty() && !sleep_on(pair)) return;
    }
}

}  // namespace

void run_job(QueuePair& pair, Shared& shared) {
    switch (shared.options.job) {
        case Job::send:
            return send(pair, shared);
        case Job::receive:
            return receive(pair, shared);
        case Job::forward:
            return forward(pair, shared);
        case Job::echo:
            return echo(pair, shared);
        case Job::ping:
            return ping(pair, shared);
        case Job::soak:
            return shared.soak->serve(pair, shared);
    }
}

}  // namespace vmq::mqperf
