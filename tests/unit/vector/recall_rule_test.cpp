#include "vector/recall_rule.hpp"

#include <cmath>
#include <gtest/gtest.h>

#include "base/limits.hpp"

namespace vibrato::vector {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Two of each grid; slack and reach double from point to point.
format::Calibration sample() {
  format::Calibration calibration;
  calibration.ks = {1, 100};
  calibration.targets = {0.9F, 0.99F};
  calibration.shares = {1, 0.25F};
  for (std::uint32_t i = 0; i < 8; ++i) {
    calibration.points.push_back({0.01F * static_cast<float>(1U << i), 4U << i, 0.95F, 100, 50});
  }
  return calibration;
}

TEST(RecallRule, gives_the_points_of_the_grids) {
  const auto calibration = sample();
  const WalkRule rule = rule_for(&calibration, {0.99F, 100}, 0.25);
  EXPECT_NEAR(rule.slack, 1.28F, 1e-5F);
  EXPECT_EQ(rule.reach, 512U);
  EXPECT_EQ(rule.effort, 50U);
  EXPECT_FLOAT_EQ(rule.recall, 0.95F);
  EXPECT_TRUE(rule.is_calibrated);
  EXPECT_NEAR(rule_for(&calibration, {0.9F, 1}).slack, 0.01F, 1e-6F);
}

TEST(RecallRule, lies_between_the_points_in_the_middle_of_a_cell) {
  const auto calibration = sample();
  // 1 - recall is the geometric mean of .1 and .01; k that of 1 and 100; the share that of 1 and .25.
  EXPECT_NEAR(rule_for(&calibration, {1 - std::sqrt(0.001F), 1}).slack, 0.015F, 1e-5F);
  EXPECT_EQ(rule_for(&calibration, {1 - std::sqrt(0.001F), 1}).reach, 6U);  // 4 sqrt(2), rounded up.
  EXPECT_NEAR(rule_for(&calibration, {0.9F, 10}).slack, 0.025F, 1e-5F);
  EXPECT_EQ(rule_for(&calibration, {0.9F, 10}).reach, 8U);
  EXPECT_NEAR(rule_for(&calibration, {0.9F, 1}, 0.5).slack, 0.085F, 1e-5F);
}

TEST(RecallRule, takes_the_nearest_point_outside_of_the_grids) {
  const auto calibration = sample();
  EXPECT_EQ(rule_for(&calibration, {0.5F, 1}).reach, rule_for(&calibration, {0.9F, 1}).reach);
  EXPECT_EQ(rule_for(&calibration, {0.999F, 1}).reach, rule_for(&calibration, {0.99F, 1}).reach);
  EXPECT_EQ(rule_for(&calibration, {0.9F, 1}, 0.001).reach, rule_for(&calibration, {0.9F, 1}, 0.25).reach);
}

TEST(RecallRule, reaches_in_proportion_past_the_largest_k) {
  const auto calibration = sample();
  EXPECT_EQ(rule_for(&calibration, {0.9F, 300}).reach, 3 * rule_for(&calibration, {0.9F, 100}).reach);
  EXPECT_EQ(rule_for(&calibration, {0.99F, 4096}, 0.25).reach, limits::kEfMax);
}

TEST(RecallRule, no_slack_on_one_side_is_none_between) {
  auto calibration = sample();
  calibration.points[1].slack = kInfinity;  // Of .99, k 1.
  EXPECT_EQ(rule_for(&calibration, {0.95F, 1}).slack, kInfinity);
  EXPECT_NEAR(rule_for(&calibration, {0.9F, 1}).slack, 0.01F, 1e-6F);
}

TEST(RecallRule, never_does_less_for_a_higher_target) {
  const auto calibration = sample();
  for (const format::Calibration* one : {&calibration, static_cast<const format::Calibration*>(nullptr)}) {
    for (const std::uint32_t k : {1U, 7U, 100U, 1000U}) {
      WalkRule before = rule_for(one, {kRecallTargetMin, k});
      for (float target = kRecallTargetMin; target <= kRecallTargetMax; target += 0.001F) {
        const WalkRule rule = rule_for(one, {target, k});
        EXPECT_GE(rule.slack, before.slack - 1e-7F);
        EXPECT_GE(rule.reach, before.reach);
        before = rule;
      }
    }
  }
}

TEST(RecallRule, guesses_without_a_calibration) {
  const WalkRule rule = rule_for(nullptr, {0.99F, 10});
  EXPECT_FALSE(rule.is_calibrated);
  EXPECT_EQ(rule.slack, kInfinity);
  EXPECT_GE(rule.reach, 3 * 122U);  // What sets of real vectors needed.
  EXPECT_GE(rule.ef, rule.reach);
  EXPECT_LE(rule_for(nullptr, {0.999F, 10'000}).ef, limits::kEfMax);
}

}  // namespace
}  // namespace vibrato::vector
