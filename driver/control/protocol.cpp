// What goes over the control socket: requests and replies to JSON and back.
#include "driver/control/protocol.hpp"

#include <cerrno>
#include <new>
#include <stdexcept>
#include <utility>

#include <vmq/error.hpp>

#include "driver/control/json_value.hpp"
#include "driver/support/errors.hpp"

namespace vmq::control {
namespace {

using support::fail;

template <typename... Lambdas>
struct Overloaded : Lambdas... {
    using Lambdas::operator()...;
};
template <typename... Lambdas>
Overloaded(Lambdas...) -> Overloaded<Lambdas...>;

std::string to_line(const Json& message) { return message.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n'; }

Json parse(std::string_view line) {
    Json message = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!message.is_object()) throw Malformed("not a JSON object");
    unsigned theirs = 0;
    from_member(message, "schema", theirs);
    if (theirs != schema)
        fail(Errc::unsupported,
             "control schema " + std::to_string(theirs) + " where " + std::to_string(schema) + " is understood",
             "use the tools of the same vmq version as the application");
    return message;
}

Json to_value(const Failure& failure) {
    std::error_code code = failure.code;
    const bool known = code.category() == error_category() || code.category() == std::generic_category() ||
                       code.category() == std::system_category();
    if (!known || !code) code = {EIO, std::generic_category()};
    return {{"category", code.category() == error_category() ? "vmq" : code.category().name()},
            {"code", code.value()},
            {"text", failure.text}};
}

Failure to_failure(const Json& value) {
    if (!value.is_object()) throw Malformed("not an object");
    std::string category;
    int code = 0;
    Failure failure;
    from_member(value, "category", category);
    from_member(value, "code", code);
    from_member(value, "text", failure.text);
    if (category == "vmq") {
        failure.code = {code, error_category()};
    } else if (category == "generic") {
        failure.code = {code, std::generic_category()};
    } else if (category == "system") {
        failure.code = {code, std::system_category()};
    } else {
        throw Malformed("an unknown category");
    }
    if (!failure.code) throw Malformed("an error without a code");
    return failure;
}

Request to_request(const Json& message) {
    std::string command;
    from_member(message, "command", command);
    const bool changes = command.starts_with("set_");
    // A member we do not know may be a condition ("only if ..."): the command must not run without it.
    if (message.size() > (changes ? 3U : 2U)) throw Malformed("more members than " + command + " takes");
    if (command == "set_queue_pairs") {
        SetQueuePairs request;
        from_member(message, "count", request.count);
        return request;
    }
    if (command == "set_rss") {
        SetRss request;
        from_member(message, "settings", request.settings);
        return request;
    }
    if (command == "set_coalescing") {
        SetCoalescing request;
        from_member(message, "all", request.all);
        return request;
    }
    if (command == "info") return GetInfo{};
    if (command == "stats") return GetStats{};
    if (command == "interrupts") return GetInterrupts{};
    if (command == "rss") return GetRss{};
    if (command == "reset") return Reset{};
    if (command == "coalescing") return GetCoalescing{};
    if (command == "device_stats") return GetDeviceStats{};
    throw Malformed("there is no such command");
}

Reply to_reply(const Json& message) {
    const auto member = [&message](const char* key, auto out) {
        from_member(message, key, out);
        return Reply{std::move(out)};
    };
    if (message.contains("error")) return to_failure(message["error"]);
    if (message.contains("done")) return Done{};
    if (message.contains("info")) return member("info", Info{});
    if (message.contains("stats")) return member("stats", Stats{});
    if (message.contains("interrupts")) return member("interrupts", InterruptTable{});
    if (message.contains("rss")) return member("rss", RssInfo{});
    if (message.contains("coalescing")) return member("coalescing", CoalescingInfo{});
    if (message.contains("device_stats")) return member("device_stats", DeviceStats{});
    throw Malformed("none of the known replies");
}

}  // namespace

bool changes_device(const Request& request) noexcept {
    return std::holds_alternative<Reset>(request) || std::holds_alternative<SetQueuePairs>(request) ||
           std::holds_alternative<SetRss>(request) || std::holds_alternative<SetCoalescing>(request);
}

std::string encode(const Request& request) {
    Json message{{"schema", schema}};
    std::visit(Overloaded{
                   [&](GetInfo) { message["command"] = "info"; },
                   [&](GetStats) { message["command"] = "stats"; },
                   [&](GetInterrupts) { message["command"] = "interrupts"; },
                   [&](GetRss) { message["command"] = "rss"; },
                   [&](Reset) { message["command"] = "reset"; },
                   [&](GetCoalescing) { message["command"] = "coalescing"; },
                   [&](GetDeviceStats) { message["command"] = "device_stats"; },
                   [&](const SetQueuePairs& set) {
                       message["command"] = "set_queue_pairs";
                       message["count"] = set.count;
                   },
                   [&](const SetRss& set) {
                       message["command"] = "set_rss";
                       message["settings"] = to_value(set.settings);
                   },
                   [&](const SetCoalescing& set) {
                       message["command"] = "set_coalescing";
                       message["all"] = to_value(set.all);
                   },
               },
               request);
    return to_line(message);
}

std::string encode(const Reply& reply) {
    Json message{{"schema", schema}};
    std::visit(Overloaded{
                   [&](Done) { message["done"] = true; },
                   [&](const Info& info) { message["info"] = to_value(info); },
                   [&](const Stats& stats) { message["stats"] = to_value(stats); },
                   [&](const InterruptTable& table) { message["interrupts"] = to_value(table); },
                   [&](const RssInfo& rss) { message["rss"] = to_value(rss); },
                   [&](const CoalescingInfo& coalescing) { message["coalescing"] = to_value(coalescing); },
                   [&](const DeviceStats& stats) { message["device_stats"] = to_value(stats); },
                   [&](const Failure& failure) { message["error"] = to_value(failure); },
               },
               reply);
    return to_line(message);
}

Request decode_request(std::string_view line) {
    try {
        return to_request(parse(line));
    } catch (const Malformed& malformed) {
        fail(Errc::bad_request, std::string("control request: ") + malformed.what());
    }
}

Reply decode_reply(std::string_view line) {
    try {
        return to_reply(parse(line));
    } catch (const Malformed& malformed) {
        fail({EPROTO, std::generic_category()}, std::string("control reply: ") + malformed.what(),
             "is it a vmq application that listens there?");
    }
}

std::string text_of(const std::system_error& error) {
    std::string text = error.what();
    const std::string message = error.code().message();
    if (text == message) return {};
    const std::string suffix = ": " + message;
    if (text.ends_with(suffix)) text.resize(text.size() - suffix.size());
    return text;
}

Failure current_failure() {
    try {
        throw;
    } catch (const std::system_error& error) {
        return {error.code(), text_of(error)};
    } catch (const std::invalid_argument& error) {
        return {{EINVAL, std::generic_category()}, error.what()};
    } catch (const std::bad_alloc&) {
        return {{ENOMEM, std::generic_category()}, {}};
    } catch (const std::exception& error) {
        return {{EIO, std::generic_category()}, error.what()};
    } catch (...) {
        return {{EIO, std::generic_category()}, "an unknown failure"};
    }
}

void rethrow(const Failure& failure) {
    if (failure.text.empty()) throw std::system_error(failure.code);
    throw std::system_error(failure.code, failure.text);
}

}  // namespace vmq::control
