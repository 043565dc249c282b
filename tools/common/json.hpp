// JSON as the tools write it: keys in the order in which they were set.
#pragma once

#include <nlohmann/json.hpp>

namespace vmq::tools {

using Json = nlohmann::ordered_json;

// A number that is not there is null.
[[nodiscard]] inline Json or_null(int number) { return number < 0 ? Json(nullptr) : Json(number); }

}  // namespace vmq::tools
