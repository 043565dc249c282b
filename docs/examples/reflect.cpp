// Sends every TCP or UDP packet over IPv4 back to its sender, with what the device left undone left undone again, and
// prints how each came:
//     length 33066 segments 18 checksum partial tcpv4 1448
// The second argument says what the device may leave undone on receipt: nothing, checksum or coalescing; a third,
// software, that it is asked for nothing on sending.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include <vmq/device.hpp>

namespace {

using namespace std::chrono_literals;

constexpr std::size_t ip_at = 14;

const char* name_of(vmq::ChecksumState state) {
    return std::array{"unknown", "good", "partial"}[static_cast<std::size_t>(state)];
}

const char* name_of(vmq::Segmentation segmentation) {
    return std::array{"none", "tcpv4", "tcpv6", "udp"}[static_cast<std::size_t>(segmentation)];
}

void print(vmq::Packet& packet) {
    const vmq::Offload offload = packet.offload();
    std::printf("length %zu segments %zu checksum %s %s %u\n", packet.total_length(), packet.segment_count(),
                name_of(packet.checksum()), name_of(offload.segmentation), offload.segment_size);
    std::fflush(stdout);
}

// Addresses and ports exchanged; no sum changes by that. False: it is no such packet.
bool turn_around(vmq::Packet& packet) {
    const auto bytes = packet.bytes();
    if (bytes.size() < ip_at + 28 || bytes[12] != std::byte{0x08} || bytes[13] != std::byte{0x00}) return false;
    if (bytes[ip_at] != std::byte{0x45}) return false;
    if (bytes[ip_at + 9] != std::byte{6} && bytes[ip_at + 9] != std::byte{17}) return false;
    std::byte* const at = bytes.data();
    std::swap_ranges(at, at + 6, at + 6);
    std::swap_ranges(at + ip_at + 12, at + ip_at + 16, at + ip_at + 16);
    std::swap_ranges(at + ip_at + 20, at + ip_at + 22, at + ip_at + 22);
    return true;
}

void reflect(vmq::QueuePair& pair) {
    vmq::Batch batch;
    for (;;) {
        if (pair.recv(batch) == 0) {
            if (pair.wait(1s) == vmq::WakeReason::stopped) return;
            continue;
        }
        batch.erase_if([](vmq::Packet& packet) { return !turn_around(packet); });
        for (vmq::Packet& packet : batch) {
            print(packet);
            packet.request(packet.offload());
        }
        while (!batch.empty()) pair.send(batch);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc > 2 ? argv[2] : "";
    const bool software = argc == 4 && std::string_view{argv[3]} == "software";
    if (argc != (software ? 4 : 3) || (what != "nothing" && what != "checksum" && what != "coalescing")) {
        std::fputs("Usage: reflect DEV nothing|checksum|coalescing [software]\n", stderr);
        return 2;
    }
    try {
        vmq::Options options;
        options.queue_pairs = 1;
        options.receive_checksum = what == "checksum";
        options.receive_coalescing = what == "coalescing";
        if (software) options.refused_features = {"CSUM"};
        vmq::Device device = vmq::Device::open(argv[1], options);
        vmq::QueuePair pair = device.take_queue_pair(0);
        reflect(pair);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "reflect: %s\n", error.what());
        return 1;
    }
}
