// C++ values to JSON and strictly back: no number is rounded, wrapped or taken for another type.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <vmq/stats.hpp>

#include "driver/control/fields.hpp"

namespace vmq::control {

using Json = nlohmann::json;

// What is wrong with a message; the caller knows whether it was a request or a reply.
struct Malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline constexpr std::array<std::string_view, 6> pair_state_names{"active", "draining",  "parked",
                                                                  "broken", "suspended", "stopped"};
static_assert(pair_state_names.size() == static_cast<std::size_t>(PairState::stopped) + 1);

template <typename T>
concept Plain = std::integral<T> || std::same_as<T, std::string>;

template <typename T>
concept Record = requires(T& record) {
    each_field(record, [](const char*, auto&) {});
};

// All declared first: they nest in each other.
template <Plain T>
Json to_value(const T& plain);
inline Json to_value(PairState state);
template <typename T>
Json to_value(const std::optional<T>& optional);
template <typename T, std::size_t size>
Json to_value(const std::array<T, size>& array);
template <typename T>
Json to_value(const std::vector<T>& vector);
template <Record T>
Json to_value(const T& record);

inline void from_value(const Json& value, bool& out);
inline void from_value(const Json& value, std::string& out);
inline void from_value(const Json& value, PairState& out);
template <std::integral T>
void from_value(const Json& value, T& out);
template <typename T>
void from_value(const Json& value, std::optional<T>& out);
template <typename T, std::size_t size>
void from_value(const Json& value, std::array<T, size>& out);
template <typename T>
void from_value(const Json& value, std::vector<T>& out);
template <Record T>
void from_value(const Json& value, T& out);

// The member `key` of an object, into `out`; names the key when that fails.
template <typename T>
void from_member(const Json& object, const char* key, T& out) {
    const auto found = object.find(key);
    if (found == object.end()) throw Malformed(std::string(key) + " is missing");
    try {
        from_value(*found, out);
    } catch (const Malformed& malformed) {
        throw Malformed(std::string(key) + ": " + malformed.what());
    }
}

template <Plain T>
Json to_value(const T& plain) {
    return Json(plain);
}

inline Json to_value(PairState state) { return Json(pair_state_names.at(static_cast<std::size_t>(state))); }

template <typename T>
Json to_value(const std::optional<T>& optional) {
    return optional ? to_value(*optional) : Json(nullptr);
}

template <typename T, std::size_t size>
Json to_value(const std::array<T, size>& array) {
    Json out = Json::array();
    for (const T& element : array) out.push_back(to_value(element));
    return out;
}

template <typename T>
Json to_value(const std::vector<T>& vector) {
    Json out = Json::array();
    for (const T& element : vector) out.push_back(to_value(element));
    return out;
}

template <Record T>
Json to_value(const T& record) {
    Json out = Json::object();
    each_field(record, [&out](const char* key, const auto& member) { out[key] = to_value(member); });
    return out;
}

inline void from_value(const Json& value, bool& out) {
    if (!value.is_boolean()) throw Malformed("not true or false");
    out = value.get<bool>();
}

inline void from_value(const Json& value, std::string& out) {
    if (!value.is_string()) throw Malformed("not a string");
    out = value.get_ref<const std::string&>();
}

inline void from_value(const Json& value, PairState& out) {
    std::string name;
    from_value(value, name);
    for (std::size_t i = 0; i < pair_state_names.size(); ++i) {
        if (pair_state_names[i] != name) continue;
        out = static_cast<PairState>(i);
        return;
    }
    throw Malformed("not the state of a queue pair");
}

template <std::integral T>
void from_value(const Json& value, T& out) {
    if (value.is_number_unsigned() && std::in_range<T>(value.get<std::uint64_t>())) {
        out = static_cast<T>(value.get<std::uint64_t>());
    } else if (value.is_number_integer() && !value.is_number_unsigned() &&
               std::in_range<T>(value.get<std::int64_t>())) {
        out = static_cast<T>(value.get<std::int64_t>());
    } else {
        throw Malformed("not a whole number within its bounds");
    }
}

template <typename T>
void from_value(const Json& value, std::optional<T>& out) {
    if (value.is_null()) {
        out.reset();
    } else {
        from_value(value, out.emplace());
    }
}

template <typename T, std::size_t size>
void from_value(const Json& value, std::array<T, size>& out) {
    if (!value.is_array() || value.size() != size) throw Malformed("not an array of the right size");
    for (std::size_t i = 0; i < size; ++i) from_value(value[i], out[i]);
}

template <typename T>
void from_value(const Json& value, std::vector<T>& out) {
    if (!value.is_array()) throw Malformed("not an array");
    out.clear();
    out.reserve(value.size());
    for (const Json& element : value) from_value(element, out.emplace_back());
}

template <Record T>
void from_value(const Json& value, T& out) {
    if (!value.is_object()) throw Malformed("not an object");
    each_field(out, [&value](const char* key, auto& member) { from_member(value, key, member); });
}

}  // namespace vmq::control
