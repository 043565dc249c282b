// vmq_bench_counted: the jobs' loops for an instruction counter. A loop's body for one burst is a function
// `counted_...`, which the counter is told to collect in; the device acts between two calls of it, and so always has a
// whole burst ready. What comes first, until the rings have gone round several times, is done by a function
// `skipped_...` of the same body.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <vmq/device.hpp>

#include "driver/device_factory.hpp"
#include "tests/bench/counted/transport.hpp"
#include "tools/common/command_line.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"

namespace {

using namespace vmq;

constexpr unsigned warm_up_packets = 8'192;

constexpr unsigned front_bytes = 54;  // Ethernet, IPv4 and TCP headers
constexpr unsigned longest = 65'400;

struct Work {
    unsigned burst = 32;
    unsigned size = 64;
    std::uint64_t packets = 32'768;
    // What send-copied and send-attached send, of the application's own: at each packet of a burst another part.
    const RegisteredMemory* memory = nullptr;

    [[nodiscard]] std::span<const std::byte> payload(std::size_t packet) const {
        return memory->bytes().subspan(packet * longest, size - front_bytes);
    }
};

volatile std::uint64_t sum_of_first_bytes;

inline std::size_t send(QueuePair& pair, Batch& batch, const Work& work) {
    pair.allocate(batch, work.burst - batch.size(), work.size);
    return pair.send(batch);
}

// The two differ in how the payload comes into the packet.
inline std::size_t send_copied(QueuePair& pair, Batch& batch, const Work& work) {
    pair.allocate(batch, work.burst - batch.size(), front_bytes);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto payload = work.payload(i);
        const auto place = batch[i].append(payload.size());
        if (place.empty()) return 0;
        std::memcpy(place.data(), payload.data(), payload.size());
    }
    return pair.send(batch);
}

inline std::size_t send_attached(QueuePair& pair, Batch& batch, const Work& work) {
    pair.allocate(batch, work.burst - batch.size(), front_bytes);
    for (std::size_t i = 0; i < batch.size(); ++i)
        if (!pair.attach(batch[i], *work.memory, work.payload(i))) return 0;
    return pair.send(batch);
}

inline std::size_t receive(QueuePair& pair, Batch& batch, const Work& work) {
    const std::size_t count = pair.recv(batch, work.burst);
    std::uint64_t sum = 0;
    for (Packet& packet : batch) {
        std::uint64_t first = 0;
        std::memcpy(&first, packet.bytes().data(), sizeof first);
        sum += first;
    }
    sum_of_first_bytes = sum;
    return count;
}

inline std::size_t forward(QueuePair& pair, Batch& batch, const Work& work) {
    pair.recv(batch, work.burst);
    for (Packet& packet : batch) {
        std::byte addresses[12];
        std::byte* const bytes = packet.bytes().data();
        std::memcpy(addresses, bytes + 6, 6);
        std::memcpy(addresses + 6, bytes, 6);
        std::memcpy(bytes, addresses, sizeof addresses);
    }
    return pair.send(batch);
}

}  // namespace

// Neither inlined nor (see CMakeLists.txt) merged: the counter knows them by their names.
extern "C" {
using Burst = std::size_t(QueuePair&, Batch&, const Work&);

[[gnu::noinline]] std::size_t skipped_send(QueuePair& pair, Batch& batch, const Work& work) {
    return send(pair, batch, work);
}
[[gnu::noinline]] std::size_t counted_send(QueuePair& pair, Batch& batch, const Work& work) {
    return send(pair, batch, work);
}
[[gnu::noinline]] std::size_t skipped_send_copied(QueuePair& pair, Batch& batch, const Work& work) {
    return send_copied(pair, batch, work);
}
[[gnu::noinline]] std::size_t counted_send_copied(QueuePair& pair, Batch& batch, const Work& work) {
    return send_copied(pair, batch, work);
}
[[gnu::noinline]] std::size_t skipped_send_attached(QueuePair& pair, Batch& batch, const Work& work) {
    return send_attached(pair, batch, work);
}
[[gnu::noinline]] std::size_t counted_send_attached(QueuePair& pair, Batch& batch, const Work& work) {
    return send_attached(pair, batch, work);
}
[[gnu::noinline]] std::size_t skipped_receive(QueuePair& pair, Batch& batch, const Work& work) {
    return receive(pair, batch, work);
}
[[gnu::noinline]] std::size_t counted_receive(QueuePair& pair, Batch& batch, const Work& work) {
    return receive(pair, batch, work);
}
[[gnu::noinline]] std::size_t skipped_forward(QueuePair& pair, Batch& batch, const Work& work) {
    return forward(pair, batch, work);
}
[[gnu::noinline]] std::size_t counted_forward(QueuePair& pair, Batch& batch, const Work& work) {
    return forward(pair, batch, work);
}
}

