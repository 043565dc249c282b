// Backends that shake hands, and some that do not.
#include "driver/vhost/protocol.hpp"
#include "tests/fuzz/harness/script.hpp"
#include "tests/fuzz/harness/seeds.hpp"

namespace vmq::fuzz {
namespace {

using vhost::Request;

constexpr std::uint64_t device_features = std::uint64_t{1} << 32 | 1U << 22;
constexpr std::uint64_t all_protocol_features = 1U << 0 | 1U << 3 | 1U << 4 | 1U << 9 | 1U << 15 | 1U << 16;

class Answers {
public:
    explicit Answers(unsigned count) { script_.u8(count); }
    Answers& number(Request request, std::uint64_t value, unsigned how = 0) {
        script_.u8(how).u8(static_cast<unsigned>(request)).u8(8).add(value);
        return *this;
    }
    Answers& bytes(Request request, unsigned count) {
        script_.u8(0).u8(static_cast<unsigned>(request)).u8(count);
        for (unsigned i = 0; i < count; ++i) script_.u8(i);
        return *this;
    }
    // What the frontend does then, with the backend there.
    Answers& steps(std::initializer_list<unsigned> words) {
        script_.u8(0);
        for (const unsigned word : words) script_.u8(word);
        return *this;
    }
    [[nodiscard]] std::vector<std::byte> take() { return script_.take(); }

private:
    Script script_;
};

// The handshake of a backend that knows everything.
Answers& shake_hands(Answers& answers) {
    return answers.number(Request::get_features, device_features | vhost::protocol_features_bit)
        .number(Request::get_protocol_features, all_protocol_features)
        .number(Request::get_features, device_features)  // that the one before is done
        .number(Request::get_queue_num, 4)
        .number(Request::get_max_mem_slots, 8)
        .number(Request::set_owner, 0);
}

std::vector<std::byte> session() {
    Answers answers(9);
    return shake_hands(answers)
        .number(Request::get_status, 15)
        .number(Request::set_vring_enable, 0)
        .bytes(Request::get_vring_base, 8)
        .steps({0, 3, 1, 1, 1})
        .take();
}

std::vector<std::byte> refusal() {
    Answers answers(7);
    return shake_hands(answers).number(Request::net_set_mtu, 1).steps({5, 0xdc, 5}).take();
}

}  // namespace

std::vector<Seed> vhost_seeds() {
    const auto features_only = [](unsigned how) {
        return Answers(1).number(Request::get_features, device_features, how);
    };
    return {
        {"session", session(), 4},
        {"refusal", refusal(), 1},
        {"without-protocol-features",
         Answers(2).number(Request::get_features, device_features).number(Request::get_features, 0).steps({}).take(),
         1},
        {"silence", Answers(0).steps({}).take(), 0},
        {"another-answer", Answers(1).number(Request::set_owner, 0).steps({}).take(), 0},
        {"too-long", Answers(1).bytes(Request::get_features, 9).steps({}).take(), 0},
        {"empty", Answers(1).bytes(Request::get_features, 0).steps({}).take(), 0},
        {"with-descriptors", features_only(8).steps({}).take(), 0},
        {"cut-off", features_only(4).steps({7}).take(), 0}};
}

}  // namespace vmq::fuzz
