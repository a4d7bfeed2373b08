// Distances on 8- and 4-bit codes with AVX-512 VNNI.
#if defined(__x86_64__)

#include "simd/codes_avx512.hpp"

#include <cstring>
#include <immintrin.h>

namespace vibrato::simd::avx512 {
namespace {

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kGroup = 4;

inline __mmask64 first_bytes(std::size_t count) {
  return ~__mmask64{0} >> (kBlockBytes - count);
}

inline __m512i low_nibbles(__m512i codes) {
  return _mm512_and_si512(codes, _mm512_set1_epi8(15));
}

inline __m512i high_nibbles(__m512i codes) {
  return _mm512_and_si512(_mm512_srli_epi16(codes, 4), _mm512_set1_epi8(15));
}

// How one block of codes meets the query: kVectors registers of query values a block, and one step of the sum.
struct EightBit {
  static constexpr std::size_t kVectors = 1;

  static void load_query(const std::int8_t* values, __mmask64 mask, std::size_t /*width*/, __m512i* query) {
    query[0] = _mm512_maskz_loadu_epi8(mask, values);
  }
  static __m512i add_block(__m512i sum, __m512i codes, const __m512i* query) {
    return _mm512_dpbusd_epi32(sum, codes, query[0]);
  }
};

struct FourBit {
  static constexpr std::size_t kVectors = 2;

