// The texts of values: equal values have one, different ones do not.
#include "filter/meta_value.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "support/status_matchers.hpp"

namespace vibrato::filter {
namespace {

std::string text_of(const std::string& value) {
  MetaValues values;
  const auto text = values.get(R"({"a":{"b":)" + value + "}}", path_of("a.b"));
  EXPECT_OK(text);
  EXPECT_TRUE(text->has_value());
  return text->value_or("");
}

TEST(MetaValues, give_equal_values_one_text) {
  EXPECT_EQ(text_of("3"), "3");
  EXPECT_EQ(text_of("3.0"), "3");
  EXPECT_EQ(text_of("-0.0"), "0");
  EXPECT_EQ(text_of("0.5"), "0.5");
  EXPECT_EQ(text_of("9007199254740993"), "9007199254740993");
  EXPECT_EQ(text_of("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(text_of("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(text_of("-9007199254740993"), "-9007199254740993");
  EXPECT_EQ(text_of("1e2"), "100");
  EXPECT_EQ(text_of(R"("\u0061")"), text_of(R"("a")"));
  EXPECT_EQ(text_of(R"({"x":1,"y":[2.0]})"), text_of(R"({"y":[2],"x":1.0})"));
  EXPECT_EQ(text_of(R"({"x":1,"x":2})"), text_of(R"({"x":2})"));
}

TEST(MetaValues, give_different_values_different_texts) {
  const std::vector<std::string> values = {"3",
                                           R"("3")",
                                           "[3]",
                                           "[]",
                                           "{}",
                                           "null",
                                           "[[]]",
                                           "true",
                                           R"("true")",
                                           "9007199254740992",
                                           "9007199254740993",
                                           R"({"a":1,"b":2})",
                                           R"({"a":{"b":2}})",
                                           R"({"a":1,"3":{}})",
                                           R"({"1:a":1})",
                                           R"(["a","b"])",
                                           R"(["a,b"])",
                                           R"({"a:1,1:b":2})",
                                           "1e300"};
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_NE(text_of(values[i]), text_of(values[j])) << values[i] << " and " << values[j];
    }
  }
}

TEST(MetaValues, have_nothing_where_the_key_is_absent) {
  MetaValues values;
  for (const char* meta : {"", "{}", R"({"a":1})", R"({"a.b":1})", R"({"a":[{"b":1}]})"}) {
    const auto text = values.get(meta, path_of("a.b"));
    ASSERT_OK(text);
    EXPECT_FALSE(text->has_value()) << meta;
  }
  EXPECT_CODE(values.get("{", path_of("a")), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::filter
