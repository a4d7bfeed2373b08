#include "measure.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace vibrato::bench {
namespace {

TEST(Measure, recall_is_the_share_of_the_wanted_rows) {
  const std::vector<std::uint32_t> right = {1, 2, 3, 4};
  EXPECT_EQ(recall_of(std::vector<std::uint32_t>{4, 9, 1, 8}, right, 4), 0.5);
  EXPECT_EQ(recall_of(std::vector<std::uint32_t>{}, right, 4), 0);
}

TEST(Measure, a_row_that_ties_with_the_last_wanted_one_counts_as_right) {
  const std::vector<std::uint32_t> right = {1, 2, 3};  // 2 and 3 tie for the second place.
  EXPECT_EQ(recall_of(std::vector<std::uint32_t>{1, 3}, right, 2), 1);
  EXPECT_EQ(recall_of(std::vector<std::uint32_t>{1, 2, 3}, right, 2), 1) << "never above 1";
}

TEST(Measure, quantile_picks_the_value_of_that_rank) {
  std::vector<double> values = {5, 1, 4, 2, 3};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 0.5), 3);
  EXPECT_EQ(quantile(values, 1), 5);
}

}  // namespace
}  // namespace vibrato::bench
