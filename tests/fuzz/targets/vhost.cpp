// A vhost-user frontend and the answers of a backend that sends what it likes: wrong, short, huge, with descriptors.
#include <array>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <vector>

#include "driver/vhost/command.hpp"
#include "driver/vhost/frontend.hpp"
#include "tests/fuzz/harness/input.hpp"
#include "tests/fuzz/harness/targets.hpp"
#include "tests/fuzz/targets/allowed.hpp"

namespace vmq::fuzz {
namespace {

using vhost::Header;
using vhost::Request;

constexpr std::size_t most_answers = 64;

struct Ends {
    Ends() {
        std::array<int, 2> fds{-1, -1};
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) == 0,
                "there is a pair of sockets");
        backend.reset(fds[0]);
        frontend.reset(fds[1]);
    }
    support::UniqueFd backend;
    support::UniqueFd frontend;
};

void send(int fd, std::span<const std::byte> bytes, std::size_t descriptors) {
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(4 * sizeof(int))> control{};
    if (descriptors != 0) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
        for (std::size_t i = 0; i < descriptors; ++i) std::memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
    }
    [[maybe_unused]] const auto sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

// What the backend has to say, all of it before it is asked.
void write_answers(int fd, Input& input) {
    const std::size_t count = input.below(most_answers);
    for (std::size_t i = 0; i < count && !input.empty(); ++i) {
        const std::uint8_t how = input.u8();
        const std::uint8_t request = input.u8();
        const auto payload = input.stretch();
        Header header{request, vhost::header_flags::version | vhost::header_flags::reply,
                      static_cast<std::uint32_t>(payload.size())};
        if ((how & 1) != 0) header.flags = input.u32();
        if ((how & 2) != 0) header.size = input.u32();
        std::vector<std::byte> bytes(sizeof header);
        std::memcpy(bytes.data(), &header, sizeof header);
        bytes.insert(bytes.end(), payload.begin(), payload.end());
        if ((how & 4) != 0) bytes.resize(input.u8() % (bytes.size() + 1));  // cut off
        if (!bytes.empty()) send(fd, bytes, (how & 8) != 0 ? 1U + how / 64 : 0);
    }
}

class Session {
public:
    Session(vhost::Frontend& frontend, Input& input) noexcept : frontend_(frontend), input_(input) {}

    std::size_t run() {
        std::size_t through = 0;
        while (!input_.empty()) through += goes_through([this] { step(); });
        return through;
    }

private:
    void step() {
        const vhost::Deadline now{};
        switch (input_.below(6)) {
            case 0:
                return static_cast<void>(frontend_.ask(Request::get_status, now));
            case 1:
                return frontend_.stop_vrings(input_.below(8), now);
            case 2: {
                std::vector<std::byte> config(input_.below(64));
                return static_cast<void>(frontend_.read_config(config, now));
            }
            case 3:
                return frontend_.carry_out(vhost::set_vring_enable(input_.below(8), true), now);
            case 4: {
                const std::vector<vhost::Command> commands(input_.below(40),
                                                           vhost::with_number(Request::set_status, 1));
                return frontend_.carry_out(commands, now);
            }
            default:
                return frontend_.carry_out(vhost::with_number(Request::net_set_mtu, input_.u16()), now);
        }
    }

    vhost::Frontend& frontend_;
    Input& input_;
};

void require_sound(const vhost::Offer& offer) {
    require(offer.queue_pairs >= 1 && offer.queue_pairs <= 128, "a backend has 1 to 128 queue pairs");
    require(offer.memory_regions >= 1 && offer.memory_regions <= vhost::max_regions, "a backend takes 1 to 8 regions");
}

}  // namespace

std::size_t vhost(std::span<const std::byte> bytes) {
    Input input{bytes};
    Ends ends;
    write_answers(ends.backend.get(), input);
    if (input.below(2) != 0) ends.backend.reset();
    std::size_t through = 0;
    goes_through([&] {
        vhost::Frontend frontend{std::move(ends.frontend), "vhost-user:/a", vhost::Deadline{}};
        require_sound(frontend.offer());
        through = 1 + Session{frontend, input}.run();
    });
    return through;
}

}  // namespace vmq::fuzz
