// The least vhost-user frontend: one pair, one memory region, everything by hand.
#pragma once

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "driver/support/errors.hpp"
#include "driver/support/event_fd.hpp"
#include "driver/support/mapping.hpp"
#include "driver/virtio/features.hpp"
#include "tests/bench/backend/protocol.hpp"
#include "tests/unit/bench/hand_ring.hpp"

namespace vmq::bench {

class Frontend {
public:
    static constexpr std::uint16_t ring_size = 16;
    static constexpr std::uint32_t buffer_size = 2048;

    // Negotiates these features, shares its memory and starts both queues, near the end of their indices.
    Frontend(const std::string& path, virtio::FeatureSet features) : socket_(connect(path)) {
        memory_file_ = support::UniqueFd{::memfd_create("frontend", MFD_CLOEXEC)};
        if (::ftruncate(memory_file_.get(), mmap_offset + memory_size) != 0) support::fail_errno("ftruncate");
        void* const address =
            ::mmap(nullptr, mmap_offset + memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_file_.get(), 0);
        memory_ = support::Mapping{address, mmap_offset + memory_size};
        offered = ask(Request::get_features);
        tell(Request::set_owner, {});
        tell_number(Request::set_protocol_features, ask(Request::get_protocol_features));
        tell_number(Request::set_features, features.bits() | protocol_features_bit);
        share_memory();
        for (std::uint32_t i = 0; i < 2; ++i) {
            rings[i] = make_ring(i, features);
            start(i, rings[i]->start_near_wrap());
        }
        tell_number(Request::set_status, 15);  // DRIVER_OK and all before it
    }

    void start(std::uint32_t index, std::uint32_t base) {
        tell_struct(Request::set_vring_num, VringState{index, ring_size});
        tell_struct(Request::set_vring_base, VringState{index, base});
        const std::uint64_t ring = user_base + ring_offset(index);
        tell_struct(Request::set_vring_addr, VringAddress{index, 0, ring, ring + 0x2000, ring + 0x1000, 0});
        tell_number(Request::set_vring_call, index, calls[index].fd());
        tell_number(Request::set_vring_kick, index, kicks[index].fd());
        enable(index, true);
    }
    void enable(std::uint32_t index, bool on) { tell_struct(Request::set_vring_enable, VringState{index, on}); }
    std::uint32_t stop(std::uint32_t index) {
        const VringState question{index, 0};
        send(Request::get_vring_base, std::as_bytes(std::span{&question, 1}), -1, false);
        return receive_message(socket_.get())->as<VringState>().number;
    }
    std::uint64_t ask(Request request) {
        send(request, {}, -1, false);
        return receive_message(socket_.get())->as<std::uint64_t>();
    }
    // With an answer, so that the backend has done it when this returns.
    void tell(Request request, std::span<const std::byte> payload, int fd = -1) {
        send(request, payload, fd, acknowledged_);
        if (acknowledged_ && receive_message(socket_.get())->as<std::uint64_t>() != 0)
            throw std::runtime_error("the backend refuses");
        if (request == Request::set_protocol_features) acknowledged_ = true;
    }
    void tell_number(Request request, std::uint64_t number, int fd = -1) {
        tell(request, std::as_bytes(std::span{&number, 1}), fd);
    }

    // Buffer i of a queue, as the device is told of it and as it is here.
    [[nodiscard]] std::uint64_t address(std::uint32_t index, std::uint32_t i) const {
        return guest_base + buffer_offset(index, i);
    }
    [[nodiscard]] std::byte* at(std::uint64_t address) const { return memory() + (address - guest_base); }

    // Waits until the device has completed that many buffers, for ten seconds at most; then what there is.
    std::vector<UsedBuffer> take(std::uint32_t index, std::size_t count) {
        std::vector<UsedBuffer> buffers;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (buffers.size() < count && std::chrono::steady_clock::now() < deadline) {
            const auto more = rings[index]->take();
            buffers.insert(buffers.end(), more.begin(), more.end());
            if (more.empty()) std::this_thread::yield();
        }
        return buffers;
    }

    std::uint64_t offered = 0;
    std::array<std::unique_ptr<HandRing>, 2> rings;
    std::array<support::EventFd, 2> calls;
    std::array<support::EventFd, 2> kicks;

private:
    static constexpr std::size_t memory_size = 0x40000;
    static constexpr std::size_t mmap_offset = 0x1080;  // not that of a page
    static constexpr std::uint64_t guest_base = 0x4000'0000;
    static constexpr std::uint64_t user_base = 0x7f00'0000'0000;

    static std::uint64_t ring_offset(std::uint32_t index) { return std::uint64_t{index} * 0x3000; }
    static std::uint64_t buffer_offset(std::uint32_t index, std::uint32_t i) {
        return 0x10000 + std::uint64_t{index} * 0x10000 + std::uint64_t{i} * buffer_size;
    }
    [[nodiscard]] std::byte* memory() const { return memory_.data() + mmap_offset; }

    static support::UniqueFd connect(const std::string& path) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path.copy(name.sun_path, sizeof name.sun_path - 1);
        support::UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
            support::fail_errno("connect to " + path);
        return socket;
    }
    std::unique_ptr<HandRing> make_ring(std::uint32_t index, virtio::FeatureSet features) const {
        std::byte* const ring = memory() + ring_offset(index);
        const bool event_idx = features.has(virtio::Feature::event_idx);
        if (features.has(virtio::Feature::ring_packed))
            return std::make_unique<HandPackedRing>(ring, ring + 0x1000, ring + 0x2000, ring_size, event_idx);
        return std::make_unique<HandSplitRing>(ring, ring + 0x1000, ring + 0x2000, ring_size, event_idx);
    }
    void share_memory() {
        struct Table {
            std::uint32_t count;
            std::uint32_t padding;
            MemoryRegion region;
        };
        tell_struct(Request::set_mem_table, Table{1, 0, {guest_base, memory_size, user_base, mmap_offset}},
                    memory_file_.get());
    }
    template <typename T>
    void tell_struct(Request request, const T& payload, int fd = -1) {
        tell(request, std::as_bytes(std::span{&payload, 1}), fd);
    }
    void send(Request request, std::span<const std::byte> payload, int fd, bool need_reply) const {
        std::array<std::uint32_t, 3> header{static_cast<std::uint32_t>(request), need_reply ? 9u : 1u,
                                            static_cast<std::uint32_t>(payload.size())};
        std::array<iovec, 2> parts{
            {{header.data(), sizeof header}, {const_cast<std::byte*>(payload.data()), payload.size()}}};
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof fd)> control{};
        msghdr envelope{};
        envelope.msg_iov = parts.data();
        envelope.msg_iovlen = parts.size();
        if (fd >= 0) {
            envelope.msg_control = control.data();
            envelope.msg_controllen = control.size();
            cmsghdr* const rights = CMSG_FIRSTHDR(&envelope);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof fd);
            std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
        }
        if (::sendmsg(socket_.get(), &envelope, MSG_NOSIGNAL) < 0) support::fail_errno("sendmsg");
    }

    support::UniqueFd socket_;
    support::UniqueFd memory_file_;
    support::Mapping memory_;
    bool acknowledged_ = false;
};

}  // namespace vmq::bench
