// Float kernels and the table of AVX2 with FMA. The code kernels are in codes_avx2.cpp.
#include "simd/tables.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include "simd/codes_avx2.hpp"
#include "simd/product_codes.hpp"
#include "simd/row_groups.hpp"

namespace vibrato::simd {
namespace {

constexpr std::size_t kLanes = 8;

// All bits set in the first `count` lanes, count <= 8.
inline __m256i first_lanes(std::size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline float sum_of(__m256 values) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
  const __m128 quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
}

struct Dot {
  static __m256 step(__m256 sum, __m256 a, __m256 b) { return _mm256_fmadd_ps(a, b, sum); }
};

struct L2Squared {
  static __m256 step(__m256 sum, __m256 a, __m256 b) {
    const __m256 difference = _mm256_sub_ps(a, b);
    return _mm256_fmadd_ps(difference, difference, sum);
  }
};

// One pair of rows. Several accumulators hide the latency of the multiply-add.
template <typename Metric>
float distance(const float* a, const float* b, std::size_t dim) {
  __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
  std::size_t i = 0;
  for (; i + 4 * kLanes <= dim; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (std::size_t s = 0; s < 4; ++s) {
      sums[s] = Metric::step(sums[s], _mm256_loadu_ps(a + i + s * kLanes), _mm256_loadu_ps(b + i + s * kLanes));
    }
  }
  for (; i + kLanes <= dim; i += kLanes) {
    sums[0] = Metric::step(sums[0], _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
  }
  if (i < dim) {
    const __m256i mask = first_lanes(dim - i);
    sums[1] = Metric::step(sums[1], _mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask));
  }
  return sum_of(_mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
}

float dot(const float* a, const float* b, std::size_t dim) {
  return distance<Dot>(a, b, dim);
}

float l2_squared(const float* a, const float* b, std::size_t dim) {
  return distance<L2Squared>(a, b, dim);
}

float norm_squared(const float* a, std::size_t dim) {
  return distance<Dot>(a, a, dim);
}

// The sums of four accumulators, in order.
inline __m128 sum_of_each(const __m256* sums) {
  const __m256 first = _mm256_add_ps(_mm256_unpacklo_ps(sums[0], sums[1]), _mm256_unpackhi_ps(sums[0], sums[1]));
  const __m256 second = _mm256_add_ps(_mm256_unpacklo_ps(sums[2], sums[3]), _mm256_unpackhi_ps(sums[2], sums[3]));
  const __m256 lanes = _mm256_add_ps(_mm256_shuffle_ps(first, second, _MM_SHUFFLE(1, 0, 1, 0)),
                                     _mm256_shuffle_ps(first, second, _MM_SHUFFLE(3, 2, 3, 2)));
  return _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
}

// The distances of four rows; each query load serves all four. Two accumulators a row.
template <typename Metric>
inline __m128 distances(const float* query, const float* const* rows, std::size_t dim) {
  __m256 even[4];
  __m256 odd[4];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < 4; ++r) {
    even[r] = _mm256_setzero_ps();
    odd[r] = _mm256_setzero_ps();
  }
  std::size_t i = 0;
  for (; i + 2 * kLanes <= dim; i += 2 * kLanes) {
    const __m256 first = _mm256_loadu_ps(query + i);
    const __m256 second = _mm256_loadu_ps(query + i + kLanes);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      even[r] = Metric::step(even[r], first, _mm256_loadu_ps(rows[r] + i));
      odd[r] = Metric::step(odd[r], second, _mm256_loadu_ps(rows[r] + i + kLanes));
    }
  }
  for (; i < dim; i += kLanes) {
    const __m256i mask = first_lanes(dim - i < kLanes ? dim - i : kLanes);
    const __m256 rest = _mm256_maskload_ps(query + i, mask);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      even[r] = Metric::step(even[r], rest, _mm256_maskload_ps(rows[r] + i, mask));
    }
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < 4; ++r) {
    even[r] = _mm256_add_ps(even[r], odd[r]);
  }
  return sum_of_each(even);
}

