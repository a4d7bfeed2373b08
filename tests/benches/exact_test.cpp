#include "exact.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "random_vectors.hpp"

namespace vibrato::bench {
namespace {

double distance(std::span<const float> a, std::span<const float> b, Metric metric) {
  double dots = 0;
  double squares = 0;
  double norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dots += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    squares += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return metric == Metric::kL2 ? squares : metric == Metric::kDot ? -dots : -dots / std::sqrt(norm);
}

TEST(Exact, answers_are_those_of_a_full_sort_under_every_metric) {
  Matrix base = random_unit_vectors(300, 19, 5);
  for (std::size_t i = 0; i < base.rows; ++i) {
    for (float& value : base.row(i)) value *= 1.0F + static_cast<float>(i % 7);  // Norms from 1 to 7.
  }
  const Matrix queries = random_unit_vectors(21, 19, 6);
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    const Truth truth = exact_truth(base, queries, metric, 10, 2);
    for (std::size_t q = 0; q < queries.rows; ++q) {
      std::vector<std::pair<double, std::uint32_t>> all;
      for (std::size_t i = 0; i < base.rows; ++i) {
        all.emplace_back(distance(queries.row(q), base.row(i), metric), static_cast<std::uint32_t>(i));
      }
      std::sort(all.begin(), all.end());
      for (std::size_t i = 0; i < 10; ++i) {
        EXPECT_EQ(truth.row(q)[i], all[i].second) << to_string(metric) << " query " << q << " place " << i;
      }
    }
  }
}

TEST(Exact, rows_that_tie_with_the_kth_are_right_answers_too) {
  Matrix base{5, 1, {0, 1, 2, 2, 9}};
  const Matrix queries{1, 1, {0}};
  Truth truth = exact_truth(base, queries, Metric::kL2, 5, 1);
  mark_ties(truth, base, queries, Metric::kL2, 3);
  EXPECT_EQ(truth.right_answers(0).size(), 4U) << "rows 0, 1, 2 and 3, the last of which ties with row 2";
  mark_ties(truth, base, queries, Metric::kL2, 2);
  EXPECT_EQ(truth.right_answers(0).size(), 2U);
}

TEST(Exact, a_rotation_keeps_angles) {
  Matrix base = random_unit_vectors(6, 24, 1);
  Matrix queries = random_unit_vectors(6, 24, 2);
  const Matrix base_before = base;
  const Matrix queries_before = queries;
  rotate_and_normalise(base, queries, 3);
  EXPECT_GT(distance(base.row(0), base_before.row(0), Metric::kL2), 1e-3) << "something was turned";
  for (std::size_t i = 0; i < base.rows; ++i) {
    EXPECT_NEAR(distance(queries.row(i), base.row(i), Metric::kDot),
                distance(queries_before.row(i), base_before.row(i), Metric::kDot), 1e-5);
  }
}

}  // namespace
}  // namespace vibrato::bench
