// Command lines of each tool, and words.
#include "tests/fuzz/harness/script.hpp"
#include "tests/fuzz/harness/seeds.hpp"

namespace vmq::fuzz {
namespace {

std::vector<std::byte> lines(unsigned kind, std::string_view text) { return Script{}.u8(kind).text(text).take(); }

}  // namespace

std::vector<Seed> command_line_seeds() {
    constexpr unsigned mqperf = 0;
    constexpr unsigned mqctl = 1;
    constexpr unsigned mqstat = 2;
    constexpr unsigned words = 3;
    return {
        {"mqperf-send", lines(mqperf, "send\n0000:00:04.0\n--pairs=2\n--burst\n64\n--to=02:00:00:00:00:01"), 1},
        {"mqperf-ping", lines(mqperf, "ping\n--address\n10.0.0.2\n--to\n10.0.0.1\n--rate=1000\n--sleep"), 1},
        {"mqperf-all", lines(mqperf, "receive\n--duration\n1.5\n--cpus\n0-3,8\n--refuse\nMQ,RSS\n--ring-size=256"), 1},
        {"mqperf-strange", lines(mqperf, "receive\n--size=64"), 0},
        {"mqctl-rss", lines(mqctl, "weight\n3\n1\n00:04.0"), 2},
        {"mqctl-key", lines(mqctl, "key\n6d:5a:56da\n-j"), 2},
        {"mqctl-coalesce", lines(mqctl, "rx-usecs\n50\ntx-frames\n16"), 2},
        {"mqctl-number", lines(mqctl, "4\n--svg=a.svg\n--dry-run"), 2},
        {"mqstat", lines(mqstat, "00:04.0\n0.5\n10"), 1},
        {"mqstat-bad", lines(mqstat, "1\n2\n3"), 0},
        {"words-addresses", lines(words, "0000:00:04.0\n00:1f.7\n10.1.2.3\nfe80::1\n02:00:00:00:00:ff"), 5},
        {"words-backends", lines(words, "vhost-user:/tmp/a,server,queues=4\nvhost-user:,queues=0"), 2},
        {"words-lists", lines(words, "0-3,8\n3,0-2\n4095\n1.5\nMRG_RXBUF"), 11}};
}

}  // namespace vmq::fuzz
