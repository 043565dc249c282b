// mqstat's words.
#include "tools/mqstat/options.hpp"

#include <limits>
#include <span>

#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"

namespace vmq::mqstat {

When parse_words(const std::vector<std::string>& words) {
    When when;
    std::span<const std::string> rest{words};
    if (!rest.empty() && rest[0].find_first_not_of("0123456789.") != std::string::npos) {
        when.device = rest[0];
        rest = rest.subspan(1);
    }
    if (rest.size() > 2) throw tools::UsageError{"too many words: [DEV] [INTERVAL [COUNT]]"};
    if (!rest.empty()) {
        when.interval = tools::parse_seconds(rest[0], "the interval");
        when.count = 0;
    }
    if (rest.size() == 2) {
        when.count = tools::parse_number(rest[1], "the count", 1, std::numeric_limits<std::uint64_t>::max());
    }
    return when;
}

}  // namespace vmq::mqstat