namespace {

struct Job {
    const char* name;
    bench::Mode mode;  // of the device
    Burst* skipped;
    Burst* counted;
};

constexpr std::array jobs{Job{"send", bench::Mode::drop, skipped_send, counted_send},
                          Job{"send_copied", bench::Mode::drop, skipped_send_copied, counted_send_copied},
                          Job{"send_attached", bench::Mode::drop, skipped_send_attached, counted_send_attached},
                          Job{"receive", bench::Mode::flood, skipped_receive, counted_receive},
                          Job{"forward", bench::Mode::both, skipped_forward, counted_forward}};

const Job& job_of(const std::string& name) {
    for (const Job& job : jobs)
        if (name == job.name) return job;
    throw tools::UsageError{"unknown job '" + name + "': send, send_copied, send_attached, receive or forward"};
}

// Returns the packets moved, exactly as many as asked for or a burst more.
std::uint64_t run(Burst* burst, std::uint64_t packets, bench::Pair& device, QueuePair& pair, const Work& work) {
    Batch batch;
    std::uint64_t moved = 0;
    while (moved < packets) {
        device.poll();
        const std::size_t count = burst(pair, batch, work);
        if (count != work.burst) throw std::runtime_error("a burst of " + std::to_string(count) + " packets");
        moved += count;
    }
    return moved;
}

void count(const Job& job, Work work, virtio::FeatureSet features) {
    bench::InlineDevice device;
    device.features = features;
    device.settings.mode = job.mode;
    device.settings.size = work.size;
    device.settings.burst = work.burst;
    Options options;
    options.queue_pairs = 1;
    options.placement = PlacementPolicy::none;
    options.pin_threads = false;
    options.mode = Mode::poll;
    options.control_socket = std::nullopt;
    options.mtu = std::max(1500u, work.size);
    std::vector<std::byte> payload(std::size_t{Batch::capacity} * longest);
    Device vmq = DeviceFactory::open(std::make_unique<bench::InlineTransport>(device), options);
    QueuePair pair = vmq.take_queue_pair(0);
    const RegisteredMemory memory = vmq.register_memory(payload);
    work.memory = &memory;
    run(job.skipped, warm_up_packets, *device.pair, pair, work);
    std::printf("%llu\n", static_cast<unsigned long long>(run(job.counted, work.packets, *device.pair, pair, work)));
}

void declare_options(boost::program_options::options_description& options) {
    namespace po = boost::program_options;
    const auto word = [] { return po::value<std::string>(); };
    auto add = options.add_options();
    add("job", word()->value_name("JOB"), "send, send_copied, send_attached, receive or forward");
    add("burst", word()->value_name("N"), "packets a burst (default: 32)");
    add("size", word()->value_name("BYTES"), "of a packet (default: 64)");
    add("packets", word()->value_name("N"), "to be counted (default: 32768)");
    add("packed", "packed rings");
    add("in-order", "buffers are used in order");
    add("mergeable", "received packets may lie in several buffers");
}

void run_command_line(const tools::CommandLine& line) {
    using virtio::Feature;
    Work work;
    const auto number = [&](const char* option, auto& value, unsigned least, unsigned most) {
        if (const auto text = line.text(option))
            value = static_cast<unsigned>(tools::parse_number(*text, option, least, most));
    };
    number("burst", work.burst, 1, Batch::capacity);
    number("size", work.size, 64, longest);
    number("packets", work.packets, 1, 1'000'000'000);
    virtio::FeatureSet features{Feature::version_1, Feature::event_idx, Feature::indirect_desc};
    if (line.has("packed")) features.add(Feature::ring_packed);
    if (line.has("in-order")) features.add(Feature::in_order);
    if (line.has("mergeable")) features.add(Feature::mrg_rxbuf);
    count(job_of(line.text("job").value_or("")), work, features);
}

}  // namespace

int main(int argc, char** argv) {
    return tools::run_tool("vmq_bench_counted", [&] {
        tools::Syntax syntax{"vmq_bench_counted", "Usage: vmq_bench_counted --job JOB [OPTIONS]\n"};
        declare_options(syntax.options);
        if (const auto line = tools::parse_command_line(std::move(syntax), argc, argv)) run_command_line(*line);
    });
}
