#include "quant/unit_length.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vibrato::quant {

float inverse_length(const simd::Kernels& kernels, const float* x, std::size_t dim) {
  constexpr float kNormSquaredMin = 1e-30F;
  const float norm_squared = kernels.norm_squared(x, dim);
  if (norm_squared > kNormSquaredMin) {
    return 1.0F / std::sqrt(norm_squared);
  }
  // Squares of small numbers lose their digits in f32, so those are summed in double.
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += double{x[i]} * x[i];
  }
  return sum > 0 ? static_cast<float>(std::min(1.0 / std::sqrt(sum), double{std::numeric_limits<float>::max()})) : 0.0F;
}

}  // namespace vibrato::quant
