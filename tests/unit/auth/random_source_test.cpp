#include "auth/random_source.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <vector>

#include "support/status_matchers.hpp"

namespace vibrato::auth {
namespace {

TEST(SystemRandomSource, fills_all_of_what_it_is_given_and_never_twice_the_same) {
  SystemRandomSource source;
  std::array<std::byte, 32> first{};
  std::array<std::byte, 32> second{};
  ASSERT_OK(source.fill(first));
  ASSERT_OK(source.fill(second));
  EXPECT_NE(first, second);
  // More than one call of the system gives at once; a part that stayed zero would have no other value in it.
  std::vector<std::byte> large(1'000'000);
  ASSERT_OK(source.fill(large));
  for (std::size_t begin = 0; begin < large.size(); begin += 1000) {
    const auto part = std::span(large).subspan(begin, 1000);
    EXPECT_TRUE(std::any_of(part.begin(), part.end(), [](std::byte byte) { return byte != std::byte{0}; })) << begin;
  }
  EXPECT_OK(source.fill({}));
}

}  // namespace
}  // namespace vibrato::auth
