#include "base/json_writer.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace vibrato {
namespace {

template <typename Write>
std::string written(Write write) {
  std::string text;
  JsonWriter json(text);
  write(json);
  return text;
}

std::string quoted(std::string_view text) {
  return written([&](JsonWriter& json) { json.string(text); });
}

std::string number(float value) {
  return written([&](JsonWriter& json) { json.number(value); });
}

TEST(JsonWriter, separates_members_and_elements_by_commas) {
  EXPECT_EQ(written([](JsonWriter& json) {
              json.begin_object();
              json.key("a");
              json.begin_array();
              json.number(std::uint64_t{1});
              json.null();
              json.begin_object();
              json.end_object();
              json.end_array();
              json.key("b");
              json.boolean(true);
              json.key("c");
              json.raw("[2]");
              json.escaped_key("d\"");
              json.begin_array();
              json.end_array();
              json.end_object();
            }),
            R"({"a":[1,null,{}],"b":true,"c":[2],"d\"":[]})");
}

TEST(JsonWriter, escapes_quotes_backslashes_and_control_characters) {
  EXPECT_EQ(quoted("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(quoted("\n\r\t\b\f"), R"("\n\r\t\b\f")");
  EXPECT_EQ(quoted(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
}

TEST(JsonWriter, keeps_valid_utf8_and_replaces_the_rest) {
  EXPECT_EQ(quoted("h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8E\xB5"), "\"h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8E\xB5\"");
  EXPECT_EQ(quoted("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
  EXPECT_EQ(quoted("\xC3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(quoted("\xC0\xAF"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"") << "overlong forms are not UTF-8";
  EXPECT_EQ(quoted("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"") << "nor are surrogates";
  EXPECT_EQ(quoted("\xF4\x90\x80\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(JsonWriter, writes_floats_in_their_shortest_form) {
  EXPECT_EQ(number(0.1F), "0.1");
  EXPECT_EQ(number(1.0F), "1");
  EXPECT_EQ(number(-2.5e-7F), "-2.5e-07");
  EXPECT_EQ(std::stof(number(0.30000001F)), 0.30000001F);
}

TEST(JsonWriter, never_writes_nan_or_infinity) {
  EXPECT_EQ(number(std::numeric_limits<float>::quiet_NaN()), "null");
  EXPECT_EQ(number(std::numeric_limits<float>::infinity()), number(std::numeric_limits<float>::max()));
  EXPECT_EQ(number(-std::numeric_limits<float>::infinity()), number(std::numeric_limits<float>::lowest()));
}

}  // namespace
}  // namespace vibrato
