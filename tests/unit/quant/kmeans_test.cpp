// k-means against a naive oracle, and its edges: few points, equal points, no points.
#include "quant/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <set>

#include "support/instruction_sets.hpp"
#include "support/made_rows.hpp"

namespace vibrato::quant {
namespace {

using test::MadeRows;

std::vector<float> transposed(const MadeRows& rows) {
  std::vector<float> columns(rows.values.size());
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    for (std::uint32_t j = 0; j < rows.dim; ++j) {
      columns[std::size_t{j} * rows.count + i] = rows.row(i)[j];
    }
  }
  return columns;
}

Clusters trained(const MadeRows& rows, const KMeansOptions& options, const simd::Kernels& kernels = simd::kernels()) {
  const std::vector<float> columns = transposed(rows);
  return k_means(kernels, {columns.data(), rows.count, rows.dim, rows.count}, options);
}

// Mean squared distance to the nearest centroid, in double, from the definition.
double error_of(const MadeRows& rows, const std::vector<double>& centroids) {
  double sum = 0;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c * rows.dim < centroids.size(); ++c) {
      double distance = 0;
      for (std::uint32_t j = 0; j < rows.dim; ++j) {
        const double difference = double{rows.row(i)[j]} - centroids[c * rows.dim + j];
        distance += difference * difference;
      }
      nearest = std::min(nearest, distance);
    }
    sum += nearest;
  }
  return sum / rows.count;
}

std::vector<double> rows_of(const Clusters& clusters, std::uint32_t dim) {
  const std::size_t count = clusters.sizes.size();
  std::vector<double> rows(count * dim);
  for (std::size_t c = 0; c < count; ++c) {
    for (std::uint32_t j = 0; j < dim; ++j) {
      rows[c * dim + j] = double{clusters.centroids[j * count + c]};
    }
  }
  return rows;
}

// Lloyd's algorithm from random points, in double, to the end.
double naive_error(const MadeRows& rows, std::uint32_t clusters, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> centroids;
  for (std::uint32_t c = 0; c < clusters; ++c) {
    const float* row = rows.row(static_cast<std::uint32_t>(random.below(rows.count)));
    centroids.insert(centroids.end(), row, row + rows.dim);
  }
  for (int iteration = 0; iteration < 40; ++iteration) {
    std::vector<double> sums(centroids.size(), 0.0);
    std::vector<std::uint32_t> sizes(clusters, 0);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      std::size_t best = 0;
      double nearest = std::numeric_limits<double>::infinity();
      for (std::size_t c = 0; c < clusters; ++c) {
        double distance = 0;
        for (std::uint32_t j = 0; j < rows.dim; ++j) {
          const double difference = double{rows.row(i)[j]} - centroids[c * rows.dim + j];
          distance += difference * difference;
        }
        if (distance < nearest) {
          nearest = distance;
          best = c;
        }
      }
      ++sizes[best];
      for (std::uint32_t j = 0; j < rows.dim; ++j) {
        sums[best * rows.dim + j] += double{rows.row(i)[j]};
      }
    }
    for (std::size_t c = 0; c < clusters; ++c) {
      for (std::uint32_t j = 0; j < rows.dim && sizes[c] > 0; ++j) {
        centroids[c * rows.dim + j] = sums[c * rows.dim + j] / sizes[c];
      }
    }
  }
  return error_of(rows, centroids);
}

TEST(KMeans, comes_nearer_than_naive_runs_on_average) {
  constexpr std::uint64_t kSeeds = 8;
  for (const std::uint32_t dim : {1U, 3U, 4U, 7U}) {
    const MadeRows rows = test::clustered_rows(2000, dim, 40, 0.3F, dim);
    KMeansOptions options;
    options.clusters = 32;
    options.iterations_max = 40;
    options.improvement_min = 0;
    double ours = 0;
    double naive = 0;
    for (options.seed = 1; options.seed <= kSeeds; ++options.seed) {
      const Clusters clusters = trained(rows, options);
      ours += clusters.error;
      naive += naive_error(rows, 32, options.seed);
      ASSERT_NEAR(clusters.error, error_of(rows, rows_of(clusters, dim)), 1e-4 * clusters.error) << "dim " << dim;
    }
    EXPECT_LE(ours, 1.02 * naive) << "dim " << dim;
  }
}

