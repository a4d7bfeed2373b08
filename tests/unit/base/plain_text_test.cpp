#include "base/plain_text.hpp"

#include <gtest/gtest.h>
#include <string>

namespace vibrato {
namespace {

TEST(PlainText, utf8_is_what_table_3_7_of_unicode_allows) {
  for (const char* const good :
       {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa4z"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  EXPECT_TRUE(is_utf8(std::string_view("a\0b", 3)));
  for (const char* const bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x9f\xbf", "\xe0\xa0",
                                "\xe1\x80z", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
                                "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xc3"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

TEST(PlainText, a_cut_character_is_not_completed_by_what_lies_behind_the_text) {
  const std::string text = "\xc3\xa4";
  EXPECT_FALSE(is_utf8(std::string_view(text).substr(0, 1)));
}

TEST(PlainText, control_characters_are_found_in_both_ranges) {
  EXPECT_FALSE(has_control_characters(" ~\xc2\xa0\xc3\x80 a"));
  for (const char* const bad : {"\x01", "a\n", "\x1f", "\x7f", "\xc2\x80", "a\xc2\x9f"}) {
    EXPECT_TRUE(has_control_characters(bad));
  }
  EXPECT_TRUE(has_control_characters(std::string_view("\0", 1)));
}

}  // namespace
}  // namespace vibrato
