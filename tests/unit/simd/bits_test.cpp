#include "simd/bits.hpp"

#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace vibrato::simd {
namespace {

TEST(Bits, are_counted_and_listed_whatever_their_share) {
  std::mt19937_64 random(5);
  for (const std::uint64_t share : {0U, 1U, 20U, 128U, 250U, 256U}) {
    for (std::size_t count = 0; count < 40; ++count) {
      std::vector<std::uint64_t> words(count);
      std::vector<std::uint32_t> expected;
      for (std::size_t i = 0; i < count * 64; ++i) {
        if (random() % 256 < share) {
          words[i / 64] |= std::uint64_t{1} << (i % 64);
          expected.push_back(static_cast<std::uint32_t>(128 + i));
        }
      }
      EXPECT_EQ(count_bits(words), expected.size());
      std::vector<std::uint32_t> listed(expected.size() + kListBitsSlack, 7);
      ASSERT_EQ(list_bits(words, 128, listed.data()), expected.size());
      listed.resize(expected.size());
      EXPECT_EQ(listed, expected);
    }
  }
}

}  // namespace
}  // namespace vibrato::simd
