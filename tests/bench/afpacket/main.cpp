// vmq_bench_afpacket: packets through the kernel's driver, by sendmmsg and recvmmsg on a packet socket. It is the third
// party beside vmq and DPDK in a guest, and the source of packets on the tap's side.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::string_view usage = R"(Usage: vmq_bench_afpacket send INTERFACE SECONDS TO-MAC [RATE]
       vmq_bench_afpacket receive INTERFACE SECONDS

Sends frames of 64 bytes in bursts of 32, as fast as the kernel takes them or RATE a second, or counts the frames that
arrive. Prints {"packets": N, "seconds": S}.
)";

constexpr std::size_t burst = 32;
constexpr std::size_t frame_size = 64;
constexpr std::size_t buffer_size = 2048;
constexpr std::uint16_t experimental = 0x88b5;  // an ether type that no protocol of the kernel looks at

struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

int check(int result, const char* operation) {
    if (result < 0) throw std::system_error{errno, std::generic_category(), operation};
    return result;
}

// Buffers for one call of sendmmsg or recvmmsg.
struct Burst {
    explicit Burst(std::size_t length) {
        for (std::size_t i = 0; i < burst; ++i) {
            pieces[i] = {frames[i].data(), length};
            messages[i].msg_hdr.msg_iov = &pieces[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
    }
    Burst(const Burst&) = delete;
    Burst& operator=(const Burst&) = delete;

    std::array<std::array<std::uint8_t, buffer_size>, burst> frames{};
    std::array<iovec, burst> pieces{};
    std::array<mmsghdr, burst> messages{};
};

// A packet socket on one interface. `protocol` 0: it receives nothing.
class PacketSocket {
public:
    PacketSocket(const std::string& interface, std::uint16_t protocol)
        : fd_{check(::socket(AF_PACKET, SOCK_RAW, 0), "socket(AF_PACKET)")} {
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(protocol);
        address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
        if (address.sll_ifindex == 0) throw std::system_error{errno, std::generic_category(), interface};
        check(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
    }
    ~PacketSocket() { ::close(fd_); }
    PacketSocket(const PacketSocket&) = delete;
    PacketSocket& operator=(const PacketSocket&) = delete;

    template <typename Value>
    void set(int level, int option, const Value& value) {
        check(::setsockopt(fd_, level, option, &value, sizeof value), "setsockopt");
    }

    // Waits for room. What the interface refuses is not among the number returned.
    std::size_t send(Burst& packets) {
        const int sent = ::sendmmsg(fd_, packets.messages.data(), burst, 0);
        if (sent < 0 && errno == ENOBUFS) return 0;
        return static_cast<std::size_t>(check(sent, "sendmmsg"));
    }

    // Waits for the first packet at most as long as SO_RCVTIMEO says, for no other.
    std::size_t receive(Burst& packets) {
        const int received = ::recvmmsg(fd_, packets.messages.data(), burst, MSG_WAITFORONE, nullptr);
        if (received < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
        return static_cast<std::size_t>(check(received, "recvmmsg"));
    }

private:
    int fd_;
};

using Mac = std::array<std::uint8_t, 6>;

Mac parse_mac(const std::string& text) {
    Mac mac{};
    int end = 0;
    const int fields = std::sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
                                   &mac[3], &mac[4], &mac[5], &end);
    if (fields != 6 || static_cast<std::size_t>(end) != text.size()) throw UsageError{text + ": no MAC address"};
    return mac;
}

double parse_positive(const std::string& text) {
    std::size_t used = 0;
    double value = 0;
    try {
        value = std::stod(text, &used);
    } catch (const std::logic_error&) {
        used = 0;
    }
    if (used != text.size() || !(value > 0)) throw UsageError{text + ": no positive number"};
    return value;
}

// Calls `turn` with the seconds since the start and adds up what it returns, until `seconds` are over.
template <typename Turn>
void run(double seconds, Turn&& turn) {
    const auto begin = Clock::now();
    std::uint64_t packets = 0;
    double elapsed = 0;
    while (elapsed < seconds) {
        packets += turn(elapsed, packets);
        elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    std::printf("{\"packets\": %llu, \"seconds\": %.3f}\n", static_cast<unsigned long long>(packets), elapsed);
}

// `rate` 0: no limit.
void send(const std::string& interface, double seconds, const Mac& to, double rate) {
    PacketSocket socket{interface, 0};
    Burst packets{frame_size};
    for (auto& frame : packets.frames) {
        std::copy(to.begin(), to.end(), frame.begin());
        frame[6] = 0x02;  // from a locally administered address
        frame[12] = experimental >> 8;
        frame[13] = experimental & 0xff;
    }
    run(seconds, [&](double elapsed, std::uint64_t sent) -> std::size_t {
        if (rate != 0 && static_cast<double>(sent + burst) > rate * elapsed) {
            std::this_thread::sleep_for(100us);
            return 0;
        }
        return socket.send(packets);
    });
}

void receive(const std::string& interface, double seconds) {
    PacketSocket socket{interface, ETH_P_ALL};
    socket.set(SOL_SOCKET, SO_RCVTIMEO, timeval{0, 50'000});
    socket.set(SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20);
    socket.set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    Burst packets{buffer_size};
    run(seconds, [&](double, std::uint64_t) { return socket.receive(packets); });
}

void work(int argc, char** argv) {
    const auto word = [&](int index) { return std::string{index < argc ? argv[index] : ""}; };
    const std::string job = word(1);
    if (job == "send" && (argc == 5 || argc == 6))
        return send(word(2), parse_positive(word(3)), parse_mac(word(4)), argc == 6 ? parse_positive(word(5)) : 0);
    if (job == "receive" && argc == 4) return receive(word(2), parse_positive(word(3)));
    throw UsageError{std::string{usage}};
}

}  // namespace

int main(int argc, char** argv) {
    try {
        work(argc, argv);
        return 0;
    } catch (const UsageError& error) {
        std::fprintf(stderr, "vmq_bench_afpacket: %s\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "vmq_bench_afpacket: %s\n", error.what());
        return 1;
    }
}
