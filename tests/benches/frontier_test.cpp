#include "frontier.hpp"

#include <cmath>
#include <gtest/gtest.h>

namespace vibrato::bench {
namespace {

TEST(Frontier, keeps_only_points_that_no_other_beats_in_both) {
  const auto best = frontier({{0.90, 100}, {0.95, 120}, {0.99, 50}, {0.97, 40}});
  ASSERT_EQ(best.size(), 2U);
  EXPECT_EQ(best[0].recall, 0.95);
  EXPECT_EQ(best[0].qps, 120);
  EXPECT_EQ(best[1].recall, 0.99);
}

TEST(Frontier, speed_between_two_points_is_linear_in_the_logarithm) {
  const auto speed = speed_at({{0.90, 100}, {1.00, 25}}, 0.95);
  ASSERT_TRUE(speed.has_value());
  EXPECT_NEAR(speed->qps, 50, 1e-9) << "halfway between 100 and 25 in the logarithm";
  EXPECT_FALSE(speed->lower_bound);
}

TEST(Frontier, speed_at_a_measured_recall_is_the_measured_speed) {
  const auto speed = speed_at({{0.90, 100}, {0.95, 70}, {0.99, 25}}, 0.95);
  ASSERT_TRUE(speed.has_value());
  EXPECT_NEAR(speed->qps, 70, 1e-9);
  EXPECT_FALSE(speed->lower_bound);
}

TEST(Frontier, a_recall_below_the_fastest_setting_gives_a_lower_bound) {
  const auto speed = speed_at({{0.96, 100}, {0.99, 25}}, 0.90);
  ASSERT_TRUE(speed.has_value());
  EXPECT_EQ(speed->qps, 100);
  EXPECT_TRUE(speed->lower_bound);
}

TEST(Frontier, a_recall_that_was_not_reached_has_no_speed) {
  EXPECT_FALSE(speed_at({{0.90, 100}, {0.95, 70}}, 0.99).has_value());
  EXPECT_FALSE(speed_at({}, 0.5).has_value());
}

}  // namespace
}  // namespace vibrato::bench
