// Training of product codes: the sample, the choice between rotated and not, one k-means a sub-space, and the measure
// of what the codes lose.
#include <algorithm>
#include <cmath>

#include "base/parallel_for.hpp"
#include "quant/kmeans.hpp"
#include "quant/product_quantizer.hpp"
#include "quant/scalar_quantizer.hpp"
#include "quant/unit_length.hpp"

namespace vibrato::quant {
namespace {

// Of the sample, as floats.
constexpr std::size_t kSampleBytesMax = std::size_t{128} * 1024 * 1024;
// The trial that chooses between rotated and not.
constexpr std::uint32_t kTrialRowsMax = 4096;
constexpr std::uint32_t kTrialIterations = 3;
// Every kCalibrationStep-th of the rows is a query against them all, of which its nearest by code count.
constexpr std::uint32_t kCalibrationRows = 2048;
constexpr std::uint32_t kCalibrationStep = 32;
constexpr std::size_t kCalibrationNear = 32;

// `count` rows spread evenly over [0, rows).
std::vector<std::uint32_t> spread(std::uint32_t rows, std::uint32_t count) {
  std::vector<std::uint32_t> picked(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    picked[i] = static_cast<std::uint32_t>(std::uint64_t{i} * rows / count);
  }
  return picked;
}

// The sampled rows as columns, centred and perhaps rotated.
class Sample {
 public:
  Sample(Metric metric, const simd::Kernels& kernels, const simd::FloatRows& rows,
         const std::vector<std::uint32_t>& picked, const std::vector<float>& centre, const Rotation* rotation)
      : count_(picked.size()), values_(rows.dim * picked.size()) {
    std::vector<float> row(rows.dim);
    for (std::size_t i = 0; i < count_; ++i) {
      const float* x = rows.base + picked[i] * rows.stride_floats;
      const float factor = metric == Metric::kCosine ? inverse_length(kernels, x, rows.dim) : 1.0F;
      for (std::size_t j = 0; j < rows.dim; ++j) {
        row[j] = x[j] * factor - centre[j];
      }
      if (rotation != nullptr) {
        rotation->apply(kernels, row.data());
      }
      for (std::size_t j = 0; j < rows.dim; ++j) {
        values_[j * count_ + i] = row[j];
      }
    }
  }

  [[nodiscard]] Columns sub_space(std::uint32_t begin, std::uint32_t width) const {
    return {values_.data() + begin * count_, count_, width, count_};
  }

