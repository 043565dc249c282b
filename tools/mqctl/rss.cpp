// `mqctl rss`: the text of `ethtool -x`, and the settings that the words of the command line mean.
#include "tools/mqctl/rss.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "tools/common/failure.hpp"
#include "tools/common/numbers.hpp"

namespace vmq::mqctl {
namespace {

constexpr std::size_t per_line = 8;
constexpr unsigned most_pairs = 0x8000;

constexpr std::array<std::pair<std::uint32_t, const char*>, 9> type_names{{{hash_types::ipv4, "ipv4"},
                                                                           {hash_types::tcpv4, "tcpv4"},
                                                                           {hash_types::udpv4, "udpv4"},
                                                                           {hash_types::ipv6, "ipv6"},
                                                                           {hash_types::tcpv6, "tcpv6"},
                                                                           {hash_types::udpv6, "udpv6"},
                                                                           {hash_types::ip_ex, "ip_ex"},
                                                                           {hash_types::tcp_ex, "tcp_ex"},
                                                                           {hash_types::udp_ex, "udp_ex"}}};

std::vector<std::string> names_of(std::uint32_t types) {
    std::vector<std::string> names;
    for (const auto& [bit, name] : type_names)
        if ((types & bit) != 0) names.emplace_back(name);
    return names;
}

std::string key_text(const std::vector<std::uint8_t>& key) { return fmt::format("{:02x}", fmt::join(key, ":")); }

bool is_number(std::string_view word) {
    return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

unsigned pair_number(std::string_view word) {
    return static_cast<unsigned>(tools::parse_number(word, "the number of queue pairs", 1, most_pairs));
}

}  // namespace

std::string rss_text(const std::string& device, const RssInfo& rss, unsigned pairs) {
    std::string text = fmt::format("RX flow hash indirection table for {} with {} RX ring(s):\n", device, pairs);
    const std::vector<std::uint16_t>& table = rss.config.table;
    if (table.empty()) text += "Operation not supported\n";
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (i % per_line == 0) text += fmt::format("{:5}: ", i);
        text += fmt::format(" {:5}", table[i]);
        if (i % per_line == per_line - 1 || i + 1 == table.size()) text += '\n';
    }
    return text + fmt::format("RSS hash key:\n{}\nRSS hash function:\n    toeplitz: on\nRSS hash types:\n    {}\n",
                              key_text(rss.config.key), fmt::join(names_of(rss.config.hash_types), " "));
}

tools::Json rss_json(const std::string& device, const RssInfo& rss, unsigned pairs) {
    return tools::Json::array({{{"schema", "mqctl.rss/1"},
                                {"device", device},
                                {"queue_pairs", pairs},
                                {"table", rss.config.table},
                                {"weights", rss.settings.weights},
                                {"key", key_text(rss.config.key)},
                                {"hash_types", names_of(rss.config.hash_types)},
                                {"max_table_length", rss.limits.table_length},
                                {"max_key_size", rss.limits.key_size},
                                {"supported_hash_types", names_of(rss.limits.hash_types)}}});
}

std::size_t rss_words(std::span<const std::string> words) {
    const std::string& verb = words.front();
    if (verb == "show" || verb == "default" || verb == "auto") return 1;
    if (verb == "equal" || verb == "key") {
        if (words.size() < 2) throw tools::UsageError{fmt::format("rss {} needs a value (see mqctl --help)", verb)};
        return 2;
    }
    if (verb != "weight") throw tools::UsageError{fmt::format("unknown command 'rss {}' (see mqctl --help)", verb)};
    const auto end = std::find_if_not(words.begin() + 1, words.end(), is_number);
    if (end == words.begin() + 1) throw tools::UsageError{"rss weight needs a weight for each pair, from pair 0 on"};
    return static_cast<std::size_t>(end - words.begin());
}

RssSettings changed_settings(RssSettings settings, std::span<const std::string> words) {
    const std::string& verb = words.front();
    if (verb == "key") {
        settings.key = parse_key(words[1]);
        return settings;
    }
    settings.table.clear();
    settings.weights.clear();
    if (verb == "equal") settings.weights.assign(pair_number(words[1]), 1);
    if (verb == "weight")
        for (const std::string& word : words.subspan(1))
            settings.weights.push_back(static_cast<unsigned>(tools::parse_number(word, "a weight", 0, 1'000'000)));
    return settings;
}

std::vector<std::uint8_t> parse_key(std::string_view word) {
    std::string digits{word};
    std::erase(digits, ':');
    std::vector<std::uint8_t> key;
    const auto bad = [&] { return tools::UsageError{fmt::format("'{}' is not a key: bytes in hexadecimal", word)}; };
    if (digits.empty() || digits.size() % 2 != 0) throw bad();
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        std::uint8_t byte = 0;
        const char* const end = digits.data() + i + 2;
        if (const auto read = std::from_chars(digits.data() + i, end, byte, 16); read.ptr != end) throw bad();
        key.push_back(byte);
    }
    return key;
}

}  // namespace vmq::mqctl
