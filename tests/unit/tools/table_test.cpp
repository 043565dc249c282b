// Columns.
#include "tools/common/table.hpp"

#include <gtest/gtest.h>

namespace vmq::tools {
namespace {

TEST(Table, AlignsEachColumnAndEndsWithoutBlanks) {
    Table table{{{"name", Align::left}, {"n"}, {"", Align::left}}};
    table.add({"a", "1000", ""});
    table.add({"longer", "7", "note"});
    EXPECT_EQ(table.text(),
              "name       n\n"
              "a       1000\n"
              "longer     7  note\n");
}

TEST(Table, WithoutRowsIsItsTitleLine) { EXPECT_EQ((Table{{{"A"}, {"B"}}}.text()), "A  B\n"); }

}  // namespace
}  // namespace vmq::tools
