// Every request and every reply, and some that are none.
#include "driver/control/protocol.hpp"
#include "tests/fuzz/harness/script.hpp"
#include "tests/fuzz/harness/seeds.hpp"
#include "tests/unit/control/samples.hpp"

namespace vmq::fuzz {
namespace {

std::vector<std::byte> line(unsigned kind, std::string_view text) { return Script{}.u8(kind).text(text).take(); }

// In pieces of 17 bytes, and then all there is.
std::vector<std::byte> served(std::string_view text) {
    Script script;
    script.u8(2);
    for (; text.size() > 17; text.remove_prefix(17)) script.u8(1).text(text.substr(0, 17));
    return script.u8(1).text(text).take();
}

// To a tool's question of this number.
std::vector<std::byte> answered(unsigned question, const control::Reply& reply) {
    return Script{}.u8(3).u8(question).text(control::encode(reply)).take();
}

}  // namespace

std::vector<Seed> control_socket_seeds() {
    using namespace control;
    std::vector<Seed> seeds;
    unsigned number = 0;
    for (const Request& request : std::initializer_list<Request>{
             GetInfo{}, GetStats{}, GetInterrupts{}, GetRss{}, GetCoalescing{}, GetDeviceStats{}, Reset{},
             SetQueuePairs{3}, SetRss{sample_rss().settings}, SetCoalescing{sample_coalescing().all}}) {
        const std::string name = std::to_string(number++);
        seeds.push_back({"request-" + name, line(0, encode(request)), 1});
        seeds.push_back({"served-" + name, served(encode(request)), 1});
    }
    for (const Reply& reply : std::initializer_list<Reply>{Done{}, sample_info(), sample_stats(), sample_interrupts(),
                                                           sample_rss(), sample_coalescing(), sample_device_stats(),
                                                           Failure{{EBUSY, std::generic_category()}, "why"}})
        seeds.push_back({"reply-" + std::to_string(number++), line(1, encode(reply)), 1});
    seeds.push_back({"answer-info", answered(0, sample_info()), 1});
    seeds.push_back({"answer-stats", answered(1, sample_stats()), 1});
    seeds.push_back({"answer-done", answered(6, Done{}), 1});
    seeds.push_back({"answer-to-another-question", answered(0, Done{}), 0});
    seeds.push_back({"answer-refusal", answered(6, Failure{{EBUSY, std::generic_category()}, "why"}), 0});
    seeds.push_back({"no-json", line(0, "info\n"), 0});
    seeds.push_back({"another-schema", line(0, R"({"schema":2,"command":"info"})"), 0});
    seeds.push_back({"nested", line(0, std::string(2000, '[')), 0});
    seeds.push_back({"served-without-end", served(std::string(500, ' ')), 0});
    return seeds;
}

}  // namespace vmq::fuzz
