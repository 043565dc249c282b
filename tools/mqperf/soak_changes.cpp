// Random numbers of pairs, RSS keys and weights, and notification coalescing.
#include "tools/mqperf/soak_changes.hpp"

#include <algorithm>

namespace vmq::mqperf {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

SoakChanges::SoakChanges(Device& device, std::uint64_t seed)
    : device_(device),
      random_(seed),
      kinds_{{"combined", [this] { change_pairs(); }},
             {"rss", [this] { change_rss(); }},
             {"coalesce", [this] { change_coalescing(); }},
             {"coalesce_pair", [this] { change_coalescing_of_a_pair(); }}} {
    if (device.max_queue_pairs() == 1) kinds_.erase(kinds_.begin());
}

unsigned SoakChanges::any(unsigned least, unsigned most) {
    return std::uniform_int_distribution<unsigned>{least, most}(random_);
}

void SoakChanges::make_one() {
    while (!kinds_.empty()) {
        const auto kind = kinds_.begin() + any(0, static_cast<unsigned>(kinds_.size()) - 1);
        const auto begin = Clock::now();
        try {
            kind->change();
            SoakChangeReport::Kind& figures = report_.kinds[kind->name];
            ++figures.made;
            figures.times.add(Clock::now() - begin);
            return;
        } catch (const std::system_error& error) {
            if (error.code() == Errc::unsupported) {
                kinds_.erase(kind);
                continue;
            }
            if (error.code() == Errc::device_removed) throw;
            ++report_.kinds[kind->name].refused;
            if (report_.first_refusal.empty()) report_.first_refusal = error.what();
            return;
        }
    }
}

void SoakChanges::change_pairs() { device_.set_queue_pairs(any(1, device_.max_queue_pairs())); }

void SoakChanges::change_rss() {
    RssSettings settings;
    settings.key.resize(device_.rss().limits.key_size);
    std::generate(settings.key.begin(), settings.key.end(), [this] { return static_cast<std::uint8_t>(any(0, 255)); });
    if (any(0, 1) == 1) {
        settings.weights.resize(any(1, device_.queue_pairs()));
        std::generate(settings.weights.begin(), settings.weights.end(), [this] { return any(1, 4); });
    }
    device_.set_rss(settings);
}

void SoakChanges::change_coalescing() { device_.set_coalescing({{any(0, 50), any(1, 32)}, {any(0, 50), any(1, 32)}}); }

void SoakChanges::change_coalescing_of_a_pair() {
    device_.set_coalescing(any(0, device_.queue_pairs() - 1), {{any(0, 50), any(1, 32)}, {any(0, 50), any(1, 32)}});
}

}  // namespace vmq::mqperf
