// Asks for the error that a call throws.
#pragma once

#include <string>
#include <system_error>

#include <gtest/gtest.h>

namespace vmq::vhost {

struct Caught {
    std::error_code code;
    std::string text;

    [[nodiscard]] bool says(std::string_view part) const { return text.find(part) != std::string::npos; }
};

template <typename Call>
Caught caught(Call call) {
    try {
        call();
    } catch (const std::system_error& error) {
        return {error.code(), error.what()};
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
}

}  // namespace vmq::vhost
