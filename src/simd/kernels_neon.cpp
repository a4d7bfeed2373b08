// Kernels and the tables of NEON, which every aarch64 CPU has.
#include "simd/tables.hpp"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <asm/hwcap.h>
#include <cstring>
#include <sys/auxv.h>

#include "simd/codes_neon.hpp"
#include "simd/product_codes.hpp"
#include "simd/row_groups.hpp"

namespace vibrato::simd {
namespace {

constexpr std::size_t kLanes = 4;
constexpr std::size_t kVectorBytes = 16;

struct Dot {
  static float32x4_t step(float32x4_t sum, float32x4_t a, float32x4_t b) { return vfmaq_f32(sum, a, b); }
};

struct L2Squared {
  static float32x4_t step(float32x4_t sum, float32x4_t a, float32x4_t b) {
    const float32x4_t difference = vsubq_f32(a, b);
    return vfmaq_f32(sum, difference, difference);
  }
};

// The first `count` lanes from memory, 0 in the others; count <= 4.
inline float32x4_t load_first(const float* values, std::size_t count) {
  float lanes[kLanes] = {};
  std::memcpy(lanes, values, count * sizeof(float));
  return vld1q_f32(lanes);
}

// One pair of rows. Four accumulators hide the latency of the multiply-add.
template <typename Metric>
float distance(const float* a, const float* b, std::size_t dim) {
  float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  std::size_t i = 0;
  for (; i + 4 * kLanes <= dim; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (std::size_t s = 0; s < 4; ++s) {
      sums[s] = Metric::step(sums[s], vld1q_f32(a + i + s * kLanes), vld1q_f32(b + i + s * kLanes));
    }
  }
  for (; i + kLanes <= dim; i += kLanes) {
    sums[0] = Metric::step(sums[0], vld1q_f32(a + i), vld1q_f32(b + i));
  }
  if (i < dim) {
    sums[1] = Metric::step(sums[1], load_first(a + i, dim - i), load_first(b + i, dim - i));
  }
  return vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3])));
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

// The distances of four rows; each query load serves all four. Two accumulators a row.
template <typename Metric>
inline float32x4_t distances(const float* query, const float* const* rows, std::size_t dim) {
  float32x4_t even[4];
  float32x4_t odd[4];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < 4; ++r) {
    even[r] = vdupq_n_f32(0);
    odd[r] = vdupq_n_f32(0);
  }
  std::size_t i = 0;
  for (; i + 2 * kLanes <= dim; i += 2 * kLanes) {
    const float32x4_t first = vld1q_f32(query + i);
    const float32x4_t second = vld1q_f32(query + i + kLanes);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      even[r] = Metric::step(even[r], first, vld1q_f32(rows[r] + i));
      odd[r] = Metric::step(odd[r], second, vld1q_f32(rows[r] + i + kLanes));
    }
  }
  for (; i < dim; i += kLanes) {
    const std::size_t used = dim - i < kLanes ? dim - i : kLanes;
    const float32x4_t rest = load_first(query + i, used);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      even[r] = Metric::step(even[r], rest, load_first(rows[r] + i, used));
    }
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < 4; ++r) {
    even[r] = vaddq_f32(even[r], odd[r]);
  }
  return vpaddq_f32(vpaddq_f32(even[0], even[1]), vpaddq_f32(even[2], even[3]));
}

template <typename Metric>
inline void score(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  const std::size_t dim = rows.dim;
  for_groups_of_four(
      rows.base, rows.stride_floats, ids, count, out,
      [query, dim](const float* const* row, float* four) { vst1q_f32(four, distances<Metric>(query, row, dim)); });
}

void dot_rows(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  score<Dot>(query, rows, ids, count, out);
}

void l2_squared_rows(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count,
                     float* out) {
  score<L2Squared>(query, rows, ids, count, out);
}

// Two products a lane fit 16 bits: (-128 * -127) * 2 = 32,512.
struct MultiplyStep {
  static int32x4_t add(int32x4_t sum, int8x16_t a, int8x16_t b) {
    const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
    return vpadalq_s16(sum, vmlal_high_s8(low, a, b));
  }
};

