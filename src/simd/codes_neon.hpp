// The code kernels of NEON as templates over how 16 signed products are added up: kernels_neon.cpp instantiates them
// for every aarch64 CPU, codes_neon_dotprod.cpp for those with the dot product instruction.
//
// Everything here depends on the template parameter, a type of the including file's anonymous namespace, so that the
// two instantiations never share code.
#pragma once

#if defined(__aarch64__)

#include <arm_neon.h>

#include "simd/kernels.hpp"
#include "simd/row_groups.hpp"

namespace vibrato::simd {

// Step::add(sum, a, b) adds the products of 16 pairs of signed bytes to four 32-bit sums, exactly, as long as one of
// the factors is at least -127.
template <typename Step>
struct NeonCodes {
  static constexpr std::size_t kBlockBytes = 64;
  static constexpr std::size_t kVectorBytes = 16;

  static uint8x16_t load(const std::byte* codes) { return vld1q_u8(reinterpret_cast<const std::uint8_t*>(codes)); }

  // The distances of four rows, in the scalar kernel's order of operations.
  static float32x4_t distances_of(const CodeQuery& query, const std::byte* const* rows, std::size_t code_bytes,
                                  int32x4_t sums) {
    uint8x8_t tails[4];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      tails[r] = vld1_u8(reinterpret_cast<const std::uint8_t*>(rows[r] + code_bytes));
    }
    const float32x4_t tail01 = vreinterpretq_f32_u8(vcombine_u8(tails[0], tails[1]));
    const float32x4_t tail23 = vreinterpretq_f32_u8(vcombine_u8(tails[2], tails[3]));
    const float32x4_t offset = vuzp1q_f32(tail01, tail23);
    const float32x4_t scale = vuzp2q_f32(tail01, tail23);
    const float32x4_t product =
        vaddq_f32(vmulq_f32(vdupq_n_f32(query.scale), vcvtq_f32_s32(sums)), vdupq_n_f32(query.bias));
    return vaddq_f32(vaddq_f32(vdupq_n_f32(query.base), offset), vmulq_f32(scale, product));
  }

  // The sums of four accumulators, in order.
  static int32x4_t sum_of_each(const int32x4_t* sums) {
    return vpaddq_s32(vpaddq_s32(sums[0], sums[1]), vpaddq_s32(sums[2], sums[3]));
  }

  // An unsigned code is read as a signed byte 128 lower, which leaves 128 times the sum of the query's values to add.
  static void sq8_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count,
                       float* out) {
    const std::size_t code_bytes = rows.code_bytes;
    std::int32_t values_sum = 0;
    for (std::size_t i = 0; i < code_bytes; i += kVectorBytes) {
      values_sum += vaddlvq_s8(vld1q_s8(query.values + i));
    }
    const int32x4_t missing = vdupq_n_s32(128 * values_sum);
    const uint8x16_t flip = vdupq_n_u8(0x80);
    for_groups_of_four(rows.base, rows.stride_bytes, ids, count, out,
                       [&query, code_bytes, missing, flip](const std::byte* const* row, float* four) {
                         int32x4_t sums[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
                         for (std::size_t i = 0; i < code_bytes; i += kVectorBytes) {
                           const int8x16_t values = vld1q_s8(query.values + i);
#pragma GCC unroll 4
                           for (std::size_t r = 0; r < 4; ++r) {
                             const int8x16_t codes = vreinterpretq_s8_u8(veorq_u8(load(row[r] + i), flip));
                             sums[r] = Step::add(sums[r], codes, values);
                           }
                         }
                         vst1q_f32(four, distances_of(query, row, code_bytes, vaddq_s32(sum_of_each(sums), missing)));
                       });
  }

  // Adds one block of 4-bit codes, `width` bytes, of four rows.
  static void add_nibbles(const std::byte* const* row, std::size_t start, std::size_t width, const std::int8_t* values,
                          int32x4_t* sums) {
    for (std::size_t j = 0; j < width; j += kVectorBytes) {
      const int8x16_t low = vld1q_s8(values + j);
      const int8x16_t high = vld1q_s8(values + width + j);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < 4; ++r) {
        const uint8x16_t codes = load(row[r] + start + j);
        sums[r] = Step::add(sums[r], vreinterpretq_s8_u8(vandq_u8(codes, vdupq_n_u8(15))), low);
        sums[r] = Step::add(sums[r], vreinterpretq_s8_u8(vshrq_n_u8(codes, 4)), high);
      }
    }
  }

  static void sq4_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count,
                       float* out) {
    const std::size_t code_bytes = rows.code_bytes;
    for_groups_of_four(rows.base, rows.stride_bytes, ids, count, out,
                       [&query, code_bytes](const std::byte* const* row, float* four) {
                         int32x4_t sums[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
                         std::size_t start = 0;
                         for (; start + kBlockBytes <= code_bytes; start += kBlockBytes) {
                           add_nibbles(row, start, kBlockBytes, query.values + 2 * start, sums);
                         }
                         add_nibbles(row, start, code_bytes - start, query.values + 2 * start, sums);
                         vst1q_f32(four, distances_of(query, row, code_bytes, sum_of_each(sums)));
                       });
  }
};

namespace neon_dotprod {

// Requires: a CPU with the dot product instruction (ASIMDDP).
void sq8_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out);
void sq4_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out);

}  // namespace neon_dotprod
}  // namespace vibrato::simd

#endif
