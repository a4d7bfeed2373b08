#include "quant/scalar_quantizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "quant/unit_length.hpp"

namespace vibrato::quant {
namespace {

// The step of 16 uniform levels with the least squared error on a unit Gaussian (Max 1960) is 0.335 sigma; the search
// tries steps around it, as a short row's spread differs from its expectation.
constexpr float kGaussianStep4Bit = 0.335F;
constexpr std::array kStepFactors = {0.82F, 0.88F, 0.94F, 1.0F, 1.06F, 1.13F, 1.2F};

// Length of the error that 8 bits leave in a rotated query, as a share of its length: its largest coordinate is about
// 3.5 deviations, one of 127 steps is 1 / sqrt(12) off.
constexpr double kQueryCodeError = 3.5 / 127 * 0.288675;

struct Levels {
  float middle;
  float highest;
};

constexpr Levels levels_of(CodeKind kind) {
  return kind == CodeKind::kSq8 ? Levels{127.5F, 255.0F} : Levels{7.5F, 15.0F};
}

// In [0, highest] for every input: what is not a number, as where a finite row overflows f32, becomes 0.
float code_of(float value, float inverse_step, Levels levels) {
  const float level = value * inverse_step + levels.middle + 0.5F;
  const float at_least_0 = level > 0.0F ? level : 0.0F;
  const float in_range = at_least_0 < levels.highest ? at_least_0 : levels.highest;
  return static_cast<float>(static_cast<std::int32_t>(in_range));
}

struct Fit {
  double dot = 0;           // <u, x>
  double norm_squared = 0;  // |u|^2
  // Squared cosine between u and x, up to |x|^2: what the best step has most of.
  [[nodiscard]] double quality() const { return norm_squared > 0 && dot > 0 ? dot * dot / norm_squared : 0; }
};

Fit fit_of(const float* x, std::uint32_t dim, float inverse_step, Levels levels) {
  float dot = 0;
  float norm = 0;
  for (std::uint32_t i = 0; i < dim; ++i) {
    const float u = code_of(x[i], inverse_step, levels) - levels.middle;
    dot += u * x[i];
    norm += u * u;
  }
  return {dot, norm};
}

}  // namespace

ScalarQuantizer::ScalarQuantizer(Metric metric, CodeKind kind, std::vector<float> centre, std::uint64_t rotation_seed)
    : metric_(metric),
      layout_(CodeLayout::of(kind, static_cast<std::uint32_t>(centre.size()))),
      centre_(std::move(centre)),
      rotated_centre_(centre_),
      rotation_(layout_.dim, rotation_seed) {
  VIBRATO_CHECK(kind != CodeKind::kNone && layout_.dim >= 1 && layout_.dim <= limits::kDimMax);
  const simd::Kernels& kernels = simd::kernels();
  rotation_.apply(kernels, rotated_centre_.data());
  centre_norm_squared_ = kernels.norm_squared(centre_.data(), layout_.dim);
  inverse_sqrt_dim_ = 1.0F / std::sqrt(static_cast<float>(layout_.dim));
}

void ScalarQuantizer::centre_and_rotate(const simd::Kernels& kernels, const float* x, float* out) const {
  const float factor = metric_ == Metric::kCosine ? inverse_length(kernels, x, layout_.dim) : 1.0F;
  for (std::uint32_t i = 0; i < layout_.dim; ++i) {
    out[i] = x[i] * factor - centre_[i];
  }
  rotation_.apply(kernels, out);
}

void ScalarQuantizer::encode(const simd::Kernels& kernels, const float* x, std::byte* row,
                             std::vector<float>& scratch) const {
  scratch.resize(layout_.dim);
  centre_and_rotate(kernels, x, scratch.data());
  encode_centred(scratch.data(), row);
}

void ScalarQuantizer::encode_centred(const float* x, std::byte* row) const {
  const std::uint32_t dim = layout_.dim;
  const Levels levels = levels_of(layout_.kind);
  double norm_squared = 0;
  double dot_centre = 0;
  float highest = 0;
  for (std::uint32_t i = 0; i < dim; ++i) {
    norm_squared += double{x[i]} * x[i];
    dot_centre += double{x[i]} * rotated_centre_[i];
    highest = std::max(highest, std::fabs(x[i]));
  }

  float inverse_step = 0;
  Fit best;
  if (highest > 0 && layout_.kind == CodeKind::kSq8) {
    inverse_step = levels.middle / highest;
    best = fit_of(x, dim, inverse_step, levels);
  } else if (highest > 0) {
    const float step = kGaussianStep4Bit * static_cast<float>(std::sqrt(norm_squared)) * inverse_sqrt_dim_;
    for (const float factor : kStepFactors) {
      const float candidate = 1.0F / (step * factor);
      const Fit fit = fit_of(x, dim, candidate, levels);
      if (fit.quality() > best.quality()) {
        best = fit;
        inverse_step = candidate;
      }
    }
  }

  std::array<std::uint8_t, limits::kDimMax + 128> codes;
  std::fill_n(codes.begin(), layout_.padded_dim, std::uint8_t{0});
  std::uint32_t code_sum = 0;
  for (std::uint32_t i = 0; i < dim; ++i) {
    codes[i] = static_cast<std::uint8_t>(code_of(x[i], inverse_step, levels));
    code_sum += codes[i];
  }
  pack(codes.data(), row);

  const double f = best.dot > 0 ? norm_squared / best.dot : 0;
  CodeFactors factors;
  factors.offset = static_cast<float>(metric_ == Metric::kDot ? -dot_centre : norm_squared);
  factors.scale = static_cast<float>(metric_ == Metric::kDot ? -f : -2 * f);
  factors.code_sum = code_sum;
  double error_squared = std::max(0.0, f * f * best.norm_squared - norm_squared);
  if (metric_ == Metric::kDot) {
    error_squared += norm_squared * kQueryCodeError * kQueryCodeError;
  }
  factors.error = static_cast<float>(std::sqrt(error_squared));
  std::memcpy(row + layout_.code_bytes, &factors, sizeof(factors));
}

void ScalarQuantizer::pack(const std::uint8_t* codes, std::byte* row) const {
  if (layout_.kind == CodeKind::kSq8) {
    std::memcpy(row, codes, layout_.code_bytes);
    return;
  }
  for (std::uint32_t begin = 0; begin < layout_.code_bytes; begin += CodeLayout::kBlockBytes) {
    const std::uint32_t width = layout_.block_bytes(begin);
    const std::uint8_t* block = codes + 2 * std::size_t{begin};
    for (std::uint32_t j = 0; j < width; ++j) {
      row[begin + j] = static_cast<std::byte>(block[j] | (block[width + j] << 4));
    }
  }
}

void ScalarQuantizer::prepare(const simd::Kernels& kernels, const float* q, PreparedQuery& out) const {
  out.scratch.resize(layout_.dim);
  out.values.resize(layout_.padded_dim);
  float* centred = out.scratch.data();
  centre_and_rotate(kernels, q, centred);

  out.norm_squared = kernels.norm_squared(centred, layout_.dim);
  const float highest = kernels.max_abs(centred, layout_.dim);
  const float factor = highest > 0 ? 127.0F / highest : 0.0F;
  const std::int32_t sum = kernels.quantize_s8(centred, factor, layout_.dim, out.values.data());
  std::fill(out.values.begin() + layout_.dim, out.values.end(), std::int8_t{0});

  out.code.scale = highest / 127.0F;
  out.code.bias = -levels_of(layout_.kind).middle * out.code.scale * static_cast<float>(sum);
  out.code.base = metric_ == Metric::kDot
                      ? -(centre_norm_squared_ + kernels.dot(centred, rotated_centre_.data(), layout_.dim))
                      : out.norm_squared;
  out.bind();
}

void ScalarQuantizer::prepare_from_row(const std::byte* row, PreparedQuery& out) const {
  out.values.resize(layout_.padded_dim);
  const auto* codes = reinterpret_cast<const std::uint8_t*>(row);
  auto* values = reinterpret_cast<std::uint8_t*>(out.values.data());
  const bool wide = layout_.kind == CodeKind::kSq8;
  // 4 bits: 2u = 2 code - 15 is exact in a signed byte. 8 bits: code - 128 is u - 1/2; half a step of 255 is left out,
  // and -128, which kernels do not take, becomes -127.
  // Padding needs no care: the codes of every row are 0 there.
  if (wide) {
    for (std::uint32_t i = 0; i < layout_.code_bytes; ++i) {
      values[i] = static_cast<std::uint8_t>(std::max<std::uint8_t>(codes[i], 1) ^ 0x80U);
    }
  } else {
    expand_nibbles(codes, values);
  }
  const CodeFactors factors = factors_of(row, layout_);
  const auto code_sum = static_cast<float>(factors.code_sum);
  const auto dim = static_cast<float>(layout_.dim);
  const float value_sum = wide ? code_sum - 128.0F * dim : 2.0F * code_sum - 15.0F * dim;
  const float f = metric_ == Metric::kDot ? -factors.scale : -0.5F * factors.scale;
  out.code.scale = wide ? f : 0.5F * f;
  out.code.bias = -levels_of(layout_.kind).middle * out.code.scale * value_sum;
  out.norm_squared = metric_ == Metric::kDot ? 0.0F : factors.offset;
  out.code.base = metric_ == Metric::kDot ? -centre_norm_squared_ + factors.offset : factors.offset;
  out.bind();
}

void ScalarQuantizer::expand_nibbles(const std::uint8_t* codes, std::uint8_t* values) const {
  for (std::uint32_t begin = 0; begin < layout_.code_bytes; begin += CodeLayout::kBlockBytes) {
    const std::uint32_t width = layout_.block_bytes(begin);
    const std::uint8_t* block = codes + begin;
    std::uint8_t* low = values + 2 * std::size_t{begin};
    std::uint8_t* high = low + width;
    for (std::uint32_t j = 0; j < width; ++j) {
      low[j] = static_cast<std::uint8_t>(2 * (block[j] & 15) - 15);
      high[j] = static_cast<std::uint8_t>(2 * (block[j] >> 4) - 15);
    }
  }
}

float ScalarQuantizer::distance_sigma(const PreparedQuery& query, const CodeFactors& row, float distance) const {
  if (metric_ == Metric::kDot) {
    // The row's error holds the query's share: the factors keep no |x| that could weigh it here.
    return row.error * std::sqrt(query.norm_squared) * inverse_sqrt_dim_;
  }
  constexpr float kInverseSqrt12 = 0.288675F;
  const float by_row = 2 * row.error * std::sqrt(std::max(distance, 0.0F)) * inverse_sqrt_dim_;
  const float by_query = 2 * std::sqrt(row.offset) * query.code.scale * kInverseSqrt12;
  return std::sqrt(by_row * by_row + by_query * by_query);
}

CodeFactors ScalarQuantizer::factors_of(const std::byte* row, const CodeLayout& layout) {
  CodeFactors factors;
  std::memcpy(&factors, row + layout.code_bytes, sizeof(factors));
  return factors;
}

std::vector<float> mean_of_rows(Metric metric, const simd::Kernels& kernels, const simd::FloatRows& rows,
                                std::span<const std::uint32_t> sample) {
  std::vector<double> sums(rows.dim, 0.0);
  for (const std::uint32_t row : sample) {
    const float* x = rows.base + row * rows.stride_floats;
    const float factor = metric == Metric::kCosine ? inverse_length(kernels, x, rows.dim) : 1.0F;
    for (std::size_t i = 0; i < rows.dim; ++i) {
      sums[i] += double{x[i] * factor};
    }
  }
  std::vector<float> mean(rows.dim, 0.0F);
  for (std::size_t i = 0; i < rows.dim && !sample.empty(); ++i) {
    mean[i] = static_cast<float>(sums[i] / static_cast<double>(sample.size()));
  }
  return mean;
}

}  // namespace vibrato::quant
