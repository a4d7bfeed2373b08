// k-means over points whose coordinates stand in columns: k-means++ seeding (Arthur and Vassilvitskii, 2007), then
// Lloyd's iterations. Trains the codebooks of product codes.
//
// Deterministic: one seed and the same points give the same centroids, whatever the number of threads that callers run
// several trainings on. An empty cluster gets the point that is farthest from its centroid, so that none stays empty
// while some point is not a centroid itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "simd/kernels.hpp"

namespace vibrato::quant {

// Point i has coordinate j at values[j * stride + i].
struct Columns {
  const float* values = nullptr;
  std::size_t stride = 0;
  std::size_t width = 0;
  std::size_t count = 0;

  [[nodiscard]] float at(std::size_t point, std::size_t j) const { return values[j * stride + point]; }
};

struct KMeansOptions {
  std::uint32_t clusters = 256;
  std::uint32_t iterations_max = 12;
  // The end is near enough when an iteration takes away less than this share of the error.
  double improvement_min = 1e-3;
  // Points that the seeds are drawn among, spread evenly; at least `clusters` are always taken where there are.
  std::uint32_t seeding_points_max = 4096;
  std::uint64_t seed = 0;
  // Asked between iterations: once it says yes, the training ends with what it has. May be empty.
  std::function<bool()> should_stop = {};
};

struct Clusters {
  std::vector<float> centroids;      // Shape [width][clusters]: columns as well.
  std::vector<float> norms;          // Shape [clusters]: |c|^2.
  std::vector<std::uint32_t> sizes;  // Shape [clusters]: points of each.
  double error = 0;                  // Mean squared distance of a point to its centroid.
};

// Finds the nearest centroid of points, one after the other. Borrows centroids and norms.
// Thread-safety: one thread at a time.
class NearestCentroid {
 public:
  // centroids: shape [width][clusters]; norms: shape [clusters].
  NearestCentroid(const simd::Kernels& kernels, const float* centroids, const float* norms, std::size_t width,
                  std::size_t clusters);

  // point: shape [width]. The first of equally near ones.
  [[nodiscard]] std::uint32_t of(const float* point);

 private:
  const simd::Kernels* kernels_;
  const float* centroids_;
  const float* norms_;
  std::size_t width_;
  std::size_t clusters_;
  std::vector<float> weights_;
  std::vector<float> distances_;
};

// Points are finite. Fewer distinct points than clusters leave clusters that repeat others and hold no point; without
// any point all centroids are 0.
[[nodiscard]] Clusters k_means(const simd::Kernels& kernels, const Columns& points, const KMeansOptions& options);

}  // namespace vibrato::quant
