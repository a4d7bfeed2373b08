// Made vectors, `.vdb` files of them, and exact neighbours computed the plain way, for tests of search.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <numeric>
#include <span>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>

#include "base/random.hpp"
#include "store/vdb_row_writer.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {

struct VectorSet {
  std::uint32_t rows = 0;
  std::uint32_t dim = 0;
  std::vector<float> values;

  [[nodiscard]] std::span<const float> row(std::uint32_t i) const {
    return {values.data() + std::size_t{i} * dim, dim};
  }
};

// Rows around 32 random centres, with norms spread over about 1 to 3; some structure, as real sets have.
inline VectorSet make_vectors(std::uint32_t rows, std::uint32_t dim, std::uint64_t seed) {
  Random centre_random(7);
  std::vector<float> centres(std::size_t{32} * dim);
  for (float& value : centres) {
    value = static_cast<float>(centre_random.normal());
  }
  Random random(seed);
  VectorSet made{rows, dim, std::vector<float>(std::size_t{rows} * dim)};
  for (std::uint32_t row = 0; row < rows; ++row) {
    const std::size_t centre = random.below(32) * dim;
    const auto scale = static_cast<float>((1 + 2 * random.uniform()) / std::sqrt(static_cast<double>(dim)));
    for (std::uint32_t i = 0; i < dim; ++i) {
      const auto noise = static_cast<float>(random.normal());
      made.values[std::size_t{row} * dim + i] = scale * (centres[centre + i] + noise);
    }
  }
  return made;
}

// Writes rows [first, end) with the meta {"row":i}.
inline void write_vdb(io::FileSystem& fs, const std::string& path, const VectorSet& made, Metric metric) {
  store::VdbWriterOptions options;
  options.dim = made.dim;
  options.metric = metric;
  auto writer = store::VdbRowWriter::create(fs, path, options);
  ASSERT_OK(writer);
  for (std::uint32_t row = 0; row < made.rows; ++row) {
    ASSERT_OK((*writer)->add(made.row(row), "{\"row\":" + std::to_string(row) + "}"));
  }
  ASSERT_OK((*writer)->commit());
}

// In double precision. Cosine: 2 - 2 cos; dot: minus the product; l2: the square.
inline double plain_distance(Metric metric, std::span<const float> a, std::span<const float> b) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  double l2 = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = double{a[i]};
    const double y = double{b[i]};
    dot += x * y;
    aa += x * x;
    bb += y * y;
    l2 += (x - y) * (x - y);
  }
  return metric == Metric::kL2    ? l2
         : metric == Metric::kDot ? -dot
                                  : 2 - 2 * dot / std::sqrt(std::max(aa * bb, 1e-300));
}

// The distance of the k-th nearest row (of the last one, if there are fewer).
inline double kth_distance(Metric metric, const VectorSet& made, std::span<const float> query, std::size_t k) {
  std::vector<double> distances;
  for (std::uint32_t row = 0; row < made.rows; ++row) {
    distances.push_back(plain_distance(metric, query, made.row(row)));
  }
  std::sort(distances.begin(), distances.end());
  return distances[std::min(k, distances.size()) - 1];
}

// The share of the true k nearest that `found` holds; rows as near as the k-th count, whichever they are.
inline double recall_of(Metric metric, const VectorSet& made, std::span<const float> query, std::size_t k,
                        const std::vector<std::uint32_t>& found) {
  const double worst = kth_distance(metric, made, query, k) + 1e-5;
  const auto right = std::count_if(found.begin(), found.end(), [&](std::uint32_t row) {
    return plain_distance(metric, query, made.row(row)) <= worst;
  });
  return static_cast<double>(right) / static_cast<double>(std::min<std::size_t>(k, made.rows));
}

}  // namespace vibrato::test
