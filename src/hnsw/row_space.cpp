#include "hnsw/row_space.hpp"

#include <algorithm>
#include <cmath>

namespace vibrato::hnsw {

ExactScorer::ExactScorer(const simd::Kernels& kernels, const RowSpace& space, const float* query)
    : kernels_(&kernels), space_(&space), query_(query) {
  query_norm_ = std::sqrt(kernels.norm_squared(query, space.vectors.dim));
  query_inverse_norm_ = query_norm_ > 0 ? 1.0F / query_norm_ : 0.0F;
}

void ExactScorer::score(const std::uint32_t* rows, std::size_t count, float* out) const {
  if (space_->metric == Metric::kL2) {
    kernels_->l2_squared_rows(query_, space_->vectors, rows, count, out);
    return;
  }
  kernels_->dot_rows(query_, space_->vectors, rows, count, out);
  if (space_->metric == Metric::kDot) {
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = -out[i];
    }
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const float cosine = out[i] * query_inverse_norm_ * space_->inverse_norms[rows[i]];
    out[i] = 2.0F * (1.0F - std::clamp(cosine, -1.0F, 1.0F));
  }
}

void prepare_query(const simd::Kernels& kernels, const RowSpace& space, const float* query, quant::PreparedQuery& out) {
  if (space.product != nullptr) {
    space.product->prepare(kernels, query, out);
  } else {
    space.quantizer->prepare(kernels, query, out);
  }
}

WalkScorer::WalkScorer(const simd::Kernels& kernels, const RowSpace& space, const quant::PreparedQuery& query)
    : code_rows_(code_kernel(kernels, space)),
      query_(&query.code),
      rows_(space.codes),
      prefetch_bytes_(std::min<std::size_t>(space.codes.stride_bytes, 64 * kPrefetchLinesMax)) {}

WalkScorer::CodeKernel WalkScorer::code_kernel(const simd::Kernels& kernels, const RowSpace& space) {
  if (space.product != nullptr) {
    return kernels.pq_rows;
  }
  return space.quantizer->layout().kind == quant::CodeKind::kSq8 ? kernels.sq8_rows : kernels.sq4_rows;
}

WalkScorer::WalkScorer(const ExactScorer& exact)
    : exact_(exact), prefetch_bytes_(std::min<std::size_t>(exact.row_bytes(), 64 * kPrefetchLinesMax)) {}

}  // namespace vibrato::hnsw
