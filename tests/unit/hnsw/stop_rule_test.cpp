// How far beyond the k-th best a walk looks.
#include "hnsw/stop_rule.hpp"

#include <gtest/gtest.h>

namespace vibrato::hnsw {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(StopRule, without_slack_bounds_nothing_by_distance) {
  EXPECT_EQ(StopRule{}.bound(1.0F), kInfinity);
  EXPECT_EQ(StopRule{}.bound(kInfinity), kInfinity);
  EXPECT_EQ(StopRule{}.bound(0.0F), kInfinity);
  EXPECT_EQ(StopRule{}.bound(-0.25F), kInfinity);
}

TEST(StopRule, looks_a_share_of_the_kth_distance_beyond_it) {
  const StopRule rule{.slack = 0.5F, .floor = 0.0F, .margin = 0.0F};
  EXPECT_FLOAT_EQ(rule.bound(2.0F), 3.0F);
  EXPECT_FLOAT_EQ(rule.bound(0.0F), 0.0F);
  EXPECT_EQ(rule.bound(kInfinity), kInfinity);
}

TEST(StopRule, of_no_slack_ends_at_the_kth) {
  const StopRule rule{.slack = 0.0F, .floor = 0.0F, .margin = 0.0F};
  EXPECT_FLOAT_EQ(rule.bound(2.0F), 2.0F);
  EXPECT_FLOAT_EQ(rule.bound(1e-40F), 1e-40F);
  EXPECT_EQ(rule.bound(kInfinity), kInfinity);
}

TEST(StopRule, measures_the_share_from_the_least_distance_there_can_be) {
  const StopRule rule{.slack = 0.25F, .floor = -10.0F, .margin = 0.0F};
  EXPECT_FLOAT_EQ(rule.bound(-6.0F), -5.0F);
  EXPECT_FLOAT_EQ(rule.bound(2.0F), 5.0F);
}

TEST(StopRule, looks_at_least_its_margin_beyond_the_kth) {
  const StopRule rule{.slack = 0.5F, .floor = 0.0F, .margin = 0.25F};
  EXPECT_FLOAT_EQ(rule.bound(2.0F), 3.25F);
  EXPECT_FLOAT_EQ(rule.bound(0.0F), 0.25F);
  EXPECT_FLOAT_EQ(rule.bound(-0.1F), 0.15F);
}

// Code distances may lie a little below the floor; the bound must not then fall below the k-th.
TEST(StopRule, never_bounds_below_the_kth) {
  const StopRule rule{.slack = 0.5F, .floor = 0.0F, .margin = 0.0F};
  EXPECT_EQ(rule.bound(-0.25F), -0.25F);
}

}  // namespace
}  // namespace vibrato::hnsw
