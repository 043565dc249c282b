// The names of misdeeds.
#include "tests/bench/backend/misbehaviour.hpp"

#include <array>
#include <stdexcept>
#include <string>
#include <utility>

namespace vmq::bench {
namespace {

constexpr std::array names{
    std::pair{"id-outside", Misdeed::id_outside},
    std::pair{"id-twice", Misdeed::id_twice},
    std::pair{"length-beyond", Misdeed::length_beyond},
    std::pair{"length-short", Misdeed::length_short},
    std::pair{"index-jump", Misdeed::index_jump},
    std::pair{"many-buffers", Misdeed::many_buffers},
    std::pair{"no-buffers", Misdeed::no_buffers},
    std::pair{"checksum-beyond", Misdeed::checksum_beyond},
    std::pair{"transmit-id-outside", Misdeed::transmit_id_outside},
    std::pair{"transmit-id-twice", Misdeed::transmit_id_twice},
};

}  // namespace

Misdeed parse_misdeed(std::string_view name) {
    for (const auto& [known, kind] : names)
        if (name == known) return kind;
    throw std::out_of_range("unknown misdeed '" + std::string{name} + "'");
}

std::vector<std::string_view> misdeed_names() {
    std::vector<std::string_view> all;
    for (const auto& named : names) all.emplace_back(named.first);
    return all;
}

}  // namespace vmq::bench
