// `mqctl coalesce`: the text of `ethtool -c`, and the settings that the words of the command line mean.
#include "tools/mqctl/coalesce.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"

namespace vmq::mqctl {
namespace {

struct Parameter {
    std::string_view name;
    CoalescingLimit Coalescing::*direction;
    std::uint32_t CoalescingLimit::*limit;
};

constexpr std::array parameters{
    Parameter{"rx-usecs", &Coalescing::receive, &CoalescingLimit::usecs},
    Parameter{"rx-frames", &Coalescing::receive, &CoalescingLimit::packets},
    Parameter{"tx-usecs", &Coalescing::transmit, &CoalescingLimit::usecs},
    Parameter{"tx-frames", &Coalescing::transmit, &CoalescingLimit::packets},
};

const Parameter* find_parameter(std::string_view word) {
    const auto found = std::ranges::find(parameters, word, &Parameter::name);
    return found == parameters.end() ? nullptr : &*found;
}

tools::Json limits_json(const Coalescing& coalescing) {
    tools::Json limits = tools::Json::object();
    for (const Parameter& one : parameters) {
        std::string key{one.name};
        std::ranges::replace(key, '-', '_');
        limits[key] = coalescing.*one.direction.*one.limit;
    }
    return limits;
}

}  // namespace

std::string coalesce_text(const std::string& device, const Coalescing& all) {
    const auto none = [](std::initializer_list<std::string_view> names) {
        std::string lines;
        for (const std::string_view name : names) lines += fmt::format("{}: n/a\n", name);
        return lines + '\n';
    };
    const auto limits = [](std::string_view way, const CoalescingLimit& limit) {
        return fmt::format("{0}-usecs: {1}\n{0}-frames: {2}\n{0}-usecs-irq: n/a\n{0}-frames-irq: n/a\n\n", way,
                           limit.usecs, limit.packets);
    };
    return fmt::format("Coalesce parameters for {}:\nAdaptive RX: n/a  TX: n/a\n", device) +
           none({"stats-block-usecs", "sample-interval", "pkt-rate-low", "pkt-rate-high"}) + limits("rx", all.receive) +
           limits("tx", all.transmit) + none({"rx-usecs-low", "rx-frame-low", "tx-usecs-low", "tx-frame-low"}) +
           none({"rx-usecs-high", "rx-frame-high", "tx-usecs-high", "tx-frame-high"}) + "CQE mode RX: n/a  TX: n/a\n\n";
}

tools::Json coalesce_json(const std::string& device, const CoalescingInfo& info) {
    tools::Json pairs = tools::Json::array();
    for (const Coalescing& pair : info.pairs) pairs.push_back(limits_json(pair));
    return tools::Json::array(
        {{{"schema", "mqctl.coalesce/1"}, {"device", device}, {"all", limits_json(info.all)}, {"pairs", pairs}}});
}

std::size_t coalesce_words(std::span<const std::string> words) {
    if (words.front() == "show") return 1;
    std::size_t own = 0;
    for (; own < words.size() && find_parameter(words[own]) != nullptr; own += 2)
        if (own + 1 == words.size()) throw tools::UsageError{fmt::format("{} needs a number", words[own])};
    if (own == 0)
        throw tools::UsageError{fmt::format("unknown command 'coalesce {}' (see mqctl --help)", words.front())};
    return own;
}

Coalescing changed_coalescing(Coalescing all, std::span<const std::string> words) {
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
        const Parameter& parameter = *find_parameter(words[i]);
        all.*parameter.direction.*parameter.limit = static_cast<std::uint32_t>(
            tools::parse_number(words[i + 1], parameter.name, 0, std::numeric_limits<std::uint32_t>::max()));
    }
    return all;
}

}  // namespace vmq::mqctl