TEST(KMeans, finds_well_separated_clusters) {
  MadeRows rows = test::gaussian_rows(1000, 4, 5);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    rows.row(i)[0] += 1000.0F * static_cast<float>(i % 10);
  }
  KMeansOptions options;
  options.clusters = 10;
  const Clusters clusters = trained(rows, options);
  EXPECT_THAT(clusters.sizes, testing::Each(100U));
  EXPECT_NEAR(clusters.error, 4.0, 0.3);
}

TEST(KMeans, gives_the_same_bits_for_the_same_seed) {
  const MadeRows rows = test::gaussian_rows(2000, 5, 6);
  KMeansOptions options;
  options.clusters = 64;
  options.seed = 9;
  const Clusters first = trained(rows, options);
  EXPECT_EQ(first.centroids, trained(rows, options).centroids);
  options.seed = 10;
  EXPECT_NE(first.centroids, trained(rows, options).centroids);
}

TEST(KMeans, leaves_no_cluster_empty_where_points_differ) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    // Most points in one place: seeds and steps tend to leave clusters without any.
    MadeRows rows = test::gaussian_rows(1000, 2, seed);
    for (std::uint32_t i = 200; i < rows.count; ++i) {
      rows.row(i)[0] = 100.0F + 1e-3F * rows.row(i)[0];
      rows.row(i)[1] = 100.0F;
    }
    KMeansOptions options;
    options.clusters = 128;
    options.seed = seed;
    options.iterations_max = 20;
    options.improvement_min = 0;
    const Clusters clusters = trained(rows, options);
    EXPECT_THAT(clusters.sizes, testing::Each(testing::Gt(0U))) << "seed " << seed;
    EXPECT_EQ(std::accumulate(clusters.sizes.begin(), clusters.sizes.end(), 0U), rows.count);
  }
}

TEST(KMeans, makes_every_point_a_centroid_when_there_are_fewer_than_clusters) {
  for (const std::uint32_t count : {1U, 2U, 31U, 32U}) {
    const MadeRows rows = test::gaussian_rows(count, 4, count);
    KMeansOptions options;
    options.clusters = 32;
    const Clusters clusters = trained(rows, options);
    EXPECT_EQ(clusters.error, 0.0) << count;
    EXPECT_EQ(static_cast<std::uint32_t>(std::count(clusters.sizes.begin(), clusters.sizes.end(), 1U)), count);
  }
}

TEST(KMeans, takes_equal_points_and_duplicates) {
  MadeRows rows(500, 3);
  std::fill(rows.values.begin(), rows.values.end(), 2.5F);
  KMeansOptions options;
  options.clusters = 16;
  Clusters clusters = trained(rows, options);
  EXPECT_EQ(clusters.error, 0.0);
  EXPECT_THAT(clusters.centroids, testing::Each(2.5F));
  EXPECT_EQ(clusters.sizes[0], 500U);

  for (std::uint32_t i = 0; i < rows.count; ++i) {
    rows.row(i)[0] = static_cast<float>(i % 7);
  }
  clusters = trained(rows, options);
  EXPECT_EQ(clusters.error, 0.0);
  std::set<float> firsts(clusters.centroids.begin(), clusters.centroids.begin() + 16);
  EXPECT_EQ(firsts, (std::set<float>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(KMeans, gives_zeros_without_points) {
  const MadeRows rows(0, 4);
  KMeansOptions options;
  options.clusters = 8;
  const Clusters clusters = trained(rows, options);
  EXPECT_EQ(clusters.centroids, std::vector<float>(32, 0.0F));
  EXPECT_EQ(clusters.error, 0.0);
}

TEST(KMeans, is_as_good_on_every_instruction_set) {
  const MadeRows rows = test::gaussian_rows(3000, 4, 8);
  KMeansOptions options;
  options.clusters = 64;
  const double wanted = trained(rows, options).error;
  for (const simd::Kernels* kernels : test::available_kernels()) {
    EXPECT_NEAR(trained(rows, options, *kernels).error, wanted, 0.02 * wanted) << kernels->name;
  }
}

TEST(NearestCentroid, gives_the_first_of_equally_near_ones) {
  const std::vector<float> centroids = {1, 3, 1, 3};  // One dimension.
  const std::vector<float> norms = {1, 9, 1, 9};
  NearestCentroid nearest(simd::kernels(), centroids.data(), norms.data(), 1, 4);
  for (const auto& [point, want] : {std::pair{0.0F, 0U}, {1.9F, 0U}, {2.1F, 1U}, {50.0F, 1U}}) {
    EXPECT_EQ(nearest.of(&point), want) << point;
  }
}

}  // namespace
}  // namespace vibrato::quant
