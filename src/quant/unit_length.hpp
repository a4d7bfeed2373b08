// The factor that brings a vector to unit length: codes under cosine are those of unit vectors.
#pragma once

#include <cstddef>

#include "simd/kernels.hpp"

namespace vibrato::quant {

// 1 / |x|, 0 for the zero vector; at most the largest float. x: shape [dim], finite.
[[nodiscard]] float inverse_length(const simd::Kernels& kernels, const float* x, std::size_t dim);

}  // namespace vibrato::quant
