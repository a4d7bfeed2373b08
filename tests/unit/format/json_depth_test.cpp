#include "format/json_depth.hpp"

#include <gtest/gtest.h>

namespace vibrato::format {
namespace {

TEST(JsonDepth, counts_levels_of_brackets_outside_of_strings) {
  EXPECT_EQ(json_depth("1"), 0U);
  EXPECT_EQ(json_depth("[]"), 1U);
  EXPECT_EQ(json_depth(R"({"a":[1,{"b":2}],"c":[]})"), 3U);
  EXPECT_EQ(json_depth(R"(["[[[","\"[[","\\",[0]])"), 2U);
}

TEST(JsonDepth, of_text_that_is_no_json_it_is_at_least_what_a_parser_reaches) {
  EXPECT_EQ(json_depth(""), 0U);
  EXPECT_EQ(json_depth("]]}[["), 2U);
  EXPECT_EQ(json_depth("[\"\\"), 1U);
}

}  // namespace
}  // namespace vibrato::format
