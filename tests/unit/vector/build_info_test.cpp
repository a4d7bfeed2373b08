#include "vector/build_info.hpp"

#include <gtest/gtest.h>

namespace vibrato::vector {
namespace {

TEST(BuildInfo, is_read_back_as_written) {
  BuildInfo info{24, 150, 0xffffffffffffffffULL, quant::CodeKind::kSq8, 0.97125};
  const std::string json = build_info_json(info);
  EXPECT_EQ(json, R"({"m":24,"ef_construction":150,"seed":"18446744073709551615","codes":"sq8","sq4_recall":0.9713})");
  const auto parsed = parse_build_info(json);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->m, 24U);
  EXPECT_EQ(parsed->ef_construction, 150U);
  EXPECT_EQ(parsed->seed, 0xffffffffffffffffULL);
  EXPECT_EQ(parsed->codes, quant::CodeKind::kSq8);
  EXPECT_DOUBLE_EQ(parsed->sq4_recall.value(), 0.9713);
}

TEST(BuildInfo, refuses_text_that_is_something_else) {
  for (const char* text : {"", "{", "[]", "7", "{}", R"({"m":16,"ef_construction":100,"seed":7,"codes":"sq4"})",
                           R"({"m":-1,"ef_construction":100,"seed":"7","codes":"sq4"})",
                           R"({"m":4294967296,"ef_construction":100,"seed":"7","codes":"sq4"})",
                           R"({"m":16,"ef_construction":100,"seed":"7x","codes":"sq4"})",
                           R"({"m":16,"ef_construction":100,"seed":"7","codes":"pq4"})"}) {
    EXPECT_FALSE(parse_build_info(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace vibrato::vector
