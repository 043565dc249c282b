// A vhost-user frontend and the answers of a backend that sends what it likes: wrong, short, huge, with descriptors.
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "driver/vhost/command.hpp"
#include "driver/vhost/frontend.hpp"
#include "tests/fuzz/harness/input.hpp"
#include "tests/fuzz/harness/targets.hpp"
#include "tests/fuzz/targets/allowed.hpp"
#include "tests/unit/vhost/message.hpp"

namespace vmq::fuzz {
namespace {

using vhost::Header;
using vhost::Request;

constexpr std::size_t most_answers = 64;

// What the backend has to say, all of it before it is asked.
void write_answers(vhost::Channel& backend, Input& input) {
    const std::size_t count = input.below(most_answers);
    for (std::size_t i = 0; i < count && !input.empty(); ++i) {
        const std::uint8_t how = input.u8();
        const auto request = static_cast<Request>(input.u8());
        const auto payload = input.stretch();
        if ((how & 8) != 0) {
            const std::vector<int> descriptors(1U + how / 64, backend.fd());
            backend.send(request, vhost::header_flags::reply, payload, descriptors, vhost::Deadline{});
            continue;
        }
        Header header{static_cast<std::uint32_t>(request), vhost::header_flags::version | vhost::header_flags::reply,
                      static_cast<std::uint32_t>(payload.size())};
        if ((how & 1) != 0) header.flags = input.u32();
        if ((how & 2) != 0) header.size = input.u32();
        std::vector<std::byte> bytes(sizeof header);
        std::memcpy(bytes.data(), &header, sizeof header);
        bytes.insert(bytes.end(), payload.begin(), payload.end());
        if ((how & 4) != 0) bytes.resize(input.u8() % (bytes.size() + 1));  // cut off
        vhost::write_bytes(backend.fd(), bytes);
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
    vhost::SocketPair ends;
    std::optional<vhost::Channel> backend{std::in_place, std::move(ends.backend), "backend"};
    write_answers(*backend, input);
    if (input.below(2) != 0) backend.reset();
    std::size_t through = 0;
    goes_through([&] {
        vhost::Frontend frontend{std::move(ends.frontend), "vhost-user:/a", vhost::Deadline{}};
        require_sound(frontend.offer());
        through = 1 + Session{frontend, input}.run();
    });
    return through;
}

}  // namespace vmq::fuzz
