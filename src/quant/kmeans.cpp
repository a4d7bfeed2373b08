#include "quant/kmeans.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/random.hpp"

namespace vibrato::quant {
namespace {

// One training. Centroids are rows here while they are summed up, and columns when points are compared with them.
class Training {
 public:
  Training(const simd::Kernels& kernels, const Columns& points, const KMeansOptions& options)
      : kernels_(kernels),
        points_(points),
        options_(options),
        random_(options.seed),
        assigned_(points.count, 0),
        residuals_(points.count, 0.0F) {
    result_.centroids.resize(points.width * options.clusters, 0.0F);
    result_.norms.resize(options.clusters, 0.0F);
    result_.sizes.resize(options.clusters, 0);
  }

  Clusters run() {
    if (points_.count == 0) {
      return std::move(result_);
    }
    if (should_stop()) {
      return std::move(result_);
    }
    seed();
    assign();
    for (std::uint32_t i = 0; i < options_.iterations_max && result_.error > 0 && !should_stop(); ++i) {
      const double before = result_.error;
      move_centroids();
      assign();
      if (before - result_.error < options_.improvement_min * before) {
        break;
      }
    }
    return std::move(result_);
  }

 private:
  [[nodiscard]] bool should_stop() const { return options_.should_stop && options_.should_stop(); }

  void set_centroid(std::size_t cluster, std::size_t point) {
    float norm = 0;
    for (std::size_t j = 0; j < points_.width; ++j) {
      const float value = points_.at(point, j);
      result_.centroids[j * options_.clusters + cluster] = value;
      norm += value * value;
    }
    result_.norms[cluster] = norm;
  }

  // k-means++: each seed is drawn with a chance that grows with the square of its distance to those drawn before.
  void seed() {
    const std::size_t wanted = std::max(options_.seeding_points_max, options_.clusters);
    const std::size_t count = std::min<std::size_t>(points_.count, wanted);
    const auto point_at = [&](std::size_t i) { return i * points_.count / count; };
    std::vector<float> near(count, std::numeric_limits<float>::max());
    std::size_t drawn = static_cast<std::size_t>(random_.below(count));
    for (std::uint32_t cluster = 0; cluster < options_.clusters; ++cluster) {
      set_centroid(cluster, point_at(drawn));
      double sum = 0;
      for (std::size_t i = 0; i < count; ++i) {
        near[i] = std::min(near[i], squared_distance(point_at(i), cluster));
        sum += double{near[i]};
      }
      drawn = draw(near, sum);
    }
  }

  // A position by weight; the first where no weight is left, as every point is a centroid then.
  std::size_t draw(const std::vector<float>& weights, double sum) {
    double left = random_.uniform() * sum;
    std::size_t last = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] <= 0) {
        continue;
      }
      last = i;
      left -= double{weights[i]};
      if (left < 0) {
        break;
      }
    }
    return last;
  }

  [[nodiscard]] float squared_distance(std::size_t point, std::size_t cluster) const {
    float sum = 0;
    for (std::size_t j = 0; j < points_.width; ++j) {
      const float difference = points_.at(point, j) - result_.centroids[j * options_.clusters + cluster];
      sum += difference * difference;
    }
    return sum;
  }

  void assign() {
    NearestCentroid nearest(kernels_, result_.centroids.data(), result_.norms.data(), points_.width, options_.clusters);
    std::vector<float> point(points_.width);
    std::fill(result_.sizes.begin(), result_.sizes.end(), 0U);
    double error = 0;
    for (std::size_t i = 0; i < points_.count; ++i) {
      for (std::size_t j = 0; j < points_.width; ++j) {
        point[j] = points_.at(i, j);
      }
      assigned_[i] = nearest.of(point.data());
      ++result_.sizes[assigned_[i]];
      residuals_[i] = squared_distance(i, assigned_[i]);
      error += double{residuals_[i]};
    }
    result_.error = error / static_cast<double>(points_.count);
  }

  void move_centroids() {
    const std::size_t width = points_.width;
    std::vector<double> sums(width * options_.clusters, 0.0);
    for (std::size_t i = 0; i < points_.count; ++i) {
      for (std::size_t j = 0; j < width; ++j) {
        sums[assigned_[i] * width + j] += double{points_.at(i, j)};
      }
    }
    for (std::size_t cluster = 0; cluster < options_.clusters; ++cluster) {
      if (result_.sizes[cluster] == 0) {
        set_centroid(cluster, take_farthest());
        continue;
      }
      float norm = 0;
      for (std::size_t j = 0; j < width; ++j) {
        const auto mean = static_cast<float>(sums[cluster * width + j] / result_.sizes[cluster]);
        result_.centroids[j * options_.clusters + cluster] = mean;
        norm += mean * mean;
      }
      result_.norms[cluster] = norm;
    }
  }

  // The point that is farthest from its centroid; not given twice, nor once all that is left is at its centroid.
  std::size_t take_farthest() {
    const auto farthest = std::max_element(residuals_.begin(), residuals_.end());
    *farthest = 0;
    return static_cast<std::size_t>(farthest - residuals_.begin());
  }

  const simd::Kernels& kernels_;
  const Columns& points_;
  const KMeansOptions& options_;
  Random random_;
  Clusters result_;
  std::vector<std::uint32_t> assigned_;  // Cluster of each point.
  std::vector<float> residuals_;         // Squared distance of each point to its centroid.
};

}  // namespace

NearestCentroid::NearestCentroid(const simd::Kernels& kernels, const float* centroids, const float* norms,
                                 std::size_t width, std::size_t clusters)
    : kernels_(&kernels),
      centroids_(centroids),
      norms_(norms),
      width_(width),
      clusters_(clusters),
      weights_(width),
      distances_(clusters) {}

std::uint32_t NearestCentroid::of(const float* point) {
  for (std::size_t j = 0; j < width_; ++j) {
    weights_[j] = -2.0F * point[j];
  }
  kernels_->weighted_columns(weights_.data(), width_, centroids_, clusters_, norms_, clusters_, distances_.data());
  return static_cast<std::uint32_t>(kernels_->least(distances_.data(), clusters_));
}

Clusters k_means(const simd::Kernels& kernels, const Columns& points, const KMeansOptions& options) {
  return Training(kernels, points, options).run();
}

}  // namespace vibrato::quant
