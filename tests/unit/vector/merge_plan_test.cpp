// Which parts are merged: tiers, tombstones, settling; and how many parts a long ingest leaves.
#include "vector/merge_plan.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>

#include "base/random.hpp"

namespace vibrato::vector {
namespace {

using Positions = std::vector<std::size_t>;

MergePolicy policy() {
  MergePolicy policy;
  policy.bytes_max = 1'000'000'000;
  policy.rows_max = 1'000'000'000;
  return policy;
}

PartSize part(std::uint64_t rows, std::uint64_t dead = 0) {
  return {rows, dead, rows * 600};
}

TEST(MergePlan, leaves_few_parts_alone) {
  EXPECT_EQ(plan_merge({}, policy(), true), Positions());
  EXPECT_EQ(plan_merge(std::vector{part(5000), part(5000), part(5000)}, policy(), false), Positions());
  EXPECT_EQ(plan_merge(std::vector{part(5000)}, policy(), true), Positions());
}

TEST(MergePlan, merges_a_full_tier_and_only_that) {
  const std::vector parts{part(100'000), part(5000), part(6000), part(1'000'000), part(4500), part(7000)};
  EXPECT_EQ(plan_merge(parts, policy(), false), (Positions{4, 1, 2, 5}));
}

TEST(MergePlan, takes_the_lowest_full_tier_first) {
  std::vector<PartSize> parts(4, part(100'000));
  parts.insert(parts.end(), 4, part(10));
  EXPECT_EQ(plan_merge(parts, policy(), false), (Positions{4, 5, 6, 7}));
}

TEST(MergePlan, rewrites_the_part_with_the_most_tombstones_past_the_ratio) {
  EXPECT_EQ(plan_merge(std::vector{part(1000, 200), part(1000, 199)}, policy(), false), Positions());
  EXPECT_EQ(plan_merge(std::vector{part(1000, 201), part(1000, 300), part(10)}, policy(), false), Positions{1});
}

TEST(MergePlan, drops_parts_without_a_living_row_together) {
  EXPECT_EQ(plan_merge(std::vector{part(1000, 1000), part(1000, 900), part(10, 10)}, policy(), false),
            (Positions{0, 2}));
}

TEST(MergePlan, settles_an_idle_collection_but_does_not_rewrite_a_large_part_for_a_small_one) {
  EXPECT_EQ(plan_merge(std::vector{part(5000), part(6000), part(9000)}, policy(), true), (Positions{0, 1, 2}));
  EXPECT_EQ(plan_merge(std::vector{part(1'000'000), part(6000)}, policy(), true), Positions());
  EXPECT_EQ(plan_merge(std::vector{part(1'000'000), part(6000), part(10)}, policy(), true), Positions());
  EXPECT_EQ(plan_merge(std::vector{part(10), part(900)}, policy(), true), (Positions{0, 1}));
}

TEST(MergePlan, bounds_the_bytes_of_a_merge_but_never_of_a_single_part) {
  MergePolicy bounded = policy();
  bounded.bytes_max = 3 * 5000 * 600;
  EXPECT_EQ(plan_merge(std::vector(6, part(5000)), bounded, false), (Positions{0, 1, 2}));
  bounded.bytes_max = 5000 * 600;
  EXPECT_EQ(plan_merge(std::vector(6, part(5000)), bounded, false), Positions());
  EXPECT_EQ(plan_merge(std::vector{part(50'000, 20'000)}, bounded, false), Positions{0});
}

TEST(MergePlan, bounds_the_rows_of_a_merge) {
  MergePolicy bounded = policy();
  bounded.rows_max = 10'000;
  EXPECT_EQ(plan_merge(std::vector(6, part(5000)), bounded, false), (Positions{0, 1}));
  EXPECT_EQ(plan_full_merge(std::vector(3, part(5000)), bounded), (Positions{0, 1}));
}

TEST(MergePlan, a_full_merge_takes_all_and_then_only_what_has_dead_rows) {
  EXPECT_EQ(plan_full_merge({}, policy()), Positions());
  EXPECT_EQ(plan_full_merge(std::vector{part(1'000'000), part(10), part(500)}, policy()), (Positions{1, 2, 0}));
  EXPECT_EQ(plan_full_merge(std::vector{part(1000, 1)}, policy()), Positions{0});
  EXPECT_EQ(plan_full_merge(std::vector{part(1000)}, policy()), Positions());
}

// What a collection looks like while parts of some size keep coming, a merge being done whenever one is due.
TEST(MergePlan, keeps_few_parts_while_a_million_rows_come_in) {
  for (const std::uint64_t part_rows : {500U, 3'000U, 30'000U, 131'072U}) {
    Random random(part_rows);
    std::vector<PartSize> parts;
    std::uint64_t rows = 0;
    std::uint64_t written = 0;
    std::size_t most = 0;
    while (rows < 1'000'000) {
      const std::uint64_t fresh = part_rows / 2 + random.below(part_rows);
      rows += fresh;
      parts.push_back(part(fresh));
      most = std::max(most, parts.size());
      for (Positions due = plan_merge(parts, policy(), false); !due.empty(); due = plan_merge(parts, policy(), false)) {
        std::uint64_t sum = 0;
        std::sort(due.rbegin(), due.rend());
        for (const std::size_t position : due) {
          sum += parts[position].rows;
          parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(position));
        }
        parts.push_back(part(sum));
        written += sum;
      }
    }
    EXPECT_LE(most, 16U) << part_rows << " rows a part";
    EXPECT_LE(written, 7 * rows) << part_rows << " rows a part";
  }
}

}  // namespace
}  // namespace vibrato::vector
