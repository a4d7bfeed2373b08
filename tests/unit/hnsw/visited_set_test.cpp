// The set against std::unordered_set, over many resets of different sizes.
#include "hnsw/visited_set.hpp"

#include <gtest/gtest.h>
#include <string>
#include <unordered_set>

#include "base/random.hpp"

namespace vibrato::hnsw {
namespace {

void run_against_plain_set(VisitedSet& visited, std::size_t id_count, Random& random) {
  visited.reset(id_count);
  std::unordered_set<std::uint32_t> plain;
  std::vector<std::uint32_t> order;
  for (int step = 0; step < 20; ++step) {
    const std::size_t step_size = 1 + random.below(40);
    visited.reserve_step(step_size);
    for (std::size_t i = 0; i < step_size; ++i) {
      const auto id = static_cast<std::uint32_t>(random.below(id_count));
      const bool fresh = plain.insert(id).second;
      if (fresh) {
        order.push_back(id);
      }
      ASSERT_EQ(visited.insert(id), fresh) << "id " << id;
    }
    ASSERT_EQ(visited.size(), order.size());
    ASSERT_TRUE(std::equal(order.begin(), order.end(), visited.seen()));
  }
}

TEST(VisitedSet, does_what_a_plain_set_does_whatever_was_in_it_before) {
  constexpr std::uint64_t kSeed = 99;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  VisitedSet visited;
  for (int round = 0; round < 200; ++round) {
    const std::size_t id_count = 1 + random.below(round % 2 == 0 ? 100 : 5'000);
    ASSERT_NO_FATAL_FAILURE(run_against_plain_set(visited, id_count, random)) << "round " << round;
  }
}

TEST(VisitedSet, forgets_the_edges_of_its_words) {
  VisitedSet visited;
  for (int round = 0; round < 3; ++round) {
    visited.reset(129);
    visited.reserve_step(6);
    for (const std::uint32_t id : {0U, 63U, 64U, 127U, 128U}) {
      EXPECT_TRUE(visited.insert(id)) << "id " << id << ", round " << round;
    }
    EXPECT_FALSE(visited.insert(64));
    EXPECT_EQ(visited.size(), 5U);
  }
}

}  // namespace
}  // namespace vibrato::hnsw
