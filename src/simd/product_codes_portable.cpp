// Product codes on the baseline of any architecture.
//
// Rows are scored with one plain load a byte. Gathers were measured and lose: on Zen 5 a row of 32 bytes takes 8 ns
// this way and 17 ns by 512-bit gathers, one of 64 bytes 14 and 27.
#include <bit>
#include <cstring>
#include <limits>
#include <xsimd/xsimd.hpp>

#include "simd/product_codes.hpp"

namespace vibrato::simd::portable {
namespace {

using Batch = xsimd::batch<float>;

constexpr std::size_t kLanes = Batch::size;
constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Eight bytes of a row by eight tables. The order of bytes in the word does not matter to the sum, but their tables do.
inline std::int32_t sum_of_word(const std::uint8_t* tables, const std::byte* row) {
  std::uint64_t word = 0;
  std::memcpy(&word, row, kWord);
  std::int32_t even = 0;
  std::int32_t odd = 0;
#pragma GCC unroll 4
  for (std::size_t s = 0; s < kWord; s += 2) {
    const std::size_t first = std::endian::native == std::endian::little ? 8 * s : 56 - 8 * s;
    const std::size_t second = std::endian::native == std::endian::little ? 8 * s + 8 : 48 - 8 * s;
    even += tables[s * kProductEntries + (word >> first & 0xFF)];
    odd += tables[(s + 1) * kProductEntries + (word >> second & 0xFF)];
  }
  return even + odd;
}

inline std::int32_t sum_of_row(const std::uint8_t* tables, const std::byte* row, std::size_t bytes) {
  std::int32_t sum = 0;
  std::size_t s = 0;
  for (; s + kWord <= bytes; s += kWord) {
    sum += sum_of_word(tables + s * kProductEntries, row + s);
  }
  for (; s < bytes; ++s) {
    sum += tables[s * kProductEntries + std::to_integer<std::size_t>(row[s])];
  }
  return sum;
}

}  // namespace

void pq_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* row = rows.base + ids[i] * rows.stride_bytes;
    const std::int32_t sum = sum_of_row(query.tables, row, rows.code_bytes);
    out[i] = query.base + query.scale * static_cast<float>(sum);
  }
}

void weighted_columns(const float* weights, std::size_t width, const float* columns, std::size_t stride,
                      const float* start, std::size_t count, float* out) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Batch sum = Batch::load_unaligned(start + i);
    for (std::size_t j = 0; j < width; ++j) {
      sum = xsimd::fma(Batch(weights[j]), Batch::load_unaligned(columns + j * stride + i), sum);
    }
    sum.store_unaligned(out + i);
  }
  for (; i < count; ++i) {
    float sum = start[i];
    for (std::size_t j = 0; j < width; ++j) {
      sum += weights[j] * columns[j * stride + i];
    }
    out[i] = sum;
  }
}

std::size_t least(const float* values, std::size_t count) {
  const float low = range(values, count).low;
  for (std::size_t i = 0; i < count; ++i) {
    if (values[i] == low) {
      return i;
    }
  }
  return 0;
}

Range range(const float* values, std::size_t count) {
  constexpr std::size_t kWide = 8;
  float low[kWide];
  float high[kWide];
  for (std::size_t lane = 0; lane < kWide; ++lane) {
    low[lane] = kInfinity;
    high[lane] = -kInfinity;
  }
  std::size_t i = 0;
  for (; i + kWide <= count; i += kWide) {
    for (std::size_t lane = 0; lane < kWide; ++lane) {
      const float value = values[i + lane];
      low[lane] = value < low[lane] ? value : low[lane];
      high[lane] = value > high[lane] ? value : high[lane];
    }
  }
  for (; i < count; ++i) {
    low[0] = values[i] < low[0] ? values[i] : low[0];
    high[0] = values[i] > high[0] ? values[i] : high[0];
  }
  Range found{low[0], high[0]};
  for (std::size_t lane = 1; lane < kWide; ++lane) {
    found.low = low[lane] < found.low ? low[lane] : found.low;
    found.high = high[lane] > found.high ? high[lane] : found.high;
  }
  return found;
}

void quantize_u8(const float* values, float low, float factor, std::size_t count, std::uint8_t* out) {
  // Adding 1.5 * 2^23 leaves a small number rounded to the nearest integer, ties to even, in the low bits.
  constexpr float kRound = 12582912.0F;
  for (std::size_t i = 0; i < count; ++i) {
    float value = (values[i] - low) * factor;
    value = value > 0.0F ? value : 0.0F;
    value = value < 255.0F ? value : 255.0F;
    out[i] = static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(value + kRound) & 0xFFU);
  }
}

}  // namespace vibrato::simd::portable
