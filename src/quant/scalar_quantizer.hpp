// Scalar codes of 4 or 8 bits that a graph is built on and walked on.
//
// A row x is centred (x - mean of the training rows), rotated (Rotation) and coded with one step a row:
//   code_i = round(x_i / step + middle), middle = 7.5 or 127.5;  u_i = code_i - middle.
// Its inner product with a query is estimated as f <u, q> with f = |x|^2 / <u, x>. That makes the estimate exact for
// q = x: the remaining error f u - x is orthogonal to x, so it acts on q - x only and shrinks as the query comes near
// (RaBitQ, Gao and Long 2024; Extended RaBitQ 2025). All metrics reduce to that inner product:
//   l2      |x|^2 + |q|^2 - 2 <x, q>            both centred
//   cosine  the same on unit vectors: 2 - 2 cos
//   dot     -(<c,c> + <c,q> + <c,x> + <x, q>)   with centre c, x and q centred
// Distances are "lower is better" throughout. Queries are coded with 8 bits, one step a query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/metric.hpp>

#include "quant/code_layout.hpp"
#include "quant/prepared_query.hpp"
#include "quant/rotation.hpp"
#include "simd/kernels.hpp"

namespace vibrato::quant {

// Immutable once made. Thread-safety: const methods may be called from many threads at once.
class ScalarQuantizer {
 public:
  // centre: shape [dim]; for cosine, of the unit vectors. Requires: kind != kNone.
  ScalarQuantizer(Metric metric, CodeKind kind, std::vector<float> centre, std::uint64_t rotation_seed);

  [[nodiscard]] Metric metric() const { return metric_; }
  [[nodiscard]] const CodeLayout& layout() const { return layout_; }
  [[nodiscard]] std::uint32_t dim() const { return layout_.dim; }
  [[nodiscard]] std::span<const float> centre() const { return centre_; }
  [[nodiscard]] std::uint64_t rotation_seed() const { return rotation_.seed(); }

  // Writes layout().stride_bytes bytes to `row`. x: shape [dim], finite, as the user gave it (not normalised).
  // `scratch` is resized as needed.
  void encode(const simd::Kernels& kernels, const float* x, std::byte* row, std::vector<float>& scratch) const;

  // q: shape [dim], finite, as the user gave it.
  void prepare(const simd::Kernels& kernels, const float* q, PreparedQuery& out) const;

  // The query that stands for a coded row: used where rows are compared with rows while a graph is built.
  void prepare_from_row(const std::byte* row, PreparedQuery& out) const;

  // Standard deviation of the distance that kernels estimate for a row: the row's own coding error acting on a
  // direction that the rotation makes random, and that of the query's 8 bits. Near normal.
  [[nodiscard]] float distance_sigma(const PreparedQuery& query, const CodeFactors& row, float distance) const;

  [[nodiscard]] static CodeFactors factors_of(const std::byte* row, const CodeLayout& layout);

 private:
  void centre_and_rotate(const simd::Kernels& kernels, const float* x, float* out) const;
  void encode_centred(const float* x, std::byte* row) const;
  void pack(const std::uint8_t* codes, std::byte* row) const;
  void expand_nibbles(const std::uint8_t* codes, std::uint8_t* values) const;

  Metric metric_;
  CodeLayout layout_;
  std::vector<float> centre_;
  std::vector<float> rotated_centre_;
  float centre_norm_squared_ = 0;
  float inverse_sqrt_dim_ = 0;
  Rotation rotation_;
};

// The mean of the rows `sample` of `rows`; of their unit vectors under cosine. Shape [dim]. Deterministic: sums in
// double, in order. An empty sample gives zeros.
[[nodiscard]] std::vector<float> mean_of_rows(Metric metric, const simd::Kernels& kernels, const simd::FloatRows& rows,
                                              std::span<const std::uint32_t> sample);

}  // namespace vibrato::quant
