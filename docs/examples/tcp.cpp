// A TCP peer: lwIP (Debian's package liblwip-dev) on one queue pair, in one thread. An HTTP server that keeps what was
// uploaded to it last and serves it again:
//     tcp DEV 10.0.77.2 [checksum] [coalescing] [segments] [software]
//     curl -T file -H Expect: http://10.0.77.2/    curl -o copy http://10.0.77.2/
// `coalescing` lets the device deliver segments put together. `segments` has lwIP make segments of many times what the
// line takes, for the device to cut, which reads them where they lie; `software`: for the library to cut. `checksum`
// leaves TCP's checksums to the device: Debian's lwIP computes and verifies every one and has no setting against it,
// but calls functions for it that a program's own of the same names come before. Without it a partial one is completed.
// It also copies what is written to it.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <lwip/etharp.h>
#include <lwip/inet_chksum.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <memory>
#include <netif/ethernet.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <vmq/device.hpp>

namespace {

using namespace std::chrono_literals;

constexpr u16_t longest_frame = 1514;
constexpr u16_t all_headers = 14 + 60 + 60;  // Ethernet, IPv4 and TCP with all options
constexpr std::uint16_t line_mss = TCP_MSS;
constexpr std::uint16_t large_mss = 20 * line_mss;

// Set by `checksum`, and while a packet is taken in whose checksum the device has not vouched for, cleared.
bool left_to_device = false;

// Memory for large segments while they are on their way.
class Slots {
public:
    static constexpr std::size_t size = 32 * 1024;
    static constexpr std::size_t count = 64;

    Slots() : memory_(static_cast<std::byte*>(std::aligned_alloc(4096, size * count)), &std::free) {
        for (std::size_t i = 0; i < count; ++i) free_.push_back(memory_.get() + i * size);
    }
    [[nodiscard]] std::span<std::byte> bytes() const { return {memory_.get(), size * count}; }
    // Empty: all are on their way.
    [[nodiscard]] std::span<std::byte> take() {
        if (free_.empty()) return {};
        std::byte* const slot = free_.back();
        free_.pop_back();
        return {slot, size};
    }
    [[nodiscard]] vmq::SendDone give() {
        return {.told =
                    [](void* slots, std::span<const std::byte> piece) noexcept {
                        auto& self = *static_cast<Slots*>(slots);
                        self.free_.push_back(self.memory_.get() + (piece.data() - self.memory_.get()));
                    },
                .context = this};
    }

private:
    std::unique_ptr<std::byte, decltype(&std::free)> memory_;
    std::vector<std::byte*> free_;
};

// The network interface: lwIP's packets are copied into the pair's, and back.
class Interface {
public:
    // `slots`: where large segments are made; they outlive the device. nullptr: none are.
    Interface(vmq::Device& device, const ip4_addr_t& address, Slots* slots, bool checksum)
        : pair_(device.take_queue_pair(0)), mac_(*device.info().mac), slots_(slots), checksum_(checksum) {
        left_to_device = checksum;
        if (slots != nullptr) memory_.emplace(device.register_memory(slots->bytes()));
        ip4_addr_t mask, none{};
        IP4_ADDR(&mask, 255, 255, 255, 0);
        netif_add(&netif_, &address, &mask, &none, this, &Interface::set_up, &ethernet_input);
        netif_set_default(&netif_);
        netif_set_link_up(&netif_);
        netif_set_up(&netif_);
    }

    void run() {
        vmq::Batch received;
        for (;;) {
            pair_.recv(received);
            for (vmq::Packet& packet : received) take_in(packet);
            sys_check_timeouts();
            while (!sending_.empty() && pair_.send(sending_) != 0) continue;
            if (!received.empty()) continue;
            const auto next = std::chrono::milliseconds{std::min<std::uint32_t>(sys_timeouts_sleeptime(), 1000)};
            if (pair_.wait(next) == vmq::WakeReason::stopped) return;
        }
    }

private:
    static err_t set_up(netif* netif) {
        const auto& self = *static_cast<const Interface*>(netif->state);
        netif->name[0] = 'v';
        netif->name[1] = 'q';
        netif->mtu = self.slots_ != nullptr ? 65535 : 1500;
        netif->hwaddr_len = 6;
        std::copy(self.mac_.begin(), self.mac_.end(), netif->hwaddr);
        netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
        netif->output = &etharp_output;
        netif->linkoutput = [](struct netif* from, pbuf* frame) {
            return static_cast<Interface*>(from->state)->send(*frame);
        };
        return ERR_OK;
    }