 private:
  std::size_t count_;
  std::vector<float> values_;  // Shape [dim][count].
};

// Trains every sub-space; returns the mean squared error of a row. The sub-spaces share nothing, so that the number of
// threads changes nothing.
double train_sub_spaces(const simd::Kernels& kernels, const Sample& sample, const ProductLayout& layout,
                        const ProductTraining& options, std::uint32_t iterations, ProductCodebook& codebook) {
  codebook.centroids.resize(std::size_t{layout.dim} * simd::kProductEntries);
  std::vector<double> errors(layout.code_bytes);
  parallel_for(options.threads, layout.code_bytes, 1, [&](std::size_t first, std::size_t last, std::size_t) {
    for (std::size_t i = first; i < last; ++i) {
      const auto s = static_cast<std::uint32_t>(i);
      KMeansOptions training;
      training.clusters = simd::kProductEntries;
      training.iterations_max = iterations;
      training.seed = options.seed + s;
      training.should_stop = options.should_stop;
      const Columns points = sample.sub_space(layout.begin(s), layout.width(s));
      const Clusters clusters = k_means(kernels, points, training);
      std::copy(clusters.centroids.begin(), clusters.centroids.end(),
                codebook.centroids.begin() + static_cast<std::ptrdiff_t>(layout.begin(s) * simd::kProductEntries));
      errors[s] = clusters.error;
    }
  });
  double error = 0;
  for (const double of_sub_space : errors) {
    error += of_sub_space;
  }
  return error;
}

// By how much a distance on codes exceeds the exact one, and the units that its bias and its deviation are measured in.
struct NearPair {
  float error;
  float bias_unit;
  float deviation_unit;
};

struct Errors {
  float bias = 0;
  float scale = 0;
};

Errors errors_of(const std::vector<NearPair>& pairs) {
  Errors errors;
  double sum = 0;
  std::size_t count = 0;
  for (const NearPair& pair : pairs) {
    const double share = double{pair.error} / double{pair.bias_unit};
    if (std::isfinite(share)) {
      sum += share;
      ++count;
    }
  }
  const double bias = count == 0 ? 0.0 : sum / static_cast<double>(count);
  double squares = 0;
  count = 0;
  for (const NearPair& pair : pairs) {
    const double deviation = (double{pair.error} - bias * double{pair.bias_unit}) / double{pair.deviation_unit};
    if (std::isfinite(deviation)) {
      squares += deviation * deviation;
      ++count;
    }
  }
  errors.bias = static_cast<float>(bias);
  errors.scale = count == 0 ? 0.0F : static_cast<float>(std::sqrt(squares / static_cast<double>(count)));
  return errors;
}

}  // namespace

ProductQuantizer ProductQuantizer::train(Metric metric, const simd::Kernels& kernels, const simd::FloatRows& rows,
                                         std::uint32_t row_count, const ProductTraining& options) {
  const auto dim = static_cast<std::uint32_t>(rows.dim);
  const ProductLayout layout = ProductLayout::of(dim);
  const auto rows_max =
      static_cast<std::uint32_t>(std::min<std::size_t>(kRowsTrainedMax, kSampleBytesMax / (sizeof(float) * rows.dim)));
  const std::vector<std::uint32_t> picked = spread(row_count, std::min(row_count, rows_max));
  ProductCodebook codebook;
  codebook.centre = mean_of_rows(metric, kernels, rows, picked);

  const Rotation rotation(dim, options.seed);
  bool rotate = options.rotate.value_or(false);
  if (!options.rotate) {
    const std::vector<std::uint32_t> trial = spread(row_count, std::min(row_count, std::min(rows_max, kTrialRowsMax)));
    double errors[2] = {};
    for (const bool rotated : {false, true}) {
      const Sample sample(metric, kernels, rows, trial, codebook.centre, rotated ? &rotation : nullptr);
      errors[rotated ? 1 : 0] = train_sub_spaces(kernels, sample, layout, options, kTrialIterations, codebook);
    }
    rotate = errors[1] < errors[0];
  }
  if (rotate) {
    codebook.rotation_seed = options.seed;
  }
  {
    const Sample sample(metric, kernels, rows, picked, codebook.centre, rotate ? &rotation : nullptr);
    codebook.mean_error = static_cast<float>(
        train_sub_spaces(kernels, sample, layout, options, KMeansOptions().iterations_max, codebook));
  }
  ProductQuantizer quantizer(metric, dim, std::move(codebook));
  quantizer.calibrate(kernels, rows, row_count, options.should_stop);
  return quantizer;
}

void ProductQuantizer::calibrate(const simd::Kernels& kernels, const simd::FloatRows& rows, std::uint32_t row_count,
                                 const std::function<bool()>& should_stop) {
  const std::vector<std::uint32_t> sample = spread(row_count, std::min(row_count, kCalibrationRows));
  const std::size_t stride = layout_.code_bytes;
  std::vector<std::byte> codes(sample.size() * stride);
  std::vector<float> scratch;
  std::vector<std::uint32_t> positions(sample.size());
  for (std::uint32_t i = 0; i < sample.size(); ++i) {
    encode(kernels, rows.base + sample[i] * rows.stride_floats, codes.data() + i * stride, scratch);
    positions[i] = i;
  }
  PreparedQuery query;
  std::vector<float> coded(sample.size());
  std::vector<float> exact(sample.size());
  std::vector<std::uint32_t> near;
  std::vector<NearPair> pairs;
  codebook_.error_scale = 1.0F;  // Until it is known: distance_sigma gives what errors are measured in.
  for (std::size_t i = 0; i < sample.size() && !(should_stop && should_stop()); i += kCalibrationStep) {
    const float* q = rows.base + sample[i] * rows.stride_floats;
    prepare(kernels, q, query);
    kernels.pq_rows(query.code, {codes.data(), stride, stride}, positions.data(), positions.size(), coded.data());
    measure(kernels, rows, sample, q, exact);
    // The near ones: theirs are the errors that decide.
    near = positions;
    near.erase(near.begin() + static_cast<std::ptrdiff_t>(i));
    const auto count = static_cast<std::ptrdiff_t>(std::min<std::size_t>(near.size(), kCalibrationNear));
    std::partial_sort(near.begin(), near.begin() + count, near.end(), [&](std::uint32_t a, std::uint32_t b) {
      return exact[a] != exact[b] ? exact[a] < exact[b] : a < b;
    });
    for (std::ptrdiff_t j = 0; j < count; ++j) {
      const std::uint32_t at = near[static_cast<std::size_t>(j)];
      pairs.push_back({coded[at] - exact[at], bias_unit(query), distance_sigma(query, exact[at])});
    }
  }
  const Errors errors = errors_of(pairs);
  codebook_.bias = errors.bias;
  codebook_.error_scale = errors.scale;
}

void ProductQuantizer::measure(const simd::Kernels& kernels, const simd::FloatRows& rows,
                               const std::vector<std::uint32_t>& picked, const float* q,
                               std::vector<float>& out) const {
  if (metric_ == Metric::kL2) {
    kernels.l2_squared_rows(q, rows, picked.data(), picked.size(), out.data());
    return;
  }
  std::vector<float> query(q, q + layout_.dim);
  const bool cosine = metric_ == Metric::kCosine;
  if (cosine) {
    const float factor = inverse_length(kernels, q, layout_.dim);
    std::transform(query.begin(), query.end(), query.begin(), [factor](float value) { return value * factor; });
  }
  kernels.dot_rows(query.data(), rows, picked.data(), picked.size(), out.data());
  for (std::size_t i = 0; i < picked.size(); ++i) {
    const float* x = rows.base + picked[i] * rows.stride_floats;
    out[i] = cosine ? 2.0F - 2.0F * out[i] * inverse_length(kernels, x, layout_.dim) : -out[i];
  }
}

}  // namespace vibrato::quant
