// What a calibration promises, on made rows: queries that were no part of it reach the target.
#include "vector/calibrate.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "hnsw/allowed_search.hpp"
#include "support/graph_index.hpp"
#include "support/status_matchers.hpp"
#include "vector/flat_scan.hpp"
#include "vector/recall_rule.hpp"
#include "vector/recall_truth.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kCalibratedDim = 24;
constexpr std::uint32_t kCalibratedRows = 12'000;
constexpr std::uint32_t kCalibratedQueries = 300;

struct MadeIndex {
  MadeIndex(Metric metric, std::uint32_t count, quant::CodeKind kind)
      : all(test::clustered_rows(count + kCalibratedQueries, kCalibratedDim, 40, 0.7F, 5)),
        rows(count, kCalibratedDim) {
    std::copy_n(all.values.begin(), rows.values.size(), rows.values.begin());
    test::IndexOptions options;
    options.metric = metric;
    options.kind = kind;
    options.graph.m = 8;
    options.graph.ef_construction = 60;
    index = std::make_unique<test::GraphIndex>(rows, options);
    index->build();
  }
  [[nodiscard]] const float* query(std::uint32_t i) const { return all.row(rows.count + i); }

  test::MadeRows all;
  test::MadeRows rows;
  std::unique_ptr<test::GraphIndex> index;
};

CalibrationOptions many_samples() {
  CalibrationOptions options;
  options.rows_a_sample = 12;
  return options;
}

struct Reached {
  double recall = 0;
  double distances = 0;
};

Reached reach(const MadeIndex& made, const WalkRule& rule, const RecallTarget& target, const RowShare& share) {
  ScanScratch scan;
  hnsw::SearchScratch scratch;
  std::vector<hnsw::Hit> right;
  std::vector<hnsw::Hit> hits;
  hnsw::SearchStats stats;
  Reached reached;
  const auto is_in = [](const void* context, std::uint32_t row) {
    const auto& bits = *static_cast<const std::vector<std::uint64_t>*>(context);
    return bits.empty() || (bits[row / 64] >> (row % 64) & 1) != 0;
  };
  for (std::uint32_t i = 0; i < kCalibratedQueries; ++i) {
    scan_rows(simd::kernels(), made.index->space(), made.query(i), 0, made.rows.count, target.k, scan, right,
              {is_in, &share.bits});
    if (share.bits.empty()) {
      hnsw::SearchParams params;
      params.k = target.k;
      apply(rule, target, params);
      hnsw::search(simd::kernels(), made.index->view(), made.index->space(), made.query(i), params, scratch, hits,
                   &stats);
    } else {
      hnsw::AllowedParams params;
      params.k = target.k;
      params.allowed = share.bits;
      apply(rule, target, params);
      EXPECT_TRUE(hnsw::search_allowed(simd::kernels(), made.index->view(), made.index->space(), made.query(i), params,
                                       scratch, hits, &stats));
    }
    for (const hnsw::Hit& hit : hits) {
      reached.recall += hit.distance <= right.back().distance ? 1.0 / target.k : 0;
    }
    reached.distances += stats.walk.distances;
  }
  reached.recall /= kCalibratedQueries;
  reached.distances /= kCalibratedQueries;
  return reached;
}

// A target out of reach is not promised, but what was reached is.
double promised(const WalkRule& rule, float target) {
  return static_cast<double>(std::min(rule.recall, target));
}

class Calibrate : public ::testing::TestWithParam<std::tuple<Metric, quant::CodeKind>> {};

// The sample and the queries both vary: three of their standard errors are allowed.
double allowed_shortfall(float target, std::uint32_t k, std::uint32_t samples) {
  const double t = static_cast<double>(target);
  return 3 * std::sqrt(t * (1 - t) * (1.0 / k + 0.25) * (1.0 / kCalibratedQueries + 1.0 / samples));
}

TEST_P(Calibrate, new_queries_reach_the_targets) {
  const auto [metric, kind] = GetParam();
  const MadeIndex made(metric, kCalibratedRows, kind);
  const auto calibration = calibrate(made.index->space(), made.index->view(), many_samples());
  ASSERT_OK(calibration);
  const RowShare all{1, {}};
  for (const std::uint32_t k : {1U, 10U, 40U, 100U}) {
    double distances = 0;
    for (const float target : {0.8F, 0.9F, 0.95F, 0.99F}) {
      const WalkRule rule = rule_for(&*calibration, {target, k});
      const Reached reached = reach(made, rule, {target, k}, all);
      EXPECT_GE(reached.recall, promised(rule, target) - allowed_shortfall(target, k, calibration->samples))
          << "k " << k << " target " << target;
      EXPECT_GE(reached.distances, distances);
      distances = reached.distances;
    }
    EXPECT_LT(distances, kCalibratedRows / 2.0) << "of the widest walk; a scan would cost all rows";
  }
}

