// `mqctl show` and the number for `mqctl combined`.
#include "tools/mqctl/channels.hpp"

#include <limits>

#include <fmt/core.h>

#include "tools/common/numbers.hpp"

namespace vmq::mqctl {

std::string channels_text(const Info& info) {
    const auto counts = [](unsigned combined) {
        return fmt::format("RX:\t\tn/a\nTX:\t\tn/a\nOther:\t\tn/a\nCombined:\t{}\n", combined);
    };
    return fmt::format("Channel parameters for {}:\nPre-set maximums:\n{}Current hardware settings:\n{}", info.name,
                       counts(info.max_queue_pairs), counts(info.queue_pairs));
}

tools::Json channels_json(const Info& info) {
    return tools::Json::array({{{"schema", "mqctl.show/1"},
                                {"device", info.name},
                                {"queue_pairs", info.queue_pairs},
                                {"max_queue_pairs", info.max_queue_pairs}}});
}

unsigned parse_pair_count(std::string_view word) {
    return static_cast<unsigned>(
        tools::parse_number(word, "the number of queue pairs", 0, std::numeric_limits<unsigned>::max()));
}

std::string pair_count_refusal(unsigned requested, unsigned most) {
    if (requested == 0) return "requested 0 queue pairs, at least 1 is needed";
    if (requested > most) return fmt::format("requested {} queue pairs, the device has {}", requested, most);
    return {};
}

}  // namespace vmq::mqctl