  static void load_query(const std::int8_t* values, __mmask64 mask, std::size_t width, __m512i* query) {
    query[0] = _mm512_maskz_loadu_epi8(mask, values);
    query[1] = _mm512_maskz_loadu_epi8(mask, values + width);
  }
  static __m512i add_block(__m512i sum, __m512i codes, const __m512i* query) {
    sum = _mm512_dpbusd_epi32(sum, low_nibbles(codes), query[0]);
    return _mm512_dpbusd_epi32(sum, high_nibbles(codes), query[1]);
  }
};

// The sums of four accumulators, in order: transposing adds half as often as four separate reductions.
inline __m128i sum_of_each(const __m512i* sums) {
  const __m512i first =
      _mm512_add_epi32(_mm512_unpacklo_epi32(sums[0], sums[1]), _mm512_unpackhi_epi32(sums[0], sums[1]));
  const __m512i second =
      _mm512_add_epi32(_mm512_unpacklo_epi32(sums[2], sums[3]), _mm512_unpackhi_epi32(sums[2], sums[3]));
  const __m512i lanes = _mm512_add_epi32(_mm512_unpacklo_epi64(first, second), _mm512_unpackhi_epi64(first, second));
  const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(lanes), _mm512_extracti64x4_epi64(lanes, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

inline long long load_tail(const std::byte* tail) {
  long long bits = 0;
  std::memcpy(&bits, tail, sizeof(bits));
  return bits;
}

// The distances of four rows from their integer sums, in the scalar kernel's order of operations.
inline __m128 distances_of(const CodeQuery& query, const std::byte* const* rows, std::size_t code_bytes, __m128i sums) {
  const __m128 tail01 =
      _mm_castsi128_ps(_mm_set_epi64x(load_tail(rows[1] + code_bytes), load_tail(rows[0] + code_bytes)));
  const __m128 tail23 =
      _mm_castsi128_ps(_mm_set_epi64x(load_tail(rows[3] + code_bytes), load_tail(rows[2] + code_bytes)));
  const __m128 offset = _mm_shuffle_ps(tail01, tail23, _MM_SHUFFLE(2, 0, 2, 0));
  const __m128 scale = _mm_shuffle_ps(tail01, tail23, _MM_SHUFFLE(3, 1, 3, 1));
  const __m128 product =
      _mm_add_ps(_mm_mul_ps(_mm_set1_ps(query.scale), _mm_cvtepi32_ps(sums)), _mm_set1_ps(query.bias));
  return _mm_add_ps(_mm_add_ps(_mm_set1_ps(query.base), offset), _mm_mul_ps(scale, product));
}

// Scores the rows of ids in groups of four; the last group repeats its last row and stores only what was asked.
template <typename SumRows>
inline void score_groups(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count,
                         float* out, const SumRows& sum_rows) {
  const std::byte* row[kGroup];
  __m512i sums[kGroup];
  std::size_t i = 0;
  for (; i + kGroup <= count; i += kGroup) {
    for (std::size_t r = 0; r < kGroup; ++r) {
      row[r] = rows.base + ids[i + r] * rows.stride_bytes;
    }
    sum_rows(row, sums);
    _mm_storeu_ps(out + i, distances_of(query, row, rows.code_bytes, sum_of_each(sums)));
  }
  if (i < count) {
    for (std::size_t r = 0; r < kGroup; ++r) {
      row[r] = rows.base + ids[i + r < count ? i + r : count - 1] * rows.stride_bytes;
    }
    sum_rows(row, sums);
    const auto mask = static_cast<__mmask8>((1U << (count - i)) - 1U);
    _mm_mask_storeu_ps(out + i, mask, distances_of(query, row, rows.code_bytes, sum_of_each(sums)));
  }
}

// code_bytes == 64 * kBlocks: the query stays in registers for the whole call.
template <typename Code, std::size_t kBlocks>
void score_blocks(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count,
                  float* out) {
  __m512i values[kBlocks * Code::kVectors];
  for (std::size_t b = 0; b < kBlocks; ++b) {
    Code::load_query(query.values + b * kBlockBytes * Code::kVectors, first_bytes(kBlockBytes), kBlockBytes,
                     values + b * Code::kVectors);
  }
  score_groups(query, rows, ids, count, out, [&values](const std::byte* const* row, __m512i* sums) {
    for (std::size_t r = 0; r < kGroup; ++r) {
      sums[r] = _mm512_setzero_si512();
      for (std::size_t b = 0; b < kBlocks; ++b) {
        sums[r] = Code::add_block(sums[r], _mm512_loadu_si512(row[r] + b * kBlockBytes), values + b * Code::kVectors);
      }
    }
  });
}

// Any number of blocks, the last of them perhaps narrower.
template <typename Code>
void score_any(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  const std::size_t code_bytes = rows.code_bytes;
  score_groups(query, rows, ids, count, out, [&query, code_bytes](const std::byte* const* row, __m512i* sums) {
    for (std::size_t r = 0; r < kGroup; ++r) {
      sums[r] = _mm512_setzero_si512();
    }
    for (std::size_t start = 0; start < code_bytes; start += kBlockBytes) {
      const std::size_t width = code_bytes - start < kBlockBytes ? code_bytes - start : kBlockBytes;
      const __mmask64 mask = first_bytes(width);
      __m512i values[Code::kVectors];
      Code::load_query(query.values + start * Code::kVectors, mask, width, values);
      for (std::size_t r = 0; r < kGroup; ++r) {
        sums[r] = Code::add_block(sums[r], _mm512_maskz_loadu_epi8(mask, row[r] + start), values);
      }
    }
  });
}

template <typename Code>
inline void score(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count,
                  float* out) {
  switch (rows.code_bytes) {
    case 1 * kBlockBytes:
      return score_blocks<Code, 1>(query, rows, ids, count, out);
    case 2 * kBlockBytes:
      return score_blocks<Code, 2>(query, rows, ids, count, out);
    case 3 * kBlockBytes:
      return score_blocks<Code, 3>(query, rows, ids, count, out);
    case 4 * kBlockBytes:
      return score_blocks<Code, 4>(query, rows, ids, count, out);
    case 6 * kBlockBytes:
      return score_blocks<Code, 6>(query, rows, ids, count, out);
    case 8 * kBlockBytes:
      return score_blocks<Code, 8>(query, rows, ids, count, out);
    default:
      return score_any<Code>(query, rows, ids, count, out);
  }
}

// Sums step(a block, b block) over two byte arrays of any length; bytes behind their end count as 0.
template <typename Step>
inline std::uint32_t sum_pairs(const std::uint8_t* a, const std::uint8_t* b, std::size_t count, const Step& step) {
  __m512i sum = _mm512_setzero_si512();
  std::size_t i = 0;
  for (; i + kBlockBytes <= count; i += kBlockBytes) {
    sum = step(sum, _mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
  }
  if (i < count) {
    const __mmask64 mask = first_bytes(count - i);
    sum = step(sum, _mm512_maskz_loadu_epi8(mask, a + i), _mm512_maskz_loadu_epi8(mask, b + i));
  }
  return static_cast<std::uint32_t>(_mm512_reduce_add_epi32(sum));
}

// Two unsigned bytes do not fit the mixed-sign byte product, so they are widened to 16 bits.
inline __m512i add_products(__m512i sum, __m512i a, __m512i b) {
  const __m512i zero = _mm512_setzero_si512();
  sum = _mm512_dpwssd_epi32(sum, _mm512_unpacklo_epi8(a, zero), _mm512_unpacklo_epi8(b, zero));
  return _mm512_dpwssd_epi32(sum, _mm512_unpackhi_epi8(a, zero), _mm512_unpackhi_epi8(b, zero));
}

inline __m512i absolute_difference(__m512i a, __m512i b) {
  return _mm512_or_si512(_mm512_subs_epu8(a, b), _mm512_subs_epu8(b, a));
}

}  // namespace

void sq8_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  score<EightBit>(query, rows, ids, count, out);
}

void sq4_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  score<FourBit>(query, rows, ids, count, out);
}

std::uint32_t sq8_dot(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim) {
  return sum_pairs(a, b, dim, add_products);
}

std::uint32_t sq8_l2_squared(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim) {
  return sum_pairs(a, b, dim, [](__m512i sum, __m512i x, __m512i y) {
    const __m512i difference = absolute_difference(x, y);
    return add_products(sum, difference, difference);
  });
}

std::uint32_t sq4_dot(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes) {
  return sum_pairs(a, b, code_bytes, [](__m512i sum, __m512i x, __m512i y) {
    sum = _mm512_dpbusd_epi32(sum, low_nibbles(x), low_nibbles(y));
    return _mm512_dpbusd_epi32(sum, high_nibbles(x), high_nibbles(y));
  });
}

std::uint32_t sq4_l2_squared(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes) {
  return sum_pairs(a, b, code_bytes, [](__m512i sum, __m512i x, __m512i y) {
    const __m512i low = absolute_difference(low_nibbles(x), low_nibbles(y));
    const __m512i high = absolute_difference(high_nibbles(x), high_nibbles(y));
    return _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sum, low, low), high, high);
  });
}

}  // namespace vibrato::simd::avx512

#endif
