#include "exact.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <random>
#include <thread>
#include <utility>

namespace vibrato::bench {
namespace {

constexpr std::size_t kMargin = 16;        // Rows kept beyond the wanted ones, so that rounding in f32 loses none.
constexpr std::size_t kQueryBlock = 8;     // Queries scored against one base row while it is in the cache.
constexpr std::size_t kAccumulators = 16;  // Independent sums that the compiler turns into vector registers.

float dot(const float* a, const float* b, std::size_t dim) {
  float sums[kAccumulators] = {};
  std::size_t i = 0;
  for (; i + kAccumulators <= dim; i += kAccumulators) {
    for (std::size_t j = 0; j < kAccumulators; ++j) sums[j] += a[i + j] * b[i + j];
  }
  float sum = 0;
  for (; i < dim; ++i) sum += a[i] * b[i];
  for (const float part : sums) sum += part;
  return sum;
}

double exact_distance(std::span<const float> a, std::span<const float> b, Metric metric) {
  double dots = 0;
  double squares = 0;
  double norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    dots += x * y;
    squares += (x - y) * (x - y);
    norm += y * y;
  }
  if (metric == Metric::kL2) return squares;
  if (metric == Metric::kCosine && norm > 0) return -dots / std::sqrt(norm);
  return -dots;
}

using Scored = std::pair<float, std::uint32_t>;

// Keeps the `capacity` smallest of what it is shown, as a heap with the largest on top.
class Smallest {
 public:
  explicit Smallest(std::size_t capacity) : capacity_(capacity) {}
  void add(Scored scored) {
    if (heap_.size() < capacity_) {
      heap_.push_back(scored);
      std::push_heap(heap_.begin(), heap_.end());
    } else if (scored < heap_.front()) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = scored;
      std::push_heap(heap_.begin(), heap_.end());
    }
  }
  [[nodiscard]] const std::vector<Scored>& items() const { return heap_; }

 private:
  std::size_t capacity_;
  std::vector<Scored> heap_;
};

void rank_exactly(const Matrix& base, std::span<const float> query, Metric metric, const Smallest& found,
                  std::span<std::uint32_t> out) {
  std::vector<std::pair<double, std::uint32_t>> ranked;
  for (const auto& [score, row] : found.items()) {
    ranked.emplace_back(exact_distance(query, base.row(row), metric), row);
  }
  std::sort(ranked.begin(), ranked.end());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = ranked[i].second;
}

// What is added to the scaled dot to make it a distance: |row|^2 / 2 for l2, and the dot's factor for cosine.
struct RowTerms {
  std::vector<float> factor;
  std::vector<float> offset;
};

RowTerms row_terms(const Matrix& base, Metric metric) {
  RowTerms terms{std::vector<float>(base.rows, -1.0F), std::vector<float>(base.rows, 0.0F)};
  for (std::size_t i = 0; i < base.rows && metric != Metric::kDot; ++i) {
    const float norm_squared = dot(base.row(i).data(), base.row(i).data(), base.dim);
    if (metric == Metric::kL2) terms.offset[i] = norm_squared / 2;
    if (metric == Metric::kCosine && norm_squared > 0) terms.factor[i] = -1.0F / std::sqrt(norm_squared);
  }
  return terms;
}

}  // namespace

Truth exact_truth(const Matrix& base, const Matrix& queries, Metric metric, std::size_t width, unsigned threads) {
  width = std::min(width, base.rows);
  Truth truth{queries.rows, width, std::vector<std::uint32_t>(queries.rows * width), {}};
  const RowTerms terms = row_terms(base, metric);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (;;) {
      const std::size_t begin = next.fetch_add(kQueryBlock);
      if (begin >= queries.rows) return;
      const std::size_t end = std::min(begin + kQueryBlock, queries.rows);
      std::vector<Smallest> found(end - begin, Smallest(width + kMargin));
      for (std::size_t row = 0; row < base.rows; ++row) {
        for (std::size_t q = begin; q < end; ++q) {
          const float product = dot(queries.row(q).data(), base.row(row).data(), base.dim);
          found[q - begin].add({terms.offset[row] + terms.factor[row] * product, static_cast<std::uint32_t>(row)});
        }
      }
      for (std::size_t q = begin; q < end; ++q) {
        rank_exactly(base, queries.row(q), metric, found[q - begin], {truth.ids.data() + q * width, width});
      }
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < threads; ++i) workers.emplace_back(work);
  work();
  for (auto& worker : workers) worker.join();
  return truth;
}

void mark_ties(Truth& truth, const Matrix& base, const Matrix& queries, Metric metric, std::size_t k) {
  truth.right.assign(truth.rows, k);
  for (std::size_t q = 0; q < truth.rows; ++q) {
    const auto ids = truth.row(q);
    const auto distance = [&](std::size_t i) { return exact_distance(queries.row(q), base.row(ids[i]), metric); };
    const double last = distance(k - 1);
    const double bound = last + 1e-9 * std::abs(last);
    std::size_t& right = truth.right[q];
    while (right < truth.width && distance(right) <= bound) ++right;
  }
}

void normalise_rows(Matrix& matrix) {
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    double norm_squared = 0;
    for (const float value : matrix.row(i)) norm_squared += static_cast<double>(value) * static_cast<double>(value);
    if (norm_squared == 0) continue;
    const auto factor = static_cast<float>(1.0 / std::sqrt(norm_squared));
    for (float& value : matrix.row(i)) value *= factor;
  }
}

namespace {

// A random orthogonal matrix: Gram-Schmidt, in double, over rows of normal draws.
Matrix random_rotation(std::size_t dim, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> rows(dim, std::vector<double>(dim));
  Matrix rotation{dim, dim, std::vector<float>(dim * dim)};
  for (std::size_t i = 0; i < dim; ++i) {
    for (double& value : rows[i]) value = normal(engine);
    for (std::size_t round = 0; round < 2; ++round) {
      for (std::size_t j = 0; j < i; ++j) {
        double along = 0;
        for (std::size_t d = 0; d < dim; ++d) along += rows[i][d] * rows[j][d];
        for (std::size_t d = 0; d < dim; ++d) rows[i][d] -= along * rows[j][d];
      }
    }
    double norm_squared = 0;
    for (const double value : rows[i]) norm_squared += value * value;
    for (std::size_t d = 0; d < dim; ++d) {
      rows[i][d] /= std::sqrt(norm_squared);
      rotation.values[i * dim + d] = static_cast<float>(rows[i][d]);
    }
  }
  return rotation;
}

void rotate(Matrix& matrix, const Matrix& rotation) {
  std::vector<float> turned(matrix.dim);
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    for (std::size_t d = 0; d < matrix.dim; ++d) {
      turned[d] = dot(matrix.row(i).data(), rotation.row(d).data(), matrix.dim);
    }
    std::copy(turned.begin(), turned.end(), matrix.row(i).begin());
  }
}

}  // namespace

void rotate_and_normalise(Matrix& base, Matrix& queries, std::uint64_t seed) {
  const Matrix rotation = random_rotation(base.dim, seed);
  for (Matrix* matrix : {&base, &queries}) {
    rotate(*matrix, rotation);
    normalise_rows(*matrix);
  }
}

}  // namespace vibrato::bench
