// Random: the same sequence everywhere, uniform, normal, without bias.
#include "base/random.hpp"

#include <array>
#include <cmath>
#include <gtest/gtest.h>

namespace vibrato {
namespace {

// xoshiro256** and splitmix64 written again, as plainly as their authors' C code.
struct Reference {
  std::array<std::uint64_t, 4> s{};
  explicit Reference(std::uint64_t x) {
    for (auto& word : s) {
      std::uint64_t z = (x += 0x9e3779b97f4a7c15);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }
  static std::uint64_t rotl(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  std::uint64_t next() {
    const std::uint64_t result = rotl(s[1] * 5, 7) * 9;
    const std::uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
  }
};

TEST(Random, the_seeding_matches_the_published_splitmix64_outputs) {
  // The first outputs of splitmix64 from state 1234567 (Rosetta Code, "Pseudo-random numbers/Splitmix64").
  const Reference reference(1234567);
  EXPECT_EQ(reference.s[0], 6457827717110365317U);
  EXPECT_EQ(reference.s[1], 3203168211198807973U);
  EXPECT_EQ(reference.s[2], 9817491932198370423U);
  EXPECT_EQ(reference.s[3], 4593380528125082431U);
}

TEST(Random, gives_the_sequence_of_xoshiro256_starstar) {
  Random random(1234567);
  Reference reference(1234567);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(random.next_u64(), reference.next());
  }
}

TEST(Random, different_seeds_give_different_sequences) {
  EXPECT_NE(Random(1).next_u64(), Random(2).next_u64());
  EXPECT_NE(Random(0).next_u64(), 0U);
}

TEST(Random, below_stays_below_and_hits_every_value_evenly) {
  Random random(7);
  std::array<int, 10> hits{};
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t drawn = random.below(hits.size());
    ASSERT_LT(drawn, hits.size());
    ++hits[drawn];
  }
  for (const int count : hits) {
    EXPECT_NEAR(count, 10'000, 500);  // Five standard deviations.
  }
  EXPECT_EQ(random.below(1), 0U);
}

TEST(Random, below_is_fair_where_a_plain_remainder_is_not) {
  // With bound 3 * 2^62 a remainder alone would give the lowest third half of all draws.
  Random random(8);
  const std::uint64_t bound = std::uint64_t{3} << 62;
  int lowest_third = 0;
  for (int i = 0; i < 30'000; ++i) {
    const std::uint64_t drawn = random.below(bound);
    ASSERT_LT(drawn, bound);
    lowest_third += drawn < bound / 3 ? 1 : 0;
  }
  EXPECT_NEAR(lowest_third, 10'000, 500);
}

TEST(Random, uniform_lies_in_the_unit_interval_around_one_half) {
  Random random(9);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double drawn = random.uniform();
    ASSERT_GE(drawn, 0.0);
    ASSERT_LT(drawn, 1.0);
    sum += drawn;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005);
}

TEST(Random, normal_has_mean_zero_and_variance_one) {
  Random random(10);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double drawn = random.normal();
    sum += drawn;
    squares += drawn * drawn;
  }
  EXPECT_NEAR(sum / 100'000, 0.0, 0.02);
  EXPECT_NEAR(squares / 100'000, 1.0, 0.03);
}

TEST(Random, chance_follows_its_probability) {
  Random random(11);
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) {
    hits += random.chance(0.25) ? 1 : 0;
    ASSERT_FALSE(random.chance(0.0));
    ASSERT_TRUE(random.chance(1.0));
  }
  EXPECT_NEAR(hits, 2500, 250);
}

TEST(RandomDeathTest, below_nothing_is_a_broken_invariant) {
  EXPECT_DEATH((void)Random(1).below(0), "broken invariant");
}

}  // namespace
}  // namespace vibrato
