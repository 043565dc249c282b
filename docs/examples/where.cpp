// Answers every UDP packet over IPv4 with where it arrived, and where vmq::steering says that it should:
//     pair 2 expected 2 hash 5cb4f6a1 own 5cb4f6a1 ports 49152 49155 49153 49157
// `ports` are the local ports, one for each pair, to which this peer's packets would arrive on that pair. Where the
// device does not steer by a hash, and the program does not hand off, there is only the pair.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <vmq/device.hpp>
#include <vmq/steering.hpp>

namespace {

using namespace std::chrono_literals;
using vmq::steering::Flow;

constexpr std::size_t ip_at = 14;
constexpr std::size_t udp_at = ip_at + 20;
constexpr std::size_t text_at = udp_at + 8;

// The configuration in force, asked for now and then: a queue pair's thread must not wait for the control thread.
class Configuration {
public:
    void refresh(const vmq::Device& device) {
        try {
            const vmq::RssConfig config = device.rss().config;
            const std::scoped_lock lock(mutex_);
            config_ = config;
        } catch (const std::system_error&) {
            return;  // not offered, or the device is away
        }
    }
    [[nodiscard]] std::optional<vmq::RssConfig> get() const {
        const std::scoped_lock lock(mutex_);
        return config_;
    }

private:
    mutable std::mutex mutex_;
    std::optional<vmq::RssConfig> config_;
};

std::string answer(const vmq::RssConfig& config, const Flow& flow, vmq::PacketHash hash, unsigned pairs) {
    const vmq::PacketHash own = vmq::steering::hash_of(config, flow);
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), " expected %u hash %08x own %08x ports",
                  vmq::steering::queue_for(config, own), hash.value, own.value);
    std::string line = text.data();
    for (unsigned pair = 0; pair < pairs; ++pair)
        line += ' ' + std::to_string(vmq::steering::source_port_for(config, pair, flow).value_or(0));
    return line;
}

void put16(std::byte* at, std::size_t value) {
    at[0] = static_cast<std::byte>(value >> 8);
    at[1] = static_cast<std::byte>(value);
}

std::uint16_t checksum(const std::byte* header) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < 20; i += 2)
        sum += std::to_integer<std::uint32_t>(header[i]) << 8 | std::to_integer<std::uint32_t>(header[i + 1]);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

// Turns a request around with `text` for its data. False: there is no room.
bool turn_around(vmq::Packet& packet, const std::string& text) {
    packet.trim(packet.bytes().size() - text_at);
    const auto data = packet.append(text.size());
    if (data.size() != text.size()) return false;
    std::transform(text.begin(), text.end(), data.begin(), [](char letter) { return static_cast<std::byte>(letter); });
    std::byte* const bytes = packet.bytes().data();
    std::swap_ranges(bytes, bytes + 6, bytes + 6);
    std::swap_ranges(bytes + ip_at + 12, bytes + ip_at + 16, bytes + ip_at + 16);
    std::swap_ranges(bytes + udp_at, bytes + udp_at + 2, bytes + udp_at + 2);
    put16(bytes + ip_at + 2, packet.bytes().size() - ip_at);
    put16(bytes + udp_at + 4, packet.bytes().size() - udp_at);
    put16(bytes + udp_at + 6, 0);  // no checksum, which IPv4 allows
    put16(bytes + ip_at + 10, 0);
    put16(bytes + ip_at + 10, checksum(bytes + ip_at));
    return true;
}

// False: it is no request.
bool respond(vmq::Packet& packet, unsigned pair, unsigned pairs, const std::optional<vmq::RssConfig>& config) {
    const auto bytes = packet.bytes();
    if (bytes.size() < text_at || packet.segment_count() != 1 || bytes[ip_at] != std::byte{0x45}) return false;
    const std::optional<Flow> flow = vmq::steering::flow_of(bytes);
    if (!flow || !flow->source.is_v4() || flow->protocol != vmq::steering::Protocol::udp) return false;
    std::string text = "pair " + std::to_string(pair);
    if (config) text += answer(*config, *flow, packet.hash(), pairs);
    return turn_around(packet, text);
}

void serve(vmq::Device& device, unsigned index, const Configuration& configuration, const std::stop_token& stop) {
    vmq::QueuePair pair = device.take_queue_pair(index);
    vmq::Batch batch;
    while (!stop.stop_requested()) {
        if (pair.recv(batch) == 0) {
            pair.wait(10ms);
            continue;
        }
        const auto config = configuration.get();
        batch.erase_if([&](vmq::Packet& packet) { return !respond(packet, index, device.queue_pairs(), config); });
        while (!batch.empty() && !stop.stop_requested()) pair.send(batch);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bool hand_off = argc == 3 && std::string_view{argv[2]} == "hand-off";
    if (argc != (hand_off ? 3 : 2)) {
        std::fputs("Usage: where DEV [hand-off]\n", stderr);
        return 2;
    }
    try {
        vmq::Options options;
        options.hand_off = hand_off;
        vmq::Device device = vmq::Device::open(argv[1], options);
        Configuration configuration;
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < device.max_queue_pairs(); ++i)
            threads.emplace_back([&, i](const std::stop_token& stop) { serve(device, i, configuration, stop); });
        for (;;) {
            configuration.refresh(device);
            std::this_thread::sleep_for(50ms);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "where: %s\n", error.what());
        return 1;
    }
}