// Sums step(sum, 16 bytes of a, 16 bytes of b) over two byte arrays; bytes behind their end count as 0.
template <typename Step>
inline std::uint32_t sum_pairs(const std::uint8_t* a, const std::uint8_t* b, std::size_t count, const Step& step) {
  uint32x4_t sum = vdupq_n_u32(0);
  std::size_t i = 0;
  for (; i + kVectorBytes <= count; i += kVectorBytes) {
    sum = step(sum, vld1q_u8(a + i), vld1q_u8(b + i));
  }
  if (i < count) {
    std::uint8_t rest[2][kVectorBytes] = {};
    std::memcpy(rest[0], a + i, count - i);
    std::memcpy(rest[1], b + i, count - i);
    sum = step(sum, vld1q_u8(rest[0]), vld1q_u8(rest[1]));
  }
  return vaddvq_u32(sum);
}

inline uint32x4_t add_products(uint32x4_t sum, uint8x16_t a, uint8x16_t b) {
  sum = vpadalq_u16(sum, vmull_u8(vget_low_u8(a), vget_low_u8(b)));
  return vpadalq_u16(sum, vmull_high_u8(a, b));
}

inline uint8x16_t low_nibbles(uint8x16_t codes) {
  return vandq_u8(codes, vdupq_n_u8(15));
}

std::uint32_t sq8_dot(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim) {
  return sum_pairs(a, b, dim, add_products);
}

std::uint32_t sq8_l2_squared(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim) {
  return sum_pairs(a, b, dim, [](uint32x4_t sum, uint8x16_t x, uint8x16_t y) {
    const uint8x16_t difference = vabdq_u8(x, y);
    return add_products(sum, difference, difference);
  });
}

std::uint32_t sq4_dot(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes) {
  return sum_pairs(a, b, code_bytes, [](uint32x4_t sum, uint8x16_t x, uint8x16_t y) {
    sum = add_products(sum, low_nibbles(x), low_nibbles(y));
    return add_products(sum, vshrq_n_u8(x, 4), vshrq_n_u8(y, 4));
  });
}

std::uint32_t sq4_l2_squared(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes) {
  return sum_pairs(a, b, code_bytes, [](uint32x4_t sum, uint8x16_t x, uint8x16_t y) {
    const uint8x16_t low = vabdq_u8(low_nibbles(x), low_nibbles(y));
    const uint8x16_t high = vabdq_u8(vshrq_n_u8(x, 4), vshrq_n_u8(y, 4));
    return add_products(add_products(sum, low, low), high, high);
  });
}

// The two lowest levels of 4 values. The partner of each lane is swapped in, and the upper lane of a pair is negated by
// a multiplication with -1, which is exact: the fused step rounds once, as the scalar one does.
inline float32x4_t transform_register(float32x4_t v) {
  const float32x4_t signs_of_1 = {1, -1, 1, -1};
  const float32x4_t signs_of_2 = {1, 1, -1, -1};
  v = vfmaq_f32(vrev64q_f32(v), v, signs_of_1);
  return vfmaq_f32(vextq_f32(v, v, 2), v, signs_of_2);
}

inline void butterfly(float32x4_t& low, float32x4_t& high) {
  const float32x4_t difference = vsubq_f32(low, high);
  low = vaddq_f32(low, high);
  high = difference;
}

// Two levels in one pass over memory: `half` and 2 * half.
inline void transform_two_levels(float* values, std::size_t count, std::size_t half) {
  for (std::size_t start = 0; start < count; start += 4 * half) {
    for (std::size_t i = start; i < start + half; i += kLanes) {
      float32x4_t v[4];
#pragma GCC unroll 4
      for (std::size_t p = 0; p < 4; ++p) {
        v[p] = vld1q_f32(values + i + p * half);
      }
      butterfly(v[0], v[1]);
      butterfly(v[2], v[3]);
      butterfly(v[0], v[2]);
      butterfly(v[1], v[3]);
#pragma GCC unroll 4
      for (std::size_t p = 0; p < 4; ++p) {
        vst1q_f32(values + i + p * half, v[p]);
      }
    }
  }
}

