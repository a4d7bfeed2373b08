#include "filter/number.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace vibrato::filter {
namespace {

TEST(Number, compares_by_value_whatever_it_was_made_from) {
  EXPECT_EQ(Number::from_signed(3), Number::from_double(3.0));
  EXPECT_EQ(Number::from_unsigned(3), Number::from_signed(3));
  EXPECT_EQ(Number::from_double(-0.0), Number());
  EXPECT_EQ(Number::from_signed(-7), Number::from_double(-7.0));
  EXPECT_LT(Number::from_double(2.5), Number::from_signed(3));
  EXPECT_LT(Number::from_signed(-3), Number::from_double(-2.5));
}

TEST(Number, tells_whole_numbers_apart_that_round_to_one_double) {
  const std::uint64_t two_to_53 = std::uint64_t{1} << 53;
  EXPECT_NE(Number::from_unsigned(two_to_53), Number::from_unsigned(two_to_53 + 1));
  EXPECT_LT(Number::from_unsigned(two_to_53), Number::from_unsigned(two_to_53 + 1));
  EXPECT_EQ(Number::from_double(9007199254740992.0), Number::from_unsigned(two_to_53));
  const auto largest = std::numeric_limits<std::uint64_t>::max();
  EXPECT_LT(Number::from_unsigned(largest - 1), Number::from_unsigned(largest));
  EXPECT_LT(Number::from_unsigned(largest), Number::from_double(18446744073709551616.0));
  const auto least = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(Number::from_signed(least), Number::from_double(-9223372036854775808.0));
  EXPECT_LT(Number::from_signed(least), Number::from_signed(least + 1));
}

TEST(Number, keeps_the_order_of_whole_numbers) {
  std::mt19937_64 random(20);
  for (int round = 0; round < 20'000; ++round) {
    const auto a = static_cast<std::int64_t>(random() >> (random() % 60));
    const auto b = a + static_cast<std::int64_t>(random() % 5) - 2;
    const std::int64_t sign = random() % 2 == 0 ? 1 : -1;
    EXPECT_EQ(sign * a < sign * b, Number::from_signed(sign * a) < Number::from_signed(sign * b)) << sign * a;
    EXPECT_EQ(a == b, Number::from_signed(sign * a) == Number::from_signed(sign * b)) << sign * a;
    EXPECT_LT(Number::from_signed(sign * a).rest(), 2048);
  }
}

TEST(Number, is_made_again_from_its_parts) {
  const Number number = Number::from_unsigned(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(Number::from_parts(number.base(), number.rest()), number);
}

}  // namespace
}  // namespace vibrato::filter
