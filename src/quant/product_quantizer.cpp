#include "quant/product_quantizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "quant/unit_length.hpp"

namespace vibrato::quant {
namespace {

constexpr std::size_t kCentroids = simd::kProductEntries;
constexpr float kLevelMax = 255.0F;
constexpr std::array<float, kCentroids> kZeros{};

}  // namespace

ProductQuantizer::ProductQuantizer(Metric metric, std::uint32_t dim, ProductCodebook codebook)
    : metric_(metric), layout_(ProductLayout::of(dim)), codebook_(std::move(codebook)) {
  const std::size_t entries = std::size_t{layout_.code_bytes} * kCentroids;
  VIBRATO_CHECK(dim >= 1 && dim <= limits::kDimMax && codebook_.centre.size() == dim);
  VIBRATO_CHECK(codebook_.centroids.size() == std::size_t{dim} * kCentroids);
  if (codebook_.rotation_seed) {
    rotation_.emplace(dim, *codebook_.rotation_seed);
  }
  norms_.resize(entries, 0.0F);
  for (std::uint32_t s = 0; s < layout_.code_bytes; ++s) {
    const float* column = codebook_.centroids.data() + layout_.begin(s) * kCentroids;
    float* norms = norms_.data() + s * kCentroids;
    for (std::size_t i = 0; i < layout_.width(s) * kCentroids; ++i) {
      norms[i % kCentroids] += column[i] * column[i];
    }
  }
}

void ProductQuantizer::centre_and_rotate(const simd::Kernels& kernels, const float* x, float* out) const {
  const float factor = metric_ == Metric::kCosine ? inverse_length(kernels, x, layout_.dim) : 1.0F;
  for (std::uint32_t i = 0; i < layout_.dim; ++i) {
    out[i] = x[i] * factor - codebook_.centre[i];
  }
  if (rotation_) {
    rotation_->apply(kernels, out);
  }
}

void ProductQuantizer::encode(const simd::Kernels& kernels, const float* x, std::byte* row,
                              std::vector<float>& scratch) const {
  scratch.resize(layout_.dim + kCentroids);
  float* centred = scratch.data();
  float* distances = centred + layout_.dim;
  centre_and_rotate(kernels, x, centred);
  for (std::uint32_t i = 0; i < layout_.dim; ++i) {
    centred[i] *= -2.0F;
  }
  for (std::uint32_t s = 0; s < layout_.code_bytes; ++s) {
    const std::uint32_t begin = layout_.begin(s);
    kernels.weighted_columns(centred + begin, layout_.width(s), codebook_.centroids.data() + begin * kCentroids,
                             kCentroids, norms_.data() + s * kCentroids, kCentroids, distances);
    row[s] = static_cast<std::byte>(kernels.least(distances, kCentroids));
  }
}

float ProductQuantizer::prepare_weights(const simd::Kernels& kernels, const float* q, PreparedQuery& out) const {
  out.scratch.resize(layout_.dim);
  float* values = out.scratch.data();
  float common = 0;
  if (metric_ == Metric::kDot) {
    std::copy_n(q, layout_.dim, values);
    common = -kernels.dot(values, codebook_.centre.data(), layout_.dim);
    if (rotation_) {
      rotation_->apply(kernels, values);
    }
  } else {
    centre_and_rotate(kernels, q, values);
  }
  out.norm_squared = kernels.norm_squared(values, layout_.dim);
  const float weight = metric_ == Metric::kDot ? -1.0F : -2.0F;
  for (std::uint32_t i = 0; i < layout_.dim; ++i) {
    values[i] *= weight;
  }
  return (metric_ == Metric::kDot ? common : out.norm_squared) - codebook_.bias * bias_unit(out);
}

void ProductQuantizer::prepare(const simd::Kernels& kernels, const float* q, PreparedQuery& out) const {
  const std::size_t entries = std::size_t{layout_.code_bytes} * kCentroids;
  out.entries.resize(entries + layout_.code_bytes);
  out.tables.resize(entries);
  float* lows = out.entries.data() + entries;
  float base = prepare_weights(kernels, q, out);
  float span = 0;
  for (std::uint32_t s = 0; s < layout_.code_bytes; ++s) {
    const std::uint32_t begin = layout_.begin(s);
    float* table = out.entries.data() + s * kCentroids;
    const float* start = metric_ == Metric::kDot ? kZeros.data() : norms_.data() + s * kCentroids;
    kernels.weighted_columns(out.scratch.data() + begin, layout_.width(s),
                             codebook_.centroids.data() + begin * kCentroids, kCentroids, start, kCentroids, table);
    const simd::Range range = kernels.range(table, kCentroids);
    lows[s] = range.low;
    base += range.low;
    span = std::max(span, range.high - range.low);
  }
  // A query so long that its entries leave f32 gets all levels 0: every row as near as the other.
  const bool usable = span > 0 && std::isfinite(span);
  const float factor = usable ? kLevelMax / span : 0.0F;
  for (std::uint32_t s = 0; s < layout_.code_bytes; ++s) {
    kernels.quantize_u8(out.entries.data() + s * kCentroids, lows[s], factor, kCentroids,
                        out.tables.data() + s * kCentroids);
  }
  out.code.scale = usable ? span / kLevelMax : 0.0F;
  out.code.base = base;
  out.bind();
}

void ProductQuantizer::decode(const std::byte* row, float* out) const {
  for (std::uint32_t s = 0; s < layout_.code_bytes; ++s) {
    const std::uint32_t begin = layout_.begin(s);
    const auto code = std::to_integer<std::size_t>(row[s]);
    for (std::uint32_t j = 0; j < layout_.width(s); ++j) {
      out[begin + j] = codebook_.centroids[(begin + j) * kCentroids + code];
    }
  }
}

void ProductQuantizer::reconstruct(const simd::Kernels& kernels, const std::byte* row, float* out) const {
  decode(row, out);
  if (rotation_) {
    rotation_->undo(kernels, out);
  }
  for (std::uint32_t i = 0; i < layout_.dim; ++i) {
    out[i] += codebook_.centre[i];
  }
}

float ProductQuantizer::bias_unit(const PreparedQuery& query) const {
  return metric_ == Metric::kDot ? std::sqrt(query.norm_squared) : 1.0F;
}

float ProductQuantizer::distance_sigma(const PreparedQuery& query, float distance) const {
  const float squared = metric_ == Metric::kDot ? query.norm_squared : std::max(distance, 0.0F) + codebook_.mean_error;
  return codebook_.error_scale * std::sqrt(squared);
}

}  // namespace vibrato::quant
