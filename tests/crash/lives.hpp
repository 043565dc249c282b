// How often the application is killed.
#pragma once

namespace vmq::crash {

[[nodiscard]] unsigned lives_to_live();

}  // namespace vmq::crash