    // lwIP tries again later what is refused.
    err_t send(pbuf& frame) {
        if (sending_.full()) pair_.send(sending_);
        const auto front = std::min<u16_t>(frame.tot_len, frame.tot_len > longest_frame ? all_headers : longest_frame);
        if (sending_.full() || pair_.allocate(sending_, 1, front) == 0) return ERR_MEM;
        vmq::Packet& packet = sending_[sending_.size() - 1];
        pbuf_copy_partial(&frame, packet.bytes().data(), front, 0);
        if (checksum_ && is_tcp(packet)) packet.request({.needs_checksum = true});
        if (front == frame.tot_len || add_rest(packet, frame, front)) return ERR_OK;
        static_cast<void>(sending_.take(sending_.size() - 1));
        return ERR_MEM;
    }

    static bool is_tcp(vmq::Packet& packet) {
        const auto bytes = packet.bytes();  // of Ethernet, IPv4 and a protocol number
        return bytes.size() > 23 && bytes[12] == std::byte{8} && bytes[13] == std::byte{0} && bytes[23] == std::byte{6};
    }

    bool add_rest(vmq::Packet& packet, pbuf& frame, u16_t front) {
        const auto slot = slots_->take();
        if (slot.empty()) return false;
        const auto rest = slot.first(pbuf_copy_partial(&frame, slot.data(), static_cast<u16_t>(slot.size()), front));
        packet.request({.segmentation = vmq::Segmentation::tcpv4, .segment_size = line_mss});
        if (pair_.attach(packet, *memory_, rest, slots_->give())) return true;
        slots_->give().told(slots_, rest);
        return false;
    }

    void take_in(vmq::Packet& packet) {
        const std::size_t length = packet.total_length();
        pbuf* const frame = length <= 0xffff ? pbuf_alloc(PBUF_RAW, static_cast<u16_t>(length), PBUF_RAM) : nullptr;
        if (frame == nullptr) return;
        auto* const bytes = static_cast<std::byte*>(frame->payload);
        std::size_t copied = 0;
        for (std::size_t i = 0; i < packet.segment_count(); ++i) {
            std::ranges::copy(packet.segment(i), bytes + copied);
            copied += packet.segment(i).size();
        }
        left_to_device = checksum_ && packet.checksum() != vmq::ChecksumState::unknown;
        if (packet.checksum() == vmq::ChecksumState::partial && !checksum_) complete({bytes, length}, packet.offload());
        if (netif_.input(frame, &netif_) != ERR_OK) pbuf_free(frame);
        left_to_device = checksum_;
    }

    static void complete(std::span<std::byte> packet, const vmq::Offload& offload) {
        const auto summed = packet.subspan(offload.checksum_start);
        const std::uint16_t sum = inet_chksum(summed.data(), static_cast<u16_t>(summed.size()));
        std::memcpy(summed.data() + offload.checksum_offset, &sum, sizeof sum);
    }

    vmq::QueuePair pair_;
    vmq::MacAddress mac_;
    Slots* slots_;
    const bool checksum_;  // left to the device
    std::optional<vmq::RegisteredMemory> memory_;
    netif netif_{};
    vmq::Batch sending_;
};

// What all connections share.
struct Store {
    std::string last = "nothing has been uploaded yet\n";
    bool segments = false;
};

// One request: PUT or POST with a Content-Length, or GET. Closed after the answer.
class Connection {
public:
    Connection(tcp_pcb* pcb, Store& store) : pcb_(pcb), store_(store) {
        tcp_arg(pcb, this);
        tcp_nagle_disable(pcb);
        if (store.segments)
            pcb->mss = large_mss;  // of what lwIP makes; the handshake has told the other end the line's
        tcp_err(pcb, [](void* self, err_t) { delete static_cast<Connection*>(self); });
        tcp_recv(pcb, [](void* self, tcp_pcb*, pbuf* data, err_t) {
            static_cast<Connection*>(self)->received(data);
            return err_t{ERR_OK};
        });
        tcp_sent(pcb, [](void* self, tcp_pcb*, u16_t) {
            static_cast<Connection*>(self)->answer();
            return err_t{ERR_OK};
        });
    }

private:
    void received(pbuf* data) {
        if (data == nullptr) return close();
        const std::size_t before = request_.size();
        request_.resize(before + data->tot_len);
        pbuf_copy_partial(data, request_.data() + before, data->tot_len, 0);
        tcp_recved(pcb_, data->tot_len);
        pbuf_free(data);
        if (body_ == std::string::npos) read_header();
        if (body_ == std::string::npos || request_.size() < body_ + length_ || !answer_.empty()) return;
        if (!request_.starts_with("GET")) store_.last = request_.substr(body_, length_);
        const std::string content = request_.starts_with("GET") ? store_.last : "";
        answer_ = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(content.size()) +
                  "\r\n\r\n" + content;
        answer();
    }

