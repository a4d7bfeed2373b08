// Float kernels and the table of AVX-512 (F, BW, DQ, VL, VNNI). The code kernels are in codes_avx512.cpp.
//
// One pair in L1 is bound by the two loads a cycle: on Zen 5 dot and squared L2 take 0.55 and 0.47 of hnswlib's time at
// 128 dimensions, 0.50 and 0.45 at 768, 0.41 and 0.39 at 1,536 (benches/kernels_bench). More accumulators or a longer
// chunk of the query gain nothing.
#include "simd/tables.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include "simd/codes_avx512.hpp"
#include "simd/product_codes.hpp"
#include "simd/row_groups.hpp"

namespace vibrato::simd {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kGroup = 4;
constexpr std::size_t kChunk = 4;

inline __mmask16 first_lanes(std::size_t count) {
  return static_cast<__mmask16>((1U << count) - 1U);
}

struct Dot {
  static __m512 step(__m512 sum, __m512 a, __m512 b) { return _mm512_fmadd_ps(a, b, sum); }
};

struct L2Squared {
  static __m512 step(__m512 sum, __m512 a, __m512 b) {
    const __m512 difference = _mm512_sub_ps(a, b);
    return _mm512_fmadd_ps(difference, difference, sum);
  }
};

// One pair of rows. Four accumulators hide the latency of the multiply-add.
template <typename Metric>
float distance(const float* a, const float* b, std::size_t dim) {
  __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
  std::size_t i = 0;
  for (; i + 4 * kLanes <= dim; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (std::size_t s = 0; s < 4; ++s) {
      sums[s] = Metric::step(sums[s], _mm512_loadu_ps(a + i + s * kLanes), _mm512_loadu_ps(b + i + s * kLanes));
    }
  }
  for (; i + kLanes <= dim; i += kLanes) {
    sums[0] = Metric::step(sums[0], _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
  }
  if (i < dim) {
    const __mmask16 mask = first_lanes(dim - i);
    sums[1] = Metric::step(sums[1], _mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i));
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
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
inline __m128 sum_of_each(const __m512* sums) {
  const __m512 first = _mm512_add_ps(_mm512_unpacklo_ps(sums[0], sums[1]), _mm512_unpackhi_ps(sums[0], sums[1]));
  const __m512 second = _mm512_add_ps(_mm512_unpacklo_ps(sums[2], sums[3]), _mm512_unpackhi_ps(sums[2], sums[3]));
  const __m512 lanes = _mm512_add_ps(_mm512_shuffle_ps(first, second, _MM_SHUFFLE(1, 0, 1, 0)),
                                     _mm512_shuffle_ps(first, second, _MM_SHUFFLE(3, 2, 3, 2)));
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

// The distances of four rows; a chunk of the query stays in registers and meets one row after the other. Two
// accumulators a row.
template <typename Metric>
inline __m128 distances(const float* query, const float* const* rows, std::size_t dim) {
  __m512 even[kGroup];
  __m512 odd[kGroup];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kGroup; ++r) {
    even[r] = _mm512_setzero_ps();
    odd[r] = _mm512_setzero_ps();
  }
  std::size_t i = 0;
  for (; i + kChunk * kLanes <= dim; i += kChunk * kLanes) {
    __m512 values[kChunk];
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kChunk; ++c) {
      values[c] = _mm512_loadu_ps(query + i + c * kLanes);
    }
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kGroup; ++r) {
#pragma GCC unroll 4
      for (std::size_t c = 0; c < kChunk; c += 2) {
        even[r] = Metric::step(even[r], values[c], _mm512_loadu_ps(rows[r] + i + c * kLanes));
        odd[r] = Metric::step(odd[r], values[c + 1], _mm512_loadu_ps(rows[r] + i + (c + 1) * kLanes));
      }
    }
  }
  for (; i < dim; i += kLanes) {
    const __mmask16 mask = first_lanes(dim - i < kLanes ? dim - i : kLanes);
    const __m512 rest = _mm512_maskz_loadu_ps(mask, query + i);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kGroup; ++r) {
      even[r] = Metric::step(even[r], rest, _mm512_maskz_loadu_ps(mask, rows[r] + i));
    }
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kGroup; ++r) {
    even[r] = _mm512_add_ps(even[r], odd[r]);
  }
  return sum_of_each(even);
}

template <typename Metric>
inline void score(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  const float* row[kGroup];
  std::size_t i = 0;
  for (; i + kGroup <= count; i += kGroup) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kGroup; ++r) {
      row[r] = row_start(rows.base, rows.stride_floats, ids[i + r]);
    }
    _mm_storeu_ps(out + i, distances<Metric>(query, row, rows.dim));
  }
  for (; i < count; ++i) {
    out[i] = distance<Metric>(query, rows.base + ids[i] * rows.stride_floats, rows.dim);
  }
}

void dot_rows(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  score<Dot>(query, rows, ids, count, out);
}

void l2_squared_rows(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count,
                     float* out) {
  score<L2Squared>(query, rows, ids, count, out);
}

// One level of the transform inside a register: the partner of each lane is swapped in, and the upper lane of a pair is
// negated. Multiplying by +-1 is exact, so the fused step rounds once, as the scalar one does.
inline __m512 signs_of_level(std::size_t half) {
  alignas(64) float signs[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) {
    signs[i] = (i & half) != 0 ? -1.0F : 1.0F;
  }
  return _mm512_load_ps(signs);
}

struct Signs {
  __m512 by_1 = signs_of_level(1);
  __m512 by_2 = signs_of_level(2);
  __m512 by_4 = signs_of_level(4);
  __m512 by_8 = signs_of_level(8);
};

