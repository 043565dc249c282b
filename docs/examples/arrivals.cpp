// Says what arrives, a line a packet, after setting what may:
//     arrivals DEV [filtered] [multicast] [mac=MAC] [filter=MAC…] [vlan=ID…]
//     packet to 52:54:00:12:34:56 type 88b5
// `filtered` ends promiscuous mode, `multicast` lets every multicast packet through. "ready" comes first, and
// "announce" whenever the device has asked for an announcement.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <vmq/device.hpp>

namespace {

using namespace std::chrono_literals;

vmq::MacAddress parse_mac(std::string_view text) {
    vmq::MacAddress mac{};
    const std::string word{text};
    const int read = std::sscanf(word.c_str(), "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
                                 &mac[4], &mac[5]);
    if (read != 6) throw std::invalid_argument(word + " is no MAC address");
    return mac;
}

void set_up(vmq::Device& device, const std::vector<std::string_view>& words) {
    vmq::ReceiveMode mode;
    vmq::MacFilters filters;
    for (const std::string_view word : words) {
        const std::string_view value = word.substr(word.find('=') + 1);
        if (word == "filtered") {
            mode.promiscuous = false;
        } else if (word == "multicast") {
            mode.all_multicast = true;
        } else if (word.starts_with("mac=")) {
            device.set_mac(parse_mac(value));
        } else if (word.starts_with("filter=")) {
            const vmq::MacAddress mac = parse_mac(value);
            ((mac[0] & 1) != 0 ? filters.multicast : filters.unicast).push_back(mac);
        } else if (word.starts_with("vlan=")) {
            device.add_vlan(static_cast<unsigned>(std::strtoul(value.data(), nullptr, 10)));
        } else {
            throw std::invalid_argument(std::string{word} + " is not understood");
        }
    }
    device.set_mac_filters(filters);
    device.set_receive_mode(mode);
}

void say(const vmq::Packet& packet) {
    const auto bytes = packet.bytes();
    if (bytes.size() < 14) return;
    vmq::MacAddress to{};
    std::memcpy(to.data(), bytes.data(), to.size());
    std::printf("packet to %s type %02x%02x\n", vmq::to_string(to).c_str(), std::to_integer<unsigned>(bytes[12]),
                std::to_integer<unsigned>(bytes[13]));
}

void serve(vmq::Device& device, unsigned index, const std::stop_token& stop) {
    vmq::QueuePair pair = device.take_queue_pair(index);
    vmq::Batch batch;
    while (!stop.stop_requested()) {
        if (pair.recv(batch) == 0) pair.wait(10ms);
        for (const vmq::Packet& packet : batch) say(packet);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("Usage: arrivals DEV [filtered] [multicast] [mac=MAC] [filter=MAC...] [vlan=ID...]\n", stderr);
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    try {
        vmq::Options options;
        options.announce = [] { std::puts("announce"); };
        vmq::Device device = vmq::Device::open(argv[1], options);
        set_up(device, {argv + 2, argv + argc});
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < device.max_queue_pairs(); ++i)
            threads.emplace_back([&, i](const std::stop_token& stop) { serve(device, i, stop); });
        std::puts("ready");
        for (;;) std::this_thread::sleep_for(1s);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "arrivals: %s\n", error.what());
        return 1;
    }
}
