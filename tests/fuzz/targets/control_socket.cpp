// The control socket from both sides: what anybody may send to an application, and what may answer a tool.
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include <vmq/control_client.hpp>
#include <vmq/error.hpp>

#include "driver/control/listener.hpp"
#include "driver/control/protocol.hpp"
#include "driver/control/server.hpp"
#include "driver/support/unix_socket.hpp"
#include "tests/fuzz/harness/input.hpp"
#include "tests/fuzz/harness/require.hpp"
#include "tests/fuzz/harness/targets.hpp"
#include "tests/fuzz/targets/reaction.hpp"
#include "tests/unit/vhost/folder.hpp"

namespace vmq::fuzz {
namespace {

using control::decode_reply;
using control::decode_request;
using control::encode;

// A line that was understood is told again in other words, which mean the same.
template <typename Decode>
std::size_t understand(std::string_view line, Decode decode, std::error_code misunderstood) {
    try {
        const std::string first = encode(decode(line));
        require(encode(decode(first)) == first, "a message that was understood can be told again");
        return 1;
    } catch (const std::system_error& error) {
        require(error.code() == misunderstood || error.code() == Errc::unsupported,
                "a message that is not understood is told so");
        return 0;
    }
}

// An application that does nothing, and counts what it is asked for.
struct Application final : control::Handler {
    Info info() override { return ++asked, Info{}; }
    Stats stats() override { return ++asked, Stats{}; }
    InterruptTable interrupts() override { return ++asked, InterruptTable{}; }
    RssInfo rss() override { return ++asked, RssInfo{}; }
    CoalescingInfo coalescing() override { return ++asked, CoalescingInfo{}; }
    DeviceStats device_stats() override { return ++asked, DeviceStats{}; }
    void set_queue_pairs(unsigned) override { ++asked; }
    void reset() override { ++asked; }
    void set_rss(const RssSettings& settings) override {
        ++asked;
        require(settings.table.size() <= control::max_request_bytes, "a request makes nothing large");
    }
    void set_coalescing(const Coalescing&) override { ++asked; }

    std::size_t asked = 0;
};

void send_bytes(int fd, std::span<const std::byte> bytes) {
    [[maybe_unused]] const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

// Its socket is kept from input to input.
class Served {
public:
    // One client that sends this much at a time. Returns how much was asked of the application.
    std::size_t serve(Input& input) {
        application_.asked = 0;
        const support::UniqueFd client = support::make_socket();
        require(support::connect_errno(client.get(), support::socket_address(server_.path(), "socket")) == 0,
                "the server listens, whatever came before");
        server_.service();
        for (std::size_t pieces = 0; !input.empty() && pieces < most_pieces; ++pieces) {
            send_bytes(client.get(), input.bytes(1 + 16 * std::size_t{input.u8()}));
            server_.service();
        }
        const bool told_all = input.below(4) != 0;
        if (told_all) ::shutdown(client.get(), SHUT_WR);
        for (unsigned i = 0; i < steps; ++i) server_.service();
        require(application_.asked <= 1, "one request, one command");
        if (application_.asked != 0) require_reply(client.get());
        return application_.asked;
    }
    // After the client has gone nothing of it is left.
    void settle() {
        for (unsigned i = 0; i < steps; ++i) server_.service();
    }

private:
    static constexpr std::size_t most_pieces = 32;
    static constexpr unsigned steps = 4;

    static void require_reply(int fd) {
        std::string reply(65536, '\0');
        const ssize_t count = ::recv(fd, reply.data(), reply.size(), 0);
        require(count > 0 && reply[static_cast<std::size_t>(count) - 1] == '\n', "a command is answered by a line");
        reply.resize(static_cast<std::size_t>(count));
        static_cast<void>(decode_reply(reply));
    }

    Application application_;
    vhost::Folder folder_;
    control::Server server_{folder_.path() / "socket", application_};
};

// A tool, and something at the application's place that answers what it likes.
class Imposter {
public:
    Imposter() { signal_when_readable(listener_.fd()); }

    std::size_t answer(Input& input) {
        const std::uint8_t what = input.u8();
        const Reaction reaction{[&] { accept(input); }};
        try {
            ControlClient client{listener_.path()};
            answers_ = true;
            ask(client, what);
            return 1;
        } catch (const std::system_error&) {
            return 0;
        }
    }

private:
    void accept(Input& input) {
        const support::UniqueFd client{::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        // The first connection only shows that somebody is there.
        if (client && std::exchange(answers_, false)) send_bytes(client.get(), input.rest());
    }
    static void ask(ControlClient& client, std::uint8_t what) {
        switch (what % 7) {
            case 0:
                return static_cast<void>(client.info());
            case 1:
                return static_cast<void>(client.stats());
            case 2:
                return static_cast<void>(client.interrupts());
            case 3:
                return static_cast<void>(client.rss());
            case 4:
                return static_cast<void>(client.coalescing());
            case 5:
                return static_cast<void>(client.device_stats());
            default:
                return client.set_queue_pairs(2);
        }
    }

    vhost::Folder folder_;
    control::Listener listener_{folder_.path() / "socket"};
    bool answers_ = false;
};

std::size_t answer(Input& input) {
    static thread_local Imposter imposter;
    return imposter.answer(input);
}

std::size_t serve(Input& input) {
    static Served served;
    const std::size_t through = served.serve(input);
    served.settle();
    return through;
}

}  // namespace

std::size_t control_socket(std::span<const std::byte> bytes) {
    Input input{bytes};
    switch (input.below(4)) {
        case 0:
            return understand(
                as_text(input.rest()), [](std::string_view line) { return decode_request(line); }, Errc::bad_request);
        case 1:
            return understand(as_text(input.rest()), [](std::string_view line) { return decode_reply(line); },
                              {EPROTO, std::generic_category()});
        case 2:
            return serve(input);
        default:
            return answer(input);
    }
}

}  // namespace vmq::fuzz
