#include "auth/secret_string.hpp"

#include <gtest/gtest.h>
#include <string>

namespace vibrato::auth {
namespace {

// Short ones live inside std::string, long ones behind a pointer.
const std::string kSecrets[] = {"", "short", std::string(200, 's')};

TEST(SecretString, takes_its_text_and_leaves_nothing_in_the_source) {
  for (const std::string& secret : kSecrets) {
    std::string source = secret;
    const SecretString held(std::move(source));
    EXPECT_EQ(held.view(), secret);
    EXPECT_EQ(source, "");  // NOLINT: what is left behind is the point.
    EXPECT_EQ(std::string(source.data(), source.data() + source.capacity()).find('s'), std::string::npos);
  }
}

TEST(SecretString, a_moved_from_one_is_empty) {
  for (const std::string& secret : kSecrets) {
    SecretString first{std::string(secret)};
    SecretString second(std::move(first));
    EXPECT_EQ(first.view(), "");  // NOLINT: what is left behind is the point.
    SecretString third(std::string("overwritten"));
    third = std::move(second);
    EXPECT_EQ(second.view(), "");  // NOLINT: as above.
    EXPECT_EQ(third.view(), secret);
    SecretString& same = third;
    third = std::move(same);
    EXPECT_EQ(third.view(), secret);
  }
}

}  // namespace
}  // namespace vibrato::auth
