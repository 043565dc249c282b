// What goes over the control socket: one request and one reply per connection, each a JSON object on a line of its own.
//
//   {"schema":1,"command":"info"}                         {"schema":1,"info":{...}}
//   {"schema":1,"command":"stats"}                        {"schema":1,"stats":{...}}
//   {"schema":1,"command":"interrupts"}                   {"schema":1,"interrupts":{...}}
//   {"schema":1,"command":"rss"}                          {"schema":1,"rss":{...}}
//   {"schema":1,"command":"coalescing"}                   {"schema":1,"coalescing":{...}}
//   {"schema":1,"command":"device_stats"}                 {"schema":1,"device_stats":{...}}
//   {"schema":1,"command":"set_queue_pairs","count":2}    {"schema":1,"done":true}
//   {"schema":1,"command":"reset"}                        {"schema":1,"done":true}
//   {"schema":1,"command":"set_rss","settings":{...}}     {"schema":1,"done":true}
//   {"schema":1,"command":"set_coalescing","all":{...}}   {"schema":1,"done":true}
//   any of them, refused {"schema":1,"error":{"category":"vmq","code":10,"text":"..."}}
//
// Errors keep code and text apart. std::system_error::what() is "text: message of the code"; only the text is sent, and
// the client's exception adds the message again, so what() is the same on both sides. A text of the vmq category is a
// whole sentence ("0000:00:04.0: requested 9 queue pairs, the device has 4"): a tool prints it alone, which is what
// text_of returns. A text of the other categories names operation and cure, and what() is the sentence.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

#include <vmq/coalescing.hpp>
#include <vmq/device_stats.hpp>
#include <vmq/info.hpp>
#include <vmq/rss.hpp>
#include <vmq/stats.hpp>

namespace vmq::control {

inline constexpr unsigned schema = 1;
// Newline included. A longer reply is thinkable only from something that is not vmq.
inline constexpr std::size_t max_request_bytes = 4096;
inline constexpr std::size_t max_reply_bytes = std::size_t{64} << 20;

struct GetInfo {};
struct GetStats {};
struct GetInterrupts {};
struct GetRss {};
struct Reset {};
struct GetCoalescing {};
struct GetDeviceStats {};
struct SetQueuePairs {
    unsigned count = 0;
};
struct SetRss {
    RssSettings settings;
};
struct SetCoalescing {
    Coalescing all;
};
using Request = std::variant<GetInfo, GetStats, GetInterrupts, GetRss, GetCoalescing, GetDeviceStats, Reset,
                             SetQueuePairs, SetRss, SetCoalescing>;

// Whether it asks for more than to be told something.
[[nodiscard]] bool changes_device(const Request& request) noexcept;

struct Done {};
struct Failure {
    std::error_code code;
    std::string text;
};
using Reply = std::variant<Done, Info, Stats, InterruptTable, RssInfo, CoalescingInfo, DeviceStats, Failure>;

// With the newline. Bytes that are not UTF-8 (a process may be named so) are replaced by U+FFFD.
[[nodiscard]] std::string encode(const Request& request);
[[nodiscard]] std::string encode(const Reply& reply);

// With or without the newline. Throw std::system_error: Errc::unsupported for another schema; else Errc::bad_request
// for a request, EPROTO for a reply.
[[nodiscard]] Request decode_request(std::string_view line);
[[nodiscard]] Reply decode_reply(std::string_view line);

// what() without the code's message.
[[nodiscard]] std::string text_of(const std::system_error& error);

// The exception that is being handled, as a reply. Exceptions without an error code become EINVAL
// (std::invalid_argument), ENOMEM (std::bad_alloc) and EIO.
[[nodiscard]] Failure current_failure();
[[noreturn]] void rethrow(const Failure& failure);

}  // namespace vmq::control
