#include "auth/credentials.hpp"

#include <gtest/gtest.h>
#include <string>

namespace vibrato::auth {
namespace {

std::optional<std::string_view> bearer(std::string_view value) {
  return presented_token({value, std::nullopt});
}

std::optional<std::string_view> api_key(std::string_view value) {
  return presented_token({std::nullopt, value});
}

TEST(Credentials, bearer_is_read_in_any_letter_case) {
  for (const char* value : {"Bearer abc", "bearer abc", "BEARER abc", "bEaReR abc"}) {
    EXPECT_EQ(bearer(value), "abc") << value;
  }
}

TEST(Credentials, blanks_around_the_token_do_not_count) {
  EXPECT_EQ(bearer("Bearer    abc"), "abc");
  EXPECT_EQ(bearer("  Bearer\tabc\t "), "abc");
  EXPECT_EQ(api_key(" abc "), "abc");
}

TEST(Credentials, there_is_exactly_one_token) {
  for (const char* value : {"", " ", "Bearer", "Bearer ", "Bearer a b", "Bearer Bearer a", "Bearer a\tb"}) {
    EXPECT_EQ(bearer(value), std::nullopt) << value;
  }
  EXPECT_EQ(api_key(""), std::nullopt);
  EXPECT_EQ(api_key(" \t"), std::nullopt);
  EXPECT_EQ(api_key("a b"), std::nullopt);
}

TEST(Credentials, other_schemes_are_no_bearer) {
  for (const char* value : {"Basic abc", "abc", "Bearerabc", "Bear abc", "Bearers abc",
                            "Bearer\x0b"
                            "abc",
                            "Token abc",
                            "B\xc3\xa9"
                            "arer abc"}) {
    EXPECT_EQ(bearer(value), std::nullopt) << value;
  }
}

TEST(Credentials, an_api_key_has_no_scheme) {
  EXPECT_EQ(api_key("abc"), "abc");
  EXPECT_EQ(api_key("Bearer abc"), std::nullopt);
}

TEST(Credentials, authorization_counts_if_both_are_there_whatever_it_holds) {
  EXPECT_EQ(presented_token({"Bearer one", "two"}), "one");
  EXPECT_EQ(presented_token({"Basic one", "two"}), std::nullopt);
  EXPECT_EQ(presented_token({"", "two"}), std::nullopt);
}

TEST(Credentials, long_values_and_zero_bytes_are_only_words) {
  const std::string word(1'000'000, 'x');
  const std::string value = "Bearer " + word;
  EXPECT_EQ(bearer(value), word);
  EXPECT_EQ(bearer(std::string_view("Bearer a\0b", 10)), std::string_view("a\0b", 3));
}

}  // namespace
}  // namespace vibrato::auth
