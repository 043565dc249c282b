// The error category: every code has a text of its own, and composes with set-up's messages.
#include <set>

#include <gtest/gtest.h>

#include <vmq/error.hpp>

#include "driver/support/errors.hpp"

namespace vmq {

TEST(Error, EveryCodeHasAShortTextOfItsOwn) {
    std::set<std::string> texts;
    for (int value = static_cast<int>(Errc::no_such_device); value <= static_cast<int>(Errc::bad_request); ++value) {
        const std::string text = error_category().message(value);
        EXPECT_EQ(text.find("unknown"), text.npos) << value;
        EXPECT_FALSE(text.empty() || text.size() > 60) << text;
        EXPECT_TRUE(texts.insert(text).second) << text;
    }
    EXPECT_EQ(error_category().message(999), "unknown error 999");
    EXPECT_EQ(error_category().message(static_cast<int>(Errc::bad_request) + 1).find("unknown"), 0u)
        << "a new code: raise the bound above";
}

TEST(Error, CodesConvertAndCompare) {
    const std::error_code code = Errc::busy;
    EXPECT_STREQ(code.category().name(), "vmq");
    EXPECT_EQ(code, Errc::busy);
    EXPECT_NE(code, Errc::no_such_device);
    EXPECT_NE(code, std::error_code(static_cast<int>(Errc::busy), std::generic_category()));
}

TEST(Error, MessagesCarryOperationCureAndReason) {
    try {
        support::fail(Errc::busy, "open /dev/vfio/5", "held by process 42 (mqperf): stop it first");
    } catch (const std::system_error& error) {
        EXPECT_STREQ(
            error.what(),
            "open /dev/vfio/5 (held by process 42 (mqperf): stop it first): in use by another process or thread");
        return;
    }
    FAIL() << "nothing was thrown";
}

}  // namespace vmq