TEST_P(Calibrate, new_queries_reach_the_targets_under_filters) {
  const auto [metric, kind] = GetParam();
  const MadeIndex made(metric, kCalibratedRows, kind);
  CalibrationOptions options = many_samples();
  options.all_shares = true;
  const auto calibration = calibrate(made.index->space(), made.index->view(), options);
  ASSERT_OK(calibration);
  ASSERT_EQ(calibration->shares, std::vector<float>({1, 0.5F, 0.1F, 0.02F}));
  const RowShare half = draw_share(kCalibratedRows, 0.5, 77);
  for (const std::uint32_t k : {1U, 10U, 100U}) {
    for (const float target : {0.9F, 0.95F, 0.99F}) {
      const WalkRule rule = rule_for(&*calibration, {target, k}, half.share);
      EXPECT_GE(reach(made, rule, {target, k}, half).recall,
                promised(rule, target) - allowed_shortfall(target, k, calibration->samples / 3))
          << "k " << k << " target " << target;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(metrics, Calibrate,
                         ::testing::Values(std::tuple(Metric::kL2, quant::CodeKind::kSq4),
                                           std::tuple(Metric::kCosine, quant::CodeKind::kSq8),
                                           std::tuple(Metric::kDot, quant::CodeKind::kNone)));

TEST(CalibrateOnce, same_rows_give_the_same_calibration) {
  const MadeIndex made(Metric::kL2, 3000, quant::CodeKind::kSq4);
  const auto one = calibrate(made.index->space(), made.index->view());
  const auto two = calibrate(made.index->space(), made.index->view());
  ASSERT_OK(one);
  ASSERT_OK(two);
  EXPECT_EQ(*one, *two);
  EXPECT_EQ(*format::parse_calibration_section(format::write_calibration_section(*one), 0), *one);
}

TEST(CalibrateOnce, shares_that_no_search_walks_under_have_no_table) {
  const MadeIndex made(Metric::kL2, 3000, quant::CodeKind::kSq4);
  const auto calibration = calibrate(made.index->space(), made.index->view());
  ASSERT_OK(calibration);
  EXPECT_EQ(calibration->shares, std::vector<float>({1}));
}

TEST(CalibrateOnce, points_rise_with_the_target) {
  const MadeIndex made(Metric::kL2, 3000, quant::CodeKind::kSq4);
  const auto calibration = calibrate(made.index->space(), made.index->view());
  ASSERT_OK(calibration);
  for (std::size_t share = 0; share < calibration->shares.size(); ++share) {
    for (std::size_t k = 0; k < calibration->ks.size(); ++k) {
      for (std::size_t target = 1; target < calibration->targets.size(); ++target) {
        EXPECT_GE(calibration->point(share, k, target).slack, calibration->point(share, k, target - 1).slack);
        EXPECT_GE(calibration->point(share, k, target).reach, calibration->point(share, k, target - 1).reach);
      }
    }
  }
}

TEST(CalibrateOnce, a_target_out_of_reach_says_what_was_reached) {
  // Lists of two neighbours: many rows are not found at all.
  test::MadeRows rows = test::gaussian_rows(6000, 32, 3);
  test::IndexOptions options;
  options.graph.m = 2;
  options.graph.ef_construction = 4;
  options.kind = quant::CodeKind::kNone;
  test::GraphIndex index(rows, options);
  index.build();
  const auto calibration = calibrate(index.space(), index.view());
  ASSERT_OK(calibration);
  const WalkRule rule = rule_for(&*calibration, {0.999F, 10});
  EXPECT_LT(rule.recall, 0.999F);
  EXPECT_EQ(rule.slack, std::numeric_limits<float>::infinity());
}

TEST(CalibrateOnce, small_segments_are_not_calibrated) {
  const MadeIndex made(Metric::kL2, kCalibratedRowsMin - 1, quant::CodeKind::kSq4);
  EXPECT_EQ(calibrate(made.index->space(), made.index->view()).status().code(), ErrorCode::kInvalidArgument);
}

TEST(CalibrateOnce, ends_when_it_is_told_to) {
  const MadeIndex made(Metric::kL2, 3000, quant::CodeKind::kSq4);
  CalibrationOptions options;
  options.keep_going = [] { return Status(ErrorCode::kUnavailable, "stopping"); };
  EXPECT_EQ(calibrate(made.index->space(), made.index->view(), options).status().message(), "stopping");
}

}  // namespace
}  // namespace vibrato::vector