// The four lowest levels of 16 values.
inline __m512 transform_register(__m512 v, const Signs& signs) {
  v = _mm512_fmadd_ps(v, signs.by_1, _mm512_permute_ps(v, _MM_SHUFFLE(2, 3, 0, 1)));
  v = _mm512_fmadd_ps(v, signs.by_2, _mm512_permute_ps(v, _MM_SHUFFLE(1, 0, 3, 2)));
  v = _mm512_fmadd_ps(v, signs.by_4, _mm512_shuffle_f32x4(v, v, _MM_SHUFFLE(2, 3, 0, 1)));
  return _mm512_fmadd_ps(v, signs.by_8, _mm512_shuffle_f32x4(v, v, _MM_SHUFFLE(1, 0, 3, 2)));
}

// All levels of 16 * kRegisters values, in registers.
template <std::size_t kRegisters>
inline void transform_block(float* values, const Signs& signs) {
  __m512 v[kRegisters];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kRegisters; ++i) {
    v[i] = transform_register(_mm512_loadu_ps(values + i * kLanes), signs);
  }
#pragma GCC unroll 4
  for (std::size_t half = 1; half < kRegisters; half *= 2) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kRegisters; ++i) {
      if ((i & half) == 0) {
        const __m512 low = v[i];
        v[i] = _mm512_add_ps(low, v[i + half]);
        v[i + half] = _mm512_sub_ps(low, v[i + half]);
      }
    }
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kRegisters; ++i) {
    _mm512_storeu_ps(values + i * kLanes, v[i]);
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
  const Signs signs;
  switch (count / kLanes) {
    case 1:
      return transform_block<1>(values, signs);
    case 2:
      return transform_block<2>(values, signs);
    case 4:
      return transform_block<4>(values, signs);
    case 8:
      return transform_block<8>(values, signs);
    default:
      break;
  }
  constexpr std::size_t kBlock = 16 * kLanes;
  for (std::size_t start = 0; start < count; start += kBlock) {
    transform_block<16>(values + start, signs);
  }
  for (std::size_t half = kBlock; half < count; half *= 2) {
    for (std::size_t start = 0; start < count; start += 2 * half) {
      for (std::size_t i = start; i < start + half; i += kLanes) {
        const __m512 low = _mm512_loadu_ps(values + i);
        const __m512 high = _mm512_loadu_ps(values + i + half);
        _mm512_storeu_ps(values + i, _mm512_add_ps(low, high));
        _mm512_storeu_ps(values + i + half, _mm512_sub_ps(low, high));
      }
    }
  }
}

void multiply(float* values, const float* factors, std::size_t count) {
  for (std::size_t i = 0; i < count; i += kLanes) {
    const __mmask16 mask = first_lanes(count - i < kLanes ? count - i : kLanes);
    const __m512 product =
        _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, values + i), _mm512_maskz_loadu_ps(mask, factors + i));
    _mm512_mask_storeu_ps(values + i, mask, product);
  }
}

float max_abs(const float* values, std::size_t count) {
  __m512 largest = _mm512_setzero_ps();
  for (std::size_t i = 0; i < count; i += kLanes) {
    const __mmask16 mask = first_lanes(count - i < kLanes ? count - i : kLanes);
    // The second operand is the result where the first is not a number.
    largest = _mm512_max_ps(_mm512_abs_ps(_mm512_maskz_loadu_ps(mask, values + i)), largest);
  }
  return _mm512_reduce_max_ps(largest);
}

std::int32_t quantize_s8(const float* values, float factor, std::size_t count, std::int8_t* out) {
  __m512i sum = _mm512_setzero_si512();
  for (std::size_t i = 0; i < count; i += kLanes) {
    const __mmask16 mask = first_lanes(count - i < kLanes ? count - i : kLanes);
    __m512 value = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, values + i), _mm512_set1_ps(factor));
    value = _mm512_min_ps(_mm512_max_ps(value, _mm512_set1_ps(-127.0F)), _mm512_set1_ps(127.0F));
    const __m512i rounded = _mm512_maskz_cvtps_epi32(mask, value);
    sum = _mm512_add_epi32(sum, rounded);
    _mm512_mask_cvtepi32_storeu_epi8(out + i, mask, rounded);
  }
  return _mm512_reduce_add_epi32(sum);
}

constexpr Kernels kTable{
    .isa = Isa::kAvx512,
    .name = "avx512",
    .dot = dot,
    .l2_squared = l2_squared,
    .norm_squared = norm_squared,
    .dot_rows = dot_rows,
    .l2_squared_rows = l2_squared_rows,
    .sq8_rows = avx512::sq8_rows,
    .sq4_rows = avx512::sq4_rows,
    .pq_rows = portable::pq_rows,
    .sq8_dot = avx512::sq8_dot,
    .sq8_l2_squared = avx512::sq8_l2_squared,
    .sq4_dot = avx512::sq4_dot,
    .sq4_l2_squared = avx512::sq4_l2_squared,
    .hadamard = hadamard,
    .multiply = multiply,
    .max_abs = max_abs,
    .quantize_s8 = quantize_s8,
    .weighted_columns = avx512::weighted_columns,
    .least = avx512::least,
    .range = avx512::range,
    .quantize_u8 = avx512::quantize_u8,
};

constexpr Kernels with_vbmi(Kernels table) {
  table.pq_rows = avx512::pq_rows;
  return table;
}

constexpr Kernels kVbmiTable = with_vbmi(kTable);

}  // namespace

const Kernels* avx512_table() {
  return __builtin_cpu_supports("avx512vbmi") != 0 ? &kVbmiTable : &kTable;
}

}  // namespace vibrato::simd

#else

namespace vibrato::simd {

const Kernels* avx512_table() {
  return nullptr;
}

}  // namespace vibrato::simd

#endif
