// Product codes: a byte for each group of about four dimensions, a sixteenth of the size of f32 rows. The archive tier
// walks its graphs on them.
//
// A row x is centred and, where that loses less, rotated (Rotation); its dimensions are cut into sub-spaces, and each
// part is coded as the number of the nearest of 256 centroids (Jegou, Douze and Schmid, "Product Quantization for
// Nearest Neighbor Search", 2011). With c for the row that the code stands for:
//   l2      |q - c|^2 - bias, q centred and rotated as rows are
//   cosine  the same on unit vectors. (2 - 2 <q, c> loses more near neighbours: its error does not shrink with
//   distance) dot     -<q, c + centre> - bias |q|
// Near rows lie on the query's side of what their codes stand for, so that they seem farther than they are; the bias is
// what that makes on rows of the sample. A distance is a sum of one table entry a byte ("asymmetric": the query is not
// coded). Entries are rounded to 8 bits with one step a query, much finer than what the codes lose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>
#include <vibrato/metric.hpp>

#include "quant/prepared_query.hpp"
#include "quant/rotation.hpp"
#include "simd/kernels.hpp"

namespace vibrato::quant {

// How the dimensions are cut: into as many sub-spaces as a row may have bytes, the first ones a dimension wider where
// they do not come out even. Part of the file format.
struct ProductLayout {
  std::uint32_t dim = 0;
  std::uint32_t code_bytes = 0;  // Of a row; also the stride, and the number of sub-spaces.

  // A sixteenth of the row's size, rounded down, but at least a byte. Requires: dim >= 1.
  [[nodiscard]] static constexpr ProductLayout of(std::uint32_t dim) { return {dim, dim < 4 ? 1 : dim / 4}; }

  // Of sub-space s < code_bytes.
  [[nodiscard]] constexpr std::uint32_t width(std::uint32_t s) const {
    return dim / code_bytes + (s < dim % code_bytes ? 1 : 0);
  }
  [[nodiscard]] constexpr std::uint32_t begin(std::uint32_t s) const {
    const std::uint32_t wider = dim % code_bytes;
    return s * (dim / code_bytes) + (s < wider ? s : wider);
  }
};

// What training finds; stored in the quantizer section of a file.
struct ProductCodebook {
  std::vector<float> centre;                   // Shape [dim]; under cosine, of the unit vectors.
  std::optional<std::uint64_t> rotation_seed;  // Nothing: not rotated.
  std::vector<float> centroids;  // One sub-space after the other, each of shape [width][256]: dim * 256 numbers.
  float mean_error = 0;          // Mean squared distance of a row to what its code stands for.
  float bias = 0;                // By how much the distances of near rows come out too long; under dot, a unit of |q|.
  float error_scale = 0;         // See ProductQuantizer::distance_sigma.
};

struct ProductTraining {
  std::uint64_t seed = 42;
  std::size_t threads = 1;
  std::optional<bool> rotate;  // Nothing: whatever loses less on a part of the sample.
  // Asked every few milliseconds, from all threads of the training. Once it has said yes, the training ends soon, and
  // its result is of no use. May be empty.
  std::function<bool()> should_stop = {};
};

// Immutable once made. Thread-safety: const methods may be called from many threads at once.
class ProductQuantizer {
 public:
  static constexpr std::uint32_t kRowsTrainedMax = 16'384;

  // Requires: the codebook has the shapes that ProductLayout::of(dim) asks for.
  ProductQuantizer(Metric metric, std::uint32_t dim, ProductCodebook codebook);

  // Trains on at most kRowsTrainedMax rows, spread evenly over [0, row_count). Deterministic, on any number of threads.
  [[nodiscard]] static ProductQuantizer train(Metric metric, const simd::Kernels& kernels, const simd::FloatRows& rows,
                                              std::uint32_t row_count, const ProductTraining& options);

  [[nodiscard]] Metric metric() const { return metric_; }
  [[nodiscard]] const ProductLayout& layout() const { return layout_; }
  [[nodiscard]] const ProductCodebook& codebook() const { return codebook_; }
  [[nodiscard]] bool rotated() const { return rotation_.has_value(); }

  // Writes layout().code_bytes bytes to `row`. x: shape [dim], finite, as the user gave it.
  // `scratch` is resized as needed.
  void encode(const simd::Kernels& kernels, const float* x, std::byte* row, std::vector<float>& scratch) const;

  // q: shape [dim], finite, as the user gave it.
  void prepare(const simd::Kernels& kernels, const float* q, PreparedQuery& out) const;

  // Standard deviation of the distance that the codes of a row give. The error of a distance is 2 <q - x, x - c> and
  // so grows with its root, under dot <q, x - c>; the codebook holds the factor, measured on rows of the sample.
  [[nodiscard]] float distance_sigma(const PreparedQuery& query, float distance) const;

  // The row that a code stands for, centred and rotated. out: shape [dim].
  void decode(const std::byte* row, float* out) const;
  // The same as the user would have given it, under cosine about of unit length.
  void reconstruct(const simd::Kernels& kernels, const std::byte* row, float* out) const;

 private:
  void centre_and_rotate(const simd::Kernels& kernels, const float* x, float* out) const;
  // The weights of the columns, in out.scratch; returns what the distances of all rows have in common.
  float prepare_weights(const simd::Kernels& kernels, const float* q, PreparedQuery& out) const;
  // What the bias is multiplied with.
  [[nodiscard]] float bias_unit(const PreparedQuery& query) const;
  // Exact distances of the picked rows.
  void measure(const simd::Kernels& kernels, const simd::FloatRows& rows, const std::vector<std::uint32_t>& picked,
               const float* q, std::vector<float>& out) const;
  void calibrate(const simd::Kernels& kernels, const simd::FloatRows& rows, std::uint32_t row_count,
                 const std::function<bool()>& should_stop);

  Metric metric_;
  ProductLayout layout_;
  ProductCodebook codebook_;
  std::optional<Rotation> rotation_;
  std::vector<float> norms_;  // Shape [code_bytes][256]: |c|^2.
};

}  // namespace vibrato::quant