    void read_header() {
        const std::size_t end = request_.find("\r\n\r\n");
        if (end == std::string::npos) return;
        body_ = end + 4;
        constexpr std::string_view field = "\r\nContent-Length: ";
        const std::size_t at = request_.find(field);
        if (at < end) std::from_chars(request_.data() + at + field.size(), request_.data() + end, length_);
        request_.reserve(body_ + length_);
    }

    void answer() {
        while (sent_ < answer_.size()) {
            const std::size_t room = tcp_sndbuf(pcb_);
            const auto count = static_cast<u16_t>(std::min<std::size_t>({room, answer_.size() - sent_, 0xffff}));
            if (count == 0 || tcp_write(pcb_, answer_.data() + sent_, count, 0) != ERR_OK) break;
            sent_ += count;
        }
        tcp_output(pcb_);
        if (sent_ == answer_.size() && !answer_.empty()) close();
    }

    // What was written still goes out; lwIP itself tries again when it has no memory for the last segment.
    void close() {
        tcp_arg(pcb_, nullptr);
        tcp_err(pcb_, nullptr);
        tcp_recv(pcb_, nullptr);
        tcp_sent(pcb_, nullptr);
        tcp_close(pcb_);
        delete this;
    }

    tcp_pcb* pcb_;
    Store& store_;
    std::string request_;
    std::size_t body_ = std::string::npos;
    std::size_t length_ = 0;
    std::string answer_;
    std::size_t sent_ = 0;
};

void listen(Store& store) {
    tcp_pcb* const pcb = tcp_new();
    tcp_bind(pcb, IP_ADDR_ANY, 80);
    tcp_pcb* const listener = tcp_listen(pcb);
    tcp_arg(listener, &store);
    tcp_accept(listener, [](void* all, tcp_pcb* accepted, err_t) {
        if (accepted != nullptr) new Connection(accepted, *static_cast<Store*>(all));
        return err_t{ERR_OK};
    });
}

}  // namespace

// In place of lwIP's own: the sum of what tcp_write copies, and the one that tcp_input verifies and that is made for
// segments without data.
extern "C" u16_t lwip_chksum_copy(void* to, const void* from, u16_t length) {
    std::memcpy(to, from, length);
    return left_to_device ? u16_t{0} : static_cast<u16_t>(~inet_chksum(to, length));
}
extern "C" u16_t ip_chksum_pseudo(pbuf* p, u8_t protocol, u16_t length, const ip_addr_t* from, const ip_addr_t* to) {
    if (left_to_device && protocol == IP_PROTO_TCP) return 0;
    if (IP_IS_V6(to)) return ip6_chksum_pseudo(p, protocol, length, ip_2_ip6(from), ip_2_ip6(to));
    return inet_chksum_pseudo(p, protocol, length, ip_2_ip4(from), ip_2_ip4(to));
}

int main(int argc, char** argv) {
    ip4_addr_t address;
    const std::vector<std::string_view> words(argv + std::min(argc, 3), argv + argc);
    const auto has = [&](std::string_view word) { return std::ranges::count(words, word) != 0; };
    const auto unknown = [](std::string_view word) {
        return word != "checksum" && word != "coalescing" && word != "segments" && word != "software";
    };
    if (argc < 3 || ip4addr_aton(argv[2], &address) == 0 || std::ranges::any_of(words, unknown)) {
        std::fputs("Usage: tcp DEV ADDRESS [checksum] [coalescing] [segments] [software]\n", stderr);
        return 2;
    }
    try {
        Store store{.segments = has("segments")};
        vmq::Options options;
        options.queue_pairs = 1;
        options.receive_coalescing = has("coalescing");
        options.receive_checksum = has("checksum");
        if (has("software")) options.refused_features = {"CSUM"};
        Slots slots;
        vmq::Device device = vmq::Device::open(argv[1], options);
        lwip_init();
        Interface interface(device, address, store.segments ? &slots : nullptr, has("checksum"));
        listen(store);
        interface.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "tcp: %s\n", error.what());
        return 1;
    }
}
