// Control commands to a device that answers them well, badly, late, twice or never. VIRTIO 1.3, 5.1.6.5.
#include <algorithm>
#include <array>
#include <chrono>
#include <fcntl.h>
#include <memory>
#include <unistd.h>
#include <utility>
#include <vector>

#include "driver/net/control_queue.hpp"
#include "driver/net/device_stats.hpp"
#include "driver/net/net_device.hpp"
#include "tests/fuzz/harness/targets.hpp"
#include "tests/fuzz/targets/allowed.hpp"
#include "tests/fuzz/targets/hostile_memory.hpp"
#include "tests/fuzz/targets/hostile_queue.hpp"
#include "tests/fuzz/targets/hostile_transport.hpp"
#include "tests/fuzz/targets/reaction.hpp"

namespace vmq::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t answer_space = 256;  // at the end of the queue's memory

// What the doorbell rings. Kept, since making one takes longer than a command.
struct Bell {
    Bell() {
        std::array<int, 2> fds{-1, -1};
        require(::pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK) == 0, "there is a pipe");
        read.reset(fds[0]);
        write.reset(fds[1]);
        signal_when_readable(read.get());
    }
    void drain() const {
        std::array<std::byte, 64> rung;
        [[maybe_unused]] const auto taken = ::read(read.get(), rung.data(), rung.size());
    }
    support::UniqueFd read;
    support::UniqueFd write;
};

Bell& the_bell() {
    static thread_local Bell bell;
    return bell;
}

// A control queue, and the device behind it.
class Commands {
public:
    Commands(Input& input, virtio::RingFormat format, std::uint16_t size)
        : input_(input),
          memory_(net::ControlQueue::memory_size(format, size)),
          control_(memory_.block(), size, format, nullptr),
          device_(memory_.bytes().first(net::ring_memory_size(format, size)), control_.config(virtio::no_vector),
                  format.packed),
          reaction_([this] {
              the_bell().drain();
              answer();
          }) {
        control_.set_doorbell(virtio::Doorbell::at_eventfd(the_bell().write.get()));
    }

    [[nodiscard]] std::size_t run() {
        std::size_t through = 0;
        while (!input_.empty()) through += step();
        require(control_.failures() <= control_.commands(), "only commands fail");
        restart();
        // A device that has been reset, and answers as it should.
        well_behaved_ = true;
        require(execute(0), "after a reset a command is carried out");
        return through;
    }

private:
    std::size_t step() {
        switch (const std::uint8_t what = input_.u8(); what % 8) {
            case 0:
                restart();
                return 0;
            case 1:
                use_late();
                return 0;
            case 2:
                return ask_for_stats();
            default:
                return execute(what / 8 * 10U) ? 1 : 0;
        }
    }

    [[nodiscard]] bool execute(std::size_t result_bytes) {
        const bool was_usable = control_.usable();
        const auto data = well_behaved_ ? std::span<const std::byte>{} : input_.stretch();
        std::vector<std::byte> result(result_bytes);
        const auto control_class = static_cast<virtio::ControlClass>(data.empty() ? 0 : data.size() % 9);
        const bool done = goes_through([&] { control_.execute(control_class, 0, data, 0ms, "a command", result); });
        require(was_usable || !done, "an unusable path carries nothing out");
        return done;
    }

    std::size_t ask_for_stats() {
        const std::uint64_t types = input_.u64();
        const auto answer = input_.stretch();
        std::size_t count = 0;
        goes_through([&] { count = net::parse_stats(answer, 0, types, "statistics").size(); });
        require(count * sizeof(std::uint64_t) <= answer.size(), "no counter comes from nowhere");
        return count;
    }

    void restart() {
        control_.restart();
        device_.restart();
    }