template <typename Metric>
inline void score(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  const std::size_t dim = rows.dim;
  for_groups_of_four(
      rows.base, rows.stride_floats, ids, count, out,
      [query, dim](const float* const* row, float* four) { _mm_storeu_ps(four, distances<Metric>(query, row, dim)); });
}

void dot_rows(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  score<Dot>(query, rows, ids, count, out);
}

void l2_squared_rows(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count,
                     float* out) {
  score<L2Squared>(query, rows, ids, count, out);
}

// The three lowest levels of 8 values. The partner of each lane is swapped in, and the upper lane of a pair is negated
// by a multiplication with -1, which is exact: the fused step rounds once, as the scalar one does.
inline __m256 transform_register(__m256 v) {
  const __m256 signs_of_1 = _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1);
  const __m256 signs_of_2 = _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1);
  const __m256 signs_of_4 = _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1);
  v = _mm256_fmadd_ps(v, signs_of_1, _mm256_permute_ps(v, _MM_SHUFFLE(2, 3, 0, 1)));
  v = _mm256_fmadd_ps(v, signs_of_2, _mm256_permute_ps(v, _MM_SHUFFLE(1, 0, 3, 2)));
  return _mm256_fmadd_ps(v, signs_of_4, _mm256_permute2f128_ps(v, v, 1));
}

inline void butterfly(__m256& low, __m256& high) {
  const __m256 difference = _mm256_sub_ps(low, high);
  low = _mm256_add_ps(low, high);
  high = difference;
}

// All levels of 64 values, in registers.
inline void transform_block(float* values) {
  __m256 v[8];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 8; ++i) {
    v[i] = transform_register(_mm256_loadu_ps(values + i * kLanes));
  }
#pragma GCC unroll 3
  for (std::size_t half = 1; half < 8; half *= 2) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) {
      if ((i & half) == 0) {
        butterfly(v[i], v[i + half]);
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 8; ++i) {
    _mm256_storeu_ps(values + i * kLanes, v[i]);
  }
}

// Two levels in one pass over memory: `half` and 2 * half.
inline void transform_two_levels(float* values, std::size_t count, std::size_t half) {
  for (std::size_t start = 0; start < count; start += 4 * half) {
    for (std::size_t i = start; i < start + half; i += kLanes) {
      __m256 v[4];
#pragma GCC unroll 4
      for (std::size_t p = 0; p < 4; ++p) {
        v[p] = _mm256_loadu_ps(values + i + p * half);
      }
      butterfly(v[0], v[1]);
      butterfly(v[2], v[3]);
      butterfly(v[0], v[2]);
      butterfly(v[1], v[3]);
#pragma GCC unroll 4
      for (std::size_t p = 0; p < 4; ++p) {
        _mm256_storeu_ps(values + i + p * half, v[p]);
      }
    }
  }
}

inline void transform_level(float* values, std::size_t count, std::size_t half) {
  for (std::size_t start = 0; start < count; start += 2 * half) {
    for (std::size_t i = start; i < start + half; i += kLanes) {
      __m256 low = _mm256_loadu_ps(values + i);
      __m256 high = _mm256_loadu_ps(values + i + half);
      butterfly(low, high);
      _mm256_storeu_ps(values + i, low);
      _mm256_storeu_ps(values + i + half, high);
    }
  }
}

inline void hadamard_below_one_register(float* values, std::size_t count) {
  for (std::size_t half = 1; half < count; half *= 2) {
    for (std::size_t i = 0; i < count; ++i) {
      if ((i & half) == 0) {
        const float low = values[i];
        values[i] = low + values[i + half];
        values[i + half] = low - values[i + half];
      }
    }
  }
}

