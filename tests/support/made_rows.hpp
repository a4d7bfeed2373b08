// Vectors made from a seed, and the exact answers to compare an index with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>
#include <vibrato/metric.hpp>

#include "base/random.hpp"
#include "simd/kernels.hpp"

namespace vibrato::test {

struct MadeRows {
  std::uint32_t count = 0;
  std::uint32_t dim = 0;
  std::vector<float> values;  // [count][dim]

  MadeRows(std::uint32_t row_count, std::uint32_t row_dim)
      : count(row_count), dim(row_dim), values(std::size_t{row_count} * row_dim) {}

  [[nodiscard]] float* row(std::uint32_t i) { return values.data() + std::size_t{i} * dim; }
  [[nodiscard]] const float* row(std::uint32_t i) const { return values.data() + std::size_t{i} * dim; }
  [[nodiscard]] simd::FloatRows view() const { return {values.data(), dim, dim}; }
};

inline MadeRows gaussian_rows(std::uint32_t count, std::uint32_t dim, std::uint64_t seed) {
  Random random(seed);
  MadeRows rows(count, dim);
  std::generate(rows.values.begin(), rows.values.end(), [&] { return static_cast<float>(random.normal()); });
  return rows;
}

inline MadeRows uniform_rows(std::uint32_t count, std::uint32_t dim, std::uint64_t seed) {
  Random random(seed);
  MadeRows rows(count, dim);
  std::generate(rows.values.begin(), rows.values.end(), [&] { return static_cast<float>(random.uniform()); });
  return rows;
}

// `clusters` centres drawn from N(0, 1) a dimension; each row lies around one of them with deviation `spread`.
// Rows and queries of one mixture are made together: give the tail of the rows to the queries.
inline MadeRows clustered_rows(std::uint32_t count, std::uint32_t dim, std::uint32_t clusters, float spread,
                               std::uint64_t seed) {
  const MadeRows centres = gaussian_rows(clusters, dim, seed);
  Random random(seed + 1);
  MadeRows rows(count, dim);
  for (std::uint32_t i = 0; i < count; ++i) {
    const float* centre = centres.row(static_cast<std::uint32_t>(random.below(clusters)));
    for (std::uint32_t j = 0; j < dim; ++j) {
      rows.row(i)[j] = centre[j] + spread * static_cast<float>(random.normal());
    }
  }
  return rows;
}

// Gives every row a length drawn from [low, high]; zero rows stay.
inline void set_norms(MadeRows& rows, double low, double high, std::uint64_t seed) {
  Random random(seed);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    double norm = 0;
    for (std::uint32_t j = 0; j < rows.dim; ++j) {
      norm += double{rows.row(i)[j]} * rows.row(i)[j];
    }
    const double factor = norm > 0 ? (low + (high - low) * random.uniform()) / std::sqrt(norm) : 0.0;
    for (std::uint32_t j = 0; j < rows.dim; ++j) {
      rows.row(i)[j] = static_cast<float>(rows.row(i)[j] * factor);
    }
  }
}

// Splits off the last `count` rows.
inline MadeRows take_tail(MadeRows& rows, std::uint32_t count) {
  MadeRows tail(count, rows.dim);
  std::copy(rows.row(rows.count - count), rows.row(rows.count - count) + tail.values.size(), tail.values.begin());
  rows.count -= count;
  rows.values.resize(std::size_t{rows.count} * rows.dim);
  return tail;
}

// Squared L2, 2 - 2 cos (a zero vector has cosine 0 with all), or minus the dot; in double.
inline double exact_distance(Metric metric, const float* a, const float* b, std::uint32_t dim) {
  double dot = 0;
  double a2 = 0;
  double b2 = 0;
  double l2 = 0;
  for (std::uint32_t i = 0; i < dim; ++i) {
    const double x = a[i];
    const double y = b[i];
    dot += x * y;
    a2 += x * x;
    b2 += y * y;
    l2 += (x - y) * (x - y);
  }
  switch (metric) {
    case Metric::kL2:
      return l2;
    case Metric::kDot:
      return -dot;
    case Metric::kCosine:
      return 2 - (a2 > 0 && b2 > 0 ? 2 * dot / std::sqrt(a2 * b2) : 0.0);
  }
  return 0;
}

using Allows = std::function<bool(std::uint32_t)>;

// Distances of the k nearest rows, nearest first.
inline std::vector<double> exact_nearest(Metric metric, const MadeRows& rows, const float* query, std::uint32_t k,
                                         const Allows& allows = nullptr) {
  std::vector<double> distances;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    if (!allows || allows(i)) {
      distances.push_back(exact_distance(metric, rows.row(i), query, rows.dim));
    }
  }
  const std::size_t kept = std::min<std::size_t>(k, distances.size());
  std::partial_sort(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(kept), distances.end());
  distances.resize(kept);
  return distances;
}

}  // namespace vibrato::test
