// Making product codes and their tables with AVX-512.
#if defined(__x86_64__)

#include <immintrin.h>
#include <limits>

#include "simd/product_codes.hpp"

namespace vibrato::simd::avx512 {
namespace {

constexpr std::size_t kLanes = 16;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The lanes of the `left` values that a step has, all if there are more.
inline __mmask16 lanes_of(std::size_t left) {
  return static_cast<__mmask16>(left >= kLanes ? 0xFFFFU : (1U << left) - 1U);
}

}  // namespace

void weighted_columns(const float* weights, std::size_t width, const float* columns, std::size_t stride,
                      const float* start, std::size_t count, float* out) {
  std::size_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    __m512 sums[4];
#pragma GCC unroll 4
    for (std::size_t s = 0; s < 4; ++s) {
      sums[s] = _mm512_loadu_ps(start + i + s * kLanes);
    }
    for (std::size_t j = 0; j < width; ++j) {
      const __m512 weight = _mm512_set1_ps(weights[j]);
      const float* column = columns + j * stride + i;
#pragma GCC unroll 4
      for (std::size_t s = 0; s < 4; ++s) {
        sums[s] = _mm512_fmadd_ps(weight, _mm512_loadu_ps(column + s * kLanes), sums[s]);
      }
    }
#pragma GCC unroll 4
    for (std::size_t s = 0; s < 4; ++s) {
      _mm512_storeu_ps(out + i + s * kLanes, sums[s]);
    }
  }
  for (; i < count; i += kLanes) {
    const __mmask16 mask = lanes_of(count - i);
    __m512 sum = _mm512_maskz_loadu_ps(mask, start + i);
    for (std::size_t j = 0; j < width; ++j) {
      sum = _mm512_fmadd_ps(_mm512_set1_ps(weights[j]), _mm512_maskz_loadu_ps(mask, columns + j * stride + i), sum);
    }
    _mm512_mask_storeu_ps(out + i, mask, sum);
  }
}

Range range(const float* values, std::size_t count) {
  __m512 low = _mm512_set1_ps(kInfinity);
  __m512 high = _mm512_set1_ps(-kInfinity);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const __mmask16 mask = lanes_of(count - i);
    const __m512 value = _mm512_maskz_loadu_ps(mask, values + i);
    // The second operand is the result where the first is not a number.
    low = _mm512_mask_min_ps(low, mask, value, low);
    high = _mm512_mask_max_ps(high, mask, value, high);
  }
  return {_mm512_reduce_min_ps(low), _mm512_reduce_max_ps(high)};
}

std::size_t least(const float* values, std::size_t count) {
  const __m512 low = _mm512_set1_ps(range(values, count).low);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const __mmask16 mask = lanes_of(count - i);
    const __mmask16 equal = _mm512_mask_cmp_ps_mask(mask, _mm512_maskz_loadu_ps(mask, values + i), low, _CMP_EQ_OQ);
    if (equal != 0) {
      return i + static_cast<std::size_t>(__builtin_ctz(equal));
    }
  }
  return 0;
}

void quantize_u8(const float* values, float low, float factor, std::size_t count, std::uint8_t* out) {
  for (std::size_t i = 0; i < count; i += kLanes) {
    const __mmask16 mask = lanes_of(count - i);
    __m512 value = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, values + i), _mm512_set1_ps(low));
    value = _mm512_mul_ps(value, _mm512_set1_ps(factor));
    value = _mm512_min_ps(_mm512_max_ps(value, _mm512_setzero_ps()), _mm512_set1_ps(255.0F));
    _mm512_mask_cvtepi32_storeu_epi8(out + i, mask, _mm512_cvtps_epi32(value));
  }
}

}  // namespace vibrato::simd::avx512

#endif
