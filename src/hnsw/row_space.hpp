// The rows a graph stands over, and how to measure distances to them: exactly on f32, or on codes.
//
// All distances are "lower is better": squared L2; 2 - 2 cos; minus the dot product. `score_of` turns one into what the
// user sees.
#pragma once

#include <cstdint>
#include <vibrato/metric.hpp>

#include "quant/product_quantizer.hpp"
#include "quant/scalar_quantizer.hpp"
#include "simd/kernels.hpp"

namespace vibrato::hnsw {

// Borrows everything. Rows below row_count are complete.
struct RowSpace {
  Metric metric = Metric::kL2;
  std::uint32_t row_count = 0;
  simd::FloatRows vectors;
  const float* inverse_norms = nullptr;               // [row_count], cosine only: 1 / |x|
  const quant::ScalarQuantizer* quantizer = nullptr;  // Of scalar codes.
  const quant::ProductQuantizer* product = nullptr;   // Of product codes. Neither: the walk is on f32.
  simd::CodeRows codes;
  float norm_max = 0;  // The largest |x|; used under dot only.

  [[nodiscard]] bool has_codes() const { return quantizer != nullptr || product != nullptr; }
  // Raw rows may have been dropped behind product codes: distances are those of the codes then.
  [[nodiscard]] bool has_vectors() const { return vectors.base != nullptr; }
};

[[nodiscard]] inline float score_of(Metric metric, float distance) {
  switch (metric) {
    case Metric::kCosine:
      return 1.0F - 0.5F * distance;
    case Metric::kDot:
      return -distance;
    case Metric::kL2:
      return distance;
  }
  return distance;
}

// Exact distances of one query. Thread-safety: const after construction.
class ExactScorer {
 public:
  ExactScorer() = default;
  // query: shape [dim], must outlive the scorer.
  ExactScorer(const simd::Kernels& kernels, const RowSpace& space, const float* query);

  void score(const std::uint32_t* rows, std::size_t count, float* out) const;
  [[nodiscard]] const void* address(std::uint32_t row) const {
    return space_->vectors.base + std::size_t{row} * space_->vectors.stride_floats;
  }
  [[nodiscard]] std::size_t row_bytes() const { return space_->vectors.dim * sizeof(float); }
  [[nodiscard]] float query_norm() const { return query_norm_; }

 private:
  const simd::Kernels* kernels_ = nullptr;
  const RowSpace* space_ = nullptr;
  const float* query_ = nullptr;
  float query_norm_ = 0;
  float query_inverse_norm_ = 0;
};

// Makes a query ready for a space of codes. Requires: space.has_codes().
void prepare_query(const simd::Kernels& kernels, const RowSpace& space, const float* query, quant::PreparedQuery& out);

// The distances a walk goes by: on codes where the space has them, else exact. One query.
class WalkScorer {
 public:
  // On codes: `query` must be prepared by prepare_query and outlive the scorer.
  WalkScorer(const simd::Kernels& kernels, const RowSpace& space, const quant::PreparedQuery& query);
  // On f32.
  explicit WalkScorer(const ExactScorer& exact);

  void score(const std::uint32_t* rows, std::size_t count, float* out) const {
    if (code_rows_ != nullptr) {
      code_rows_(*query_, rows_, rows, count, out);
    } else {
      exact_.score(rows, count, out);
    }
  }

  // Asks for the row's cache lines. At most kPrefetchLinesMax: the hardware follows a stream from there.
  void prefetch(std::uint32_t row) const {
    const auto* first = static_cast<const char*>(
        code_rows_ != nullptr ? rows_.base + std::size_t{row} * rows_.stride_bytes : exact_.address(row));
    __builtin_prefetch(first);
    for (std::size_t offset = 64; offset + 64 < prefetch_bytes_; offset += 64) {
      __builtin_prefetch(first + offset);
    }
    __builtin_prefetch(first + prefetch_bytes_ - 1);
  }

 private:
  static constexpr std::size_t kPrefetchLinesMax = 12;

  using CodeKernel = void (*)(const simd::CodeQuery&, const simd::CodeRows&, const std::uint32_t*, std::size_t, float*);
  [[nodiscard]] static CodeKernel code_kernel(const simd::Kernels& kernels, const RowSpace& space);

  CodeKernel code_rows_ = nullptr;
  const simd::CodeQuery* query_ = nullptr;
  simd::CodeRows rows_;
  ExactScorer exact_;
  std::size_t prefetch_bytes_ = 0;
};

}  // namespace vibrato::hnsw
