#include "format/half.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace vibrato::format {
namespace {

// The definition of binary16, written out in double arithmetic.
double value_of_half(std::uint32_t half) {
  const double sign = (half & 0x8000U) != 0 ? -1.0 : 1.0;
  const int exponent = static_cast<int>((half >> 10U) & 0x1fU);
  const double fraction = static_cast<double>(half & 0x3ffU) / 1024.0;
  if (exponent == 0x1f) return sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(fraction, -14);
  return sign * std::ldexp(1.0 + fraction, exponent - 15);
}

bool is_nan_half(std::uint32_t half) {
  return (half & 0x7c00U) == 0x7c00U && (half & 0x3ffU) != 0;
}

TEST(Half, every_value_converts_exactly) {
  for (std::uint32_t half = 0; half <= 0xffffU; ++half) {
    const float converted = half_to_float(static_cast<std::uint16_t>(half));
    if (is_nan_half(half)) {
      ASSERT_TRUE(std::isnan(converted)) << half;
      ASSERT_EQ(std::bit_cast<std::uint32_t>(converted) & 0x7fffffU, (half & 0x3ffU) << 13U) << half;
    } else {
      ASSERT_EQ(static_cast<double>(converted), value_of_half(half)) << half;
    }
    ASSERT_EQ(std::signbit(converted), (half & 0x8000U) != 0) << half;
  }
}

TEST(Half, known_bit_patterns_have_their_published_values) {
  EXPECT_EQ(half_to_float(0x3c00), 1.0F);
  EXPECT_EQ(half_to_float(0xc000), -2.0F);
  EXPECT_EQ(half_to_float(0x7bff), 65504.0F);
  EXPECT_EQ(half_to_float(0x0400), 0x1p-14F);
  EXPECT_EQ(half_to_float(0x0001), 0x1p-24F);
  EXPECT_EQ(half_to_float(0x3555), 0.333251953125F);
}

TEST(Half, a_span_is_read_as_little_endian) {
  const std::vector<std::byte> bytes = {std::byte{0x00}, std::byte{0x3c}, std::byte{0x00}, std::byte{0xc0}};
  std::vector<float> out(2);
  halves_to_floats(bytes, out);
  EXPECT_EQ(out, (std::vector<float>{1.0F, -2.0F}));
}

}  // namespace
}  // namespace vibrato::format
