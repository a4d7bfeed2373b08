#include "app/text_table.hpp"

#include <gtest/gtest.h>

namespace vibrato::app {
namespace {

TEST(FormatTable, columns_are_as_wide_as_their_widest_cell) {
  EXPECT_EQ(format_table({{"ID"}, {"SCORE", true}, {"META"}}, {{"\"long id\"", "0.5", "{}"}, {"7", "-12.25", ""}}),
            "ID          SCORE  META\n"
            "\"long id\"     0.5  {}\n"
            "7          -12.25\n");
}

TEST(FormatTable, width_counts_characters) {
  EXPECT_EQ(format_table({{"A"}, {"B"}}, {{"\xC3\xA4\xC3\xB6", "x"}, {"abc", "y"}}),
            "A    B\n\xC3\xA4\xC3\xB6   x\nabc  y\n");
}

TEST(FormatTable, without_rows_it_is_its_names) {
  EXPECT_EQ(format_table({{"A"}, {"B", true}}, {}), "A  B\n");
}

}  // namespace
}  // namespace vibrato::app
