// Kernels for the baseline of any architecture: floats through xsimd, which takes the registers that every CPU of the
// architecture has, and codes in plain loops, which compilers turn into vector code (xsimd has no widening products).
#include <cstring>
#include <xsimd/xsimd.hpp>

#include "simd/product_codes.hpp"
#include "simd/row_groups.hpp"
#include "simd/tables.hpp"

namespace vibrato::simd {
namespace {

using Batch = xsimd::batch<float>;

constexpr std::size_t kLanes = Batch::size;
constexpr std::size_t kBlockBytes = 64;

struct Dot {
  static Batch step(const Batch& sum, const Batch& a, const Batch& b) { return xsimd::fma(a, b, sum); }
  static float step(float sum, float a, float b) { return sum + a * b; }
};

struct L2Squared {
  static Batch step(const Batch& sum, const Batch& a, const Batch& b) {
    const Batch difference = a - b;
    return xsimd::fma(difference, difference, sum);
  }
  static float step(float sum, float a, float b) { return sum + (a - b) * (a - b); }
};

// One pair of rows. Four accumulators hide the latency of the additions.
template <typename Metric>
float distance(const float* a, const float* b, std::size_t dim) {
  Batch sums[4] = {Batch(0.0F), Batch(0.0F), Batch(0.0F), Batch(0.0F)};
  std::size_t i = 0;
  for (; i + 4 * kLanes <= dim; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (std::size_t s = 0; s < 4; ++s) {
      sums[s] =
          Metric::step(sums[s], Batch::load_unaligned(a + i + s * kLanes), Batch::load_unaligned(b + i + s * kLanes));
    }
  }
  for (; i + kLanes <= dim; i += kLanes) {
    sums[0] = Metric::step(sums[0], Batch::load_unaligned(a + i), Batch::load_unaligned(b + i));
  }
  float sum = xsimd::hadd((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < dim; ++i) {
    sum = Metric::step(sum, a[i], b[i]);
  }
  return sum;
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

// The distances of four rows; each load of the query serves all four.
template <typename Metric>
inline void distances(const float* query, const float* const* rows, std::size_t dim, float* out) {
  Batch sums[4] = {Batch(0.0F), Batch(0.0F), Batch(0.0F), Batch(0.0F)};
  std::size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    const Batch values = Batch::load_unaligned(query + i);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      sums[r] = Metric::step(sums[r], values, Batch::load_unaligned(rows[r] + i));
    }
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < 4; ++r) {
    out[r] = xsimd::hadd(sums[r]);
    for (std::size_t rest = i; rest < dim; ++rest) {
      out[r] = Metric::step(out[r], query[rest], rows[r][rest]);
    }
  }
}

template <typename Metric>
inline void score(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  const std::size_t dim = rows.dim;
  for_groups_of_four(rows.base, rows.stride_floats, ids, count, out,
                     [query, dim](const float* const* row, float* four) { distances<Metric>(query, row, dim, four); });
}

void dot_rows(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  score<Dot>(query, rows, ids, count, out);
}

void l2_squared_rows(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count,
                     float* out) {
  score<L2Squared>(query, rows, ids, count, out);
}

// The scalar kernel's order of operations.
inline float distance_of(const CodeQuery& query, const std::byte* tail, std::int32_t sum) {
  float offset = 0;
  float scale = 0;
  std::memcpy(&offset, tail, sizeof(offset));
  std::memcpy(&scale, tail + sizeof(offset), sizeof(scale));
  return (query.base + offset) + scale * (query.scale * static_cast<float>(sum) + query.bias);
}

inline std::int32_t sq8_sum(const std::byte* codes, const std::int8_t* values, std::size_t code_bytes) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < code_bytes; ++i) {
    sum += std::to_integer<std::int16_t>(codes[i]) * std::int16_t{values[i]};
  }
  return sum;
}

// A block of 4-bit codes: the low nibbles meet the first `width` values, the high ones those behind.
inline std::int32_t nibble_sum(const std::byte* codes, const std::int8_t* values, std::size_t width) {
  std::int32_t sum = 0;
  for (std::size_t j = 0; j < width; ++j) {
    sum += std::to_integer<std::int16_t>(codes[j] & std::byte{15}) * std::int16_t{values[j]};
  }
  for (std::size_t j = 0; j < width; ++j) {
    sum += std::to_integer<std::int16_t>(codes[j] >> 4) * std::int16_t{values[width + j]};
  }
  return sum;
}

void sq8_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* row = rows.base + ids[i] * rows.stride_bytes;
    out[i] = distance_of(query, row + rows.code_bytes, sq8_sum(row, query.values, rows.code_bytes));
  }
}

void sq4_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* row = rows.base + ids[i] * rows.stride_bytes;
    std::int32_t sum = 0;
    std::size_t start = 0;
    for (; start + kBlockBytes <= rows.code_bytes; start += kBlockBytes) {
      sum += nibble_sum(row + start, query.values + 2 * start, kBlockBytes);
    }
    sum += nibble_sum(row + start, query.values + 2 * start, rows.code_bytes - start);
    out[i] = distance_of(query, row + rows.code_bytes, sum);
  }
}