void hadamard(float* values, std::size_t count) {
  if (count < kLanes) {
    if (count == 2) {
      const float low = values[0];
      values[0] = low + values[1];
      values[1] = low - values[1];
    }
    return;
  }
  for (std::size_t i = 0; i < count; i += kLanes) {
    vst1q_f32(values + i, transform_register(vld1q_f32(values + i)));
  }
  std::size_t half = kLanes;
  for (; 4 * half <= count; half *= 4) {
    transform_two_levels(values, count, half);
  }
  if (half < count) {
    for (std::size_t i = 0; i < half; i += kLanes) {
      float32x4_t low = vld1q_f32(values + i);
      float32x4_t high = vld1q_f32(values + i + half);
      butterfly(low, high);
      vst1q_f32(values + i, low);
      vst1q_f32(values + i + half, high);
    }
  }
}

void multiply(float* values, const float* factors, std::size_t count) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    vst1q_f32(values + i, vmulq_f32(vld1q_f32(values + i), vld1q_f32(factors + i)));
  }
  for (; i < count; ++i) {
    values[i] *= factors[i];
  }
}

float max_abs(const float* values, std::size_t count) {
  float32x4_t largest = vdupq_n_f32(0);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const std::size_t used = count - i < kLanes ? count - i : kLanes;
    // The "number" maximum takes the other operand where one is not a number.
    largest = vmaxnmq_f32(largest, vabsq_f32(load_first(values + i, used)));
  }
  return vmaxnmvq_f32(largest);
}

std::int32_t quantize_s8(const float* values, float factor, std::size_t count, std::int8_t* out) {
  const float32x4_t lowest = vdupq_n_f32(-127.0F);
  const float32x4_t highest = vdupq_n_f32(127.0F);
  int32x4_t sum = vdupq_n_s32(0);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const std::size_t used = count - i < kLanes ? count - i : kLanes;
    const float32x4_t scaled = vmulq_n_f32(load_first(values + i, used), factor);
    // What is not a number becomes -127, in the lanes that are stored and counted.
    const float32x4_t clamped = vminnmq_f32(vmaxnmq_f32(scaled, lowest), highest);
    const int32x4_t rounded = vcvtnq_s32_f32(clamped);
    std::int32_t lanes[kLanes];
    vst1q_s32(lanes, rounded);
    std::int32_t counted[kLanes] = {};
    for (std::size_t lane = 0; lane < used; ++lane) {
      out[i + lane] = static_cast<std::int8_t>(lanes[lane]);
      counted[lane] = lanes[lane];
    }
    sum = vaddq_s32(sum, vld1q_s32(counted));
  }
  return vaddvq_s32(sum);
}

constexpr Kernels kTable{
    .isa = Isa::kNeon,
    .name = "neon",
    .dot = dot,
    .l2_squared = l2_squared,
    .norm_squared = norm_squared,
    .dot_rows = dot_rows,
    .l2_squared_rows = l2_squared_rows,
    .sq8_rows = NeonCodes<MultiplyStep>::sq8_rows,
    .sq4_rows = NeonCodes<MultiplyStep>::sq4_rows,
    .pq_rows = portable::pq_rows,
    .sq8_dot = sq8_dot,
    .sq8_l2_squared = sq8_l2_squared,
    .sq4_dot = sq4_dot,
    .sq4_l2_squared = sq4_l2_squared,
    .hadamard = hadamard,
    .multiply = multiply,
    .max_abs = max_abs,
    .quantize_s8 = quantize_s8,
    .weighted_columns = neon::weighted_columns,
    .least = neon::least,
    .range = neon::range,
    .quantize_u8 = neon::quantize_u8,
};

constexpr Kernels with_dot_product(Kernels table) {
  table.sq8_rows = neon_dotprod::sq8_rows;
  table.sq4_rows = neon_dotprod::sq4_rows;
  return table;
}

constexpr Kernels kDotProductTable = with_dot_product(kTable);

}  // namespace

const Kernels* neon_table() {
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0 ? &kDotProductTable : &kTable;
}

}  // namespace vibrato::simd

#else

namespace vibrato::simd {

const Kernels* neon_table() {
  return nullptr;
}

}  // namespace vibrato::simd

#endif