void hadamard(float* values, std::size_t count) {
  if (count < kLanes) {
    return hadamard_below_one_register(values, count);
  }
  constexpr std::size_t kBlock = 8 * kLanes;
  std::size_t half = kBlock;
  if (count < kBlock) {
    for (std::size_t i = 0; i < count; i += kLanes) {
      _mm256_storeu_ps(values + i, transform_register(_mm256_loadu_ps(values + i)));
    }
    half = kLanes;
  } else {
    for (std::size_t start = 0; start < count; start += kBlock) {
      transform_block(values + start);
    }
  }
  for (; 4 * half <= count; half *= 4) {
    transform_two_levels(values, count, half);
  }
  if (half < count) {
    transform_level(values, count, half);
  }
}

void multiply(float* values, const float* factors, std::size_t count) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    _mm256_storeu_ps(values + i, _mm256_mul_ps(_mm256_loadu_ps(values + i), _mm256_loadu_ps(factors + i)));
  }
  for (; i < count; ++i) {
    values[i] *= factors[i];
  }
}

float max_abs(const float* values, std::size_t count) {
  const __m256 no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
  __m256 largest = _mm256_setzero_ps();
  for (std::size_t i = 0; i < count; i += kLanes) {
    const __m256i mask = first_lanes(count - i < kLanes ? count - i : kLanes);
    // The second operand is the result where the first is not a number.
    largest = _mm256_max_ps(_mm256_and_ps(_mm256_maskload_ps(values + i, mask), no_sign), largest);
  }
  const __m128 half = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
  const __m128 quarter = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(quarter, _mm_movehdup_ps(quarter)));
}

// Eight values; lanes outside the mask give 0.
inline __m256i quantize_register(__m256 values, __m256 factor) {
  __m256 scaled = _mm256_mul_ps(values, factor);
  scaled = _mm256_min_ps(_mm256_max_ps(scaled, _mm256_set1_ps(-127.0F)), _mm256_set1_ps(127.0F));
  return _mm256_cvtps_epi32(scaled);
}

std::int32_t quantize_s8(const float* values, float factor, std::size_t count, std::int8_t* out) {
  const __m256 factors = _mm256_set1_ps(factor);
  __m256i sum = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const __m256i rounded = quantize_register(_mm256_loadu_ps(values + i), factors);
    sum = _mm256_add_epi32(sum, rounded);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i_u*>(out + i), _mm_packs_epi16(words, words));
  }
  alignas(32) std::int32_t rest[kLanes];
  _mm256_store_si256(reinterpret_cast<__m256i*>(rest), sum);
  std::int32_t total = 0;
  for (const std::int32_t lane : rest) {
    total += lane;
  }
  if (i < count) {
    const __m256i mask = first_lanes(count - i);
    _mm256_store_si256(reinterpret_cast<__m256i*>(rest),
                       quantize_register(_mm256_maskload_ps(values + i, mask), factors));
    for (std::size_t lane = 0; i + lane < count; ++lane) {
      out[i + lane] = static_cast<std::int8_t>(rest[lane]);
      total += rest[lane];
    }
  }
  return total;
}

constexpr Kernels kTable{
    .isa = Isa::kAvx2,
    .name = "avx2",
    .dot = dot,
    .l2_squared = l2_squared,
    .norm_squared = norm_squared,
    .dot_rows = dot_rows,
    .l2_squared_rows = l2_squared_rows,
    .sq8_rows = avx2::sq8_rows,
    .sq4_rows = avx2::sq4_rows,
    .pq_rows = portable::pq_rows,
    .sq8_dot = avx2::sq8_dot,
    .sq8_l2_squared = avx2::sq8_l2_squared,
    .sq4_dot = avx2::sq4_dot,
    .sq4_l2_squared = avx2::sq4_l2_squared,
    .hadamard = hadamard,
    .multiply = multiply,
    .max_abs = max_abs,
    .quantize_s8 = quantize_s8,
    .weighted_columns = avx2::weighted_columns,
    .least = avx2::least,
    .range = avx2::range,
    .quantize_u8 = avx2::quantize_u8,
};

}  // namespace

const Kernels* avx2_table() {
  return &kTable;
}

}  // namespace vibrato::simd

#else

namespace vibrato::simd {

const Kernels* avx2_table() {
  return nullptr;
}

}  // namespace vibrato::simd

#endif
