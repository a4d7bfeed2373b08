#include "auth/api_token.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

#include "support/made_random_source.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::auth {
namespace {

const std::string kId = "vbk_0123456789abcdef0123456789abcdef";
const std::string kSecret = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm-_09";
const std::string kToken = kId + "." + kSecret;

// Hands out given bytes, for a golden value.
class CountingSource final : public RandomSource {
 public:
  Status fill(std::span<std::byte> out) override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<std::byte>(i * 5 + 1);
    }
    return ok_status();
  }
};

TEST(ApiToken, has_an_id_and_a_secret) {
  ASSERT_EQ(kToken.size(), kApiTokenBytes);
  const auto token = parse_api_token(kToken);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->id, kId);
  EXPECT_EQ(token->secret, kSecret);
}

TEST(ApiToken, of_any_other_length_is_refused) {
  for (std::size_t length = 0; length < kApiTokenBytes; ++length) {
    EXPECT_FALSE(parse_api_token(kToken.substr(0, length))) << length;
  }
  EXPECT_FALSE(parse_api_token(kToken + "A"));
  EXPECT_FALSE(parse_api_token(kToken + "="));
  EXPECT_FALSE(parse_api_token(kToken + std::string(1, '\0')));
  EXPECT_FALSE(parse_api_token(" " + kToken));
  EXPECT_FALSE(parse_api_token(std::string(10'000'000, 'a')));
}

TEST(ApiToken, with_a_foreign_byte_anywhere_is_refused) {
  for (std::size_t at = 0; at < kToken.size(); ++at) {
    for (const char foreign : {'\0', ' ', '\n', '+', '/', '=', '%', '\x80', '\xff'}) {
      std::string text = kToken;
      text[at] = foreign;
      EXPECT_FALSE(parse_api_token(text)) << "byte " << at << " is " << static_cast<int>(foreign);
    }
  }
}

TEST(ApiToken, tells_letter_cases_apart) {
  std::string upper_prefix = kToken;
  upper_prefix[0] = 'V';
  EXPECT_FALSE(parse_api_token(upper_prefix));
  std::string upper_hex = kToken;
  upper_hex[14] = 'A';
  EXPECT_FALSE(parse_api_token(upper_hex));
  std::string past_hex = kToken;
  past_hex[14] = 'g';
  EXPECT_FALSE(parse_api_token(past_hex));
}

TEST(ApiToken, keys_are_known_by_what_is_in_front_of_the_dot) {
  EXPECT_TRUE(is_key_id(kId));
  EXPECT_FALSE(is_key_id(kToken));
  EXPECT_FALSE(is_key_id(kId.substr(4)));
  EXPECT_FALSE(is_key_id(""));
  EXPECT_FALSE(is_key_id("../" + kId.substr(3)));
}

TEST(ApiToken, spells_its_bytes_in_hex_and_base64url) {
  CountingSource source;
  const auto made = make_api_token(source);
  ASSERT_OK(made);
  EXPECT_EQ(made->id, "vbk_01060b10151a1f24292e33383d42474c");
  EXPECT_EQ(made->token.view(), made->id + ".UVZbYGVqb3R5foOIjZKXnKGmq7C1ur_Eyc7T2N3i5-w");
}

TEST(ApiToken, made_ones_parse_and_never_repeat) {
  test::MadeRandomSource random;
  std::set<std::string> ids;
  std::set<std::string> secrets;
  for (int i = 0; i < 1000; ++i) {
    const auto made = make_api_token(random);
    ASSERT_OK(made);
    const auto parsed = parse_api_token(made->token.view());
    ASSERT_TRUE(parsed) << made->token.view();
    EXPECT_EQ(parsed->id, made->id);
    ids.emplace(parsed->id);
    secrets.emplace(parsed->secret);
  }
  EXPECT_EQ(ids.size(), 1000U);
  EXPECT_EQ(secrets.size(), 1000U);
}

TEST(ApiToken, is_not_made_without_random_bytes) {
  test::MadeRandomSource random;
  random.fail_with(io_error("no random bytes"));
  EXPECT_CODE(make_api_token(random), ErrorCode::kIoError);
}

}  // namespace
}  // namespace vibrato::auth