    // The device's turn, while the driver rings.
    void answer() {
        device_.fetch();
        const std::uint8_t how = well_behaved_ ? 0 : input_.u8();
        switch (how % 8) {
            case 3:
                return write_ack(input_.u8()), use_late();
            case 4:
                write_ack(0);
                return device_.use(input_.u32(), input_.u32(), input_.below(8));
            case 5:
                return;  // late, or never
            case 6:
                device_.scribble(input_);
                return write_ack(0), use_late();
            case 7:
                use_again_ = true;
                [[fallthrough]];
            default:
                return write_ack(0), use_late();
        }
    }

    void write_ack(std::uint8_t ack) noexcept {
        const std::span<std::byte> place = memory_.bytes().last(answer_space);
        place[0] = std::byte{ack};
        if (!well_behaved_) std::ranges::copy(input_.bytes(input_.below(64)), place.begin() + 1);
    }

    void use_late() {
        std::vector<Found>& fetched = device_.fetched();
        if (fetched.empty()) return;
        const Found found = fetched.front();
        device_.use(found.id, 1, found.descriptors);
        if (!std::exchange(use_again_, false)) fetched.erase(fetched.begin());
    }

    Input& input_;
    Memory memory_;
    net::ControlQueue control_;
    HostileQueue device_;
    Reaction reaction_;
    bool use_again_ = false;
    bool well_behaved_ = false;
};

// A whole device whose commands are answered so.
class Operator {
public:
    Operator(net::NetDevice& device, Input& input) noexcept : device_(device), input_(input) {}

    std::size_t run() {
        std::size_t through = 0;
        for (unsigned steps = 0; steps < most_steps && !input_.empty(); ++steps)
            through += goes_through([this] { step(); });
        return through;
    }

private:
    static constexpr unsigned most_steps = 24;

    void step() {
        switch (input_.below(12)) {
            case 0:
                return device_.set_queue_pairs(1 + input_.below(device_.max_queue_pairs()));
            case 1:
                return device_.look_at_config();
            case 2:
                return device_.reset();
            case 3:
                return device_.set_mac({2, 0, 0, 0, 0, input_.u8()});
            case 4:
                return device_.set_receive_mode({.promiscuous = input_.below(2) == 0});
            case 5:
                return device_.add_vlan(input_.u8());
            case 6:
                return device_.remove_vlan(input_.u8());
            case 7:
                return device_.set_coalescing(Coalescing{.receive = {input_.u8(), 1}, .transmit = {}});
            case 8:
                return static_cast<void>(device_.device_stats());
            case 9:
                return device_.set_rss({.weights = {1U, input_.u8()}});
            case 10:
                return device_.set_receive_offloads({.checksum = input_.below(2) == 0});
            default:
                return device_.set_mac_filters({.unicast = {{2, 0, 0, 0, 1, input_.u8()}}});
        }
    }

    net::NetDevice& device_;
    Input& input_;
};

std::size_t operate(Input& input) {
    const std::uint8_t wishes = input.u8();
    Options options;
    options.command_deadline = 0ms;
    options.settle_limit = 0ms;
    options.ring_size = 16;
    options.buffers_per_pair = 96;
    options.receive_checksum = (wishes & 1) != 0;
    options.receive_coalescing = (wishes & 2) != 0;
    options.hand_off = (wishes & 4) != 0;
    auto transport = std::make_unique<HostileTransport>(input);
    std::size_t through = 0;
    goes_through([&] {
        net::NetDevice device{std::move(transport), options, 8,
                              [](unsigned pairs) { return std::vector<int>(pairs, -1); }};
        static_cast<void>(device.info());
        static_cast<void>(device.stats());
        through = 1 + Operator{device, input}.run();
    });
    return through;
}

}  // namespace

std::size_t control_reply(std::span<const std::byte> bytes) {
    Input input{bytes};
    const std::uint8_t kind = input.u8();
    if (kind >= 0xc0) return operate(input);
    virtio::RingFormat format{.packed = (kind & 1) != 0, .event_idx = (kind & 2) != 0};
    format.legacy = !format.packed && (kind & 4) != 0;
    return Commands{input, format, (kind & 8) != 0 ? std::uint16_t{4} : std::uint16_t{64}}.run();
}

}  // namespace vmq::fuzz