std::uint32_t sq8_dot(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += std::int16_t{a[i]} * std::int16_t{b[i]};
  }
  return static_cast<std::uint32_t>(sum);
}

std::uint32_t sq8_l2_squared(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    const auto difference = static_cast<std::int16_t>(a[i] - b[i]);
    sum += difference * difference;
  }
  return static_cast<std::uint32_t>(sum);
}

std::uint32_t sq4_dot(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < code_bytes; ++i) {
    sum += (a[i] & 15) * (b[i] & 15) + (a[i] >> 4) * (b[i] >> 4);
  }
  return static_cast<std::uint32_t>(sum);
}

std::uint32_t sq4_l2_squared(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < code_bytes; ++i) {
    const int low = (a[i] & 15) - (b[i] & 15);
    const int high = (a[i] >> 4) - (b[i] >> 4);
    sum += low * low + high * high;
  }
  return static_cast<std::uint32_t>(sum);
}

// One level of the transform whose pairs lie `half` apart.
inline void transform_level(float* values, std::size_t count, std::size_t half) {
  for (std::size_t start = 0; start < count; start += 2 * half) {
    std::size_t i = start;
    for (; i + kLanes <= start + half; i += kLanes) {
      const Batch low = Batch::load_unaligned(values + i);
      const Batch high = Batch::load_unaligned(values + i + half);
      (low + high).store_unaligned(values + i);
      (low - high).store_unaligned(values + i + half);
    }
    for (; i < start + half; ++i) {
      const float low = values[i];
      values[i] = low + values[i + half];
      values[i + half] = low - values[i + half];
    }
  }
}

void hadamard(float* values, std::size_t count) {
  for (std::size_t half = 1; half < count; half *= 2) {
    transform_level(values, count, half);
  }
}

void multiply(float* values, const float* factors, std::size_t count) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    (Batch::load_unaligned(values + i) * Batch::load_unaligned(factors + i)).store_unaligned(values + i);
  }
  for (; i < count; ++i) {
    values[i] *= factors[i];
  }
}

float max_abs(const float* values, std::size_t count) {
  Batch largest(0.0F);
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    // A comparison with what is not a number is false, so that it never becomes the largest.
    const Batch magnitude = xsimd::abs(Batch::load_unaligned(values + i));
    largest = xsimd::select(magnitude > largest, magnitude, largest);
  }
  float lanes[kLanes];
  largest.store_unaligned(lanes);
  float result = 0;
  for (const float lane : lanes) {
    result = lane > result ? lane : result;
  }
  for (; i < count; ++i) {
    const float magnitude = values[i] < 0 ? -values[i] : values[i];
    result = magnitude > result ? magnitude : result;
  }
  return result;
}

// One register of quantised values.
inline void quantize_batch(const Batch& values, float factor, std::int32_t* out) {
  const Batch lowest(-127.0F);
  const Batch highest(127.0F);
  Batch scaled = values * Batch(factor);
  scaled = xsimd::select(scaled > lowest, scaled, lowest);
  scaled = xsimd::select(scaled < highest, scaled, highest);
  xsimd::nearbyint_as_int(scaled).store_unaligned(out);
}

std::int32_t quantize_s8(const float* values, float factor, std::size_t count, std::int8_t* out) {
  std::int32_t sum = 0;
  std::int32_t rounded[kLanes];
  for (std::size_t i = 0; i < count; i += kLanes) {
    const std::size_t used = count - i < kLanes ? count - i : kLanes;
    float lanes[kLanes] = {};
    std::memcpy(lanes, values + i, used * sizeof(float));
    quantize_batch(Batch::load_unaligned(lanes), factor, rounded);
    for (std::size_t lane = 0; lane < used; ++lane) {
      out[i + lane] = static_cast<std::int8_t>(rounded[lane]);
      sum += rounded[lane];
    }
  }
  return sum;
}

constexpr Kernels kTable{
    .isa = Isa::kPortable,
    .name = "portable",
    .dot = dot,
    .l2_squared = l2_squared,
    .norm_squared = norm_squared,
    .dot_rows = dot_rows,
    .l2_squared_rows = l2_squared_rows,
    .sq8_rows = sq8_rows,
    .sq4_rows = sq4_rows,
    .pq_rows = portable::pq_rows,
    .sq8_dot = sq8_dot,
    .sq8_l2_squared = sq8_l2_squared,
    .sq4_dot = sq4_dot,
    .sq4_l2_squared = sq4_l2_squared,
    .hadamard = hadamard,
    .multiply = multiply,
    .max_abs = max_abs,
    .quantize_s8 = quantize_s8,
    .weighted_columns = portable::weighted_columns,
    .least = portable::least,
    .range = portable::range,
    .quantize_u8 = portable::quantize_u8,
};

}  // namespace

const Kernels* portable_table() {
  return &kTable;
}

}  // namespace vibrato::simd
