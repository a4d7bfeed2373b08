// Making product codes and their tables with AVX2.
#if defined(__x86_64__)

#include <immintrin.h>
#include <limits>

#include "simd/product_codes.hpp"

namespace vibrato::simd::avx2 {
namespace {

constexpr std::size_t kLanes = 8;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

inline __m256i first_lanes(std::size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// The first `count` lanes from memory, numbers that are none in the others; count <= 8.
inline __m256 load_first(const float* values, std::size_t count) {
  const __m256i mask = first_lanes(count);
  const __m256 none = _mm256_set1_ps(std::numeric_limits<float>::quiet_NaN());
  return _mm256_blendv_ps(none, _mm256_maskload_ps(values, mask), _mm256_castsi256_ps(mask));
}

inline float lowest_of(__m256 values) {
  const __m128 half = _mm_min_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
  const __m128 quarter = _mm_min_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_min_ss(quarter, _mm_movehdup_ps(quarter)));
}

inline float highest_of(__m256 values) {
  const __m128 half = _mm_max_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
  const __m128 quarter = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(quarter, _mm_movehdup_ps(quarter)));
}

}  // namespace

void weighted_columns(const float* weights, std::size_t width, const float* columns, std::size_t stride,
                      const float* start, std::size_t count, float* out) {
  std::size_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    __m256 first = _mm256_loadu_ps(start + i);
    __m256 second = _mm256_loadu_ps(start + i + kLanes);
    for (std::size_t j = 0; j < width; ++j) {
      const __m256 weight = _mm256_set1_ps(weights[j]);
      const float* column = columns + j * stride + i;
      first = _mm256_fmadd_ps(weight, _mm256_loadu_ps(column), first);
      second = _mm256_fmadd_ps(weight, _mm256_loadu_ps(column + kLanes), second);
    }
    _mm256_storeu_ps(out + i, first);
    _mm256_storeu_ps(out + i + kLanes, second);
  }
  for (; i < count; i += kLanes) {
    const __m256i mask = first_lanes(count - i < kLanes ? count - i : kLanes);
    __m256 sum = _mm256_maskload_ps(start + i, mask);
    for (std::size_t j = 0; j < width; ++j) {
      sum = _mm256_fmadd_ps(_mm256_set1_ps(weights[j]), _mm256_maskload_ps(columns + j * stride + i, mask), sum);
    }
    _mm256_maskstore_ps(out + i, mask, sum);
  }
}

Range range(const float* values, std::size_t count) {
  __m256 low = _mm256_set1_ps(kInfinity);
  __m256 high = _mm256_set1_ps(-kInfinity);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const __m256 value = i + kLanes <= count ? _mm256_loadu_ps(values + i) : load_first(values + i, count - i);
    // The second operand is the result where the first is not a number.
    low = _mm256_min_ps(value, low);
    high = _mm256_max_ps(value, high);
  }
  return {lowest_of(low), highest_of(high)};
}

std::size_t least(const float* values, std::size_t count) {
  const __m256 low = _mm256_set1_ps(range(values, count).low);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const __m256 value = i + kLanes <= count ? _mm256_loadu_ps(values + i) : load_first(values + i, count - i);
    const int equal = _mm256_movemask_ps(_mm256_cmp_ps(value, low, _CMP_EQ_OQ));
    if (equal != 0) {
      return i + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(equal)));
    }
  }
  return 0;
}

void quantize_u8(const float* values, float low, float factor, std::size_t count, std::uint8_t* out) {
  const __m256 lows = _mm256_set1_ps(low);
  const __m256 factors = _mm256_set1_ps(factor);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const std::size_t used = count - i < kLanes ? count - i : kLanes;
    const __m256 value = used == kLanes ? _mm256_loadu_ps(values + i) : load_first(values + i, used);
    const __m256 scaled = _mm256_mul_ps(_mm256_sub_ps(value, lows), factors);
    const __m256i rounded =
        _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(scaled, _mm256_setzero_ps()), _mm256_set1_ps(255.0F)));
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    const __m128i bytes = _mm_packus_epi16(words, words);
    if (used == kLanes) {
      _mm_storel_epi64(reinterpret_cast<__m128i_u*>(out + i), bytes);
      continue;
    }
    alignas(16) std::uint8_t rest[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(rest), bytes);
    for (std::size_t lane = 0; lane < used; ++lane) {
      out[i + lane] = rest[lane];
    }
  }
}

}  // namespace vibrato::simd::avx2

#endif
