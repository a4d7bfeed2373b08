#if defined(__x86_64__)
#include <immintrin.h>

#include "simd/sorted_insert.hpp"

namespace vibrato::simd {

std::size_t sorted_insert_avx512(std::uint64_t* keys, std::size_t size, std::uint64_t key) {
  const __m512i wanted = _mm512_set1_epi64(static_cast<long long>(key));
  std::size_t end = size;
  while (end >= 8) {
    const __m512i block = _mm512_loadu_si512(keys + end - 8);
    const __mmask8 greater = _mm512_cmpgt_epu64_mask(block, wanted);
    _mm512_mask_storeu_epi64(keys + end - 7, greater, block);
    if (greater != 0xff) {
      const std::size_t at = end - static_cast<unsigned>(__builtin_popcount(greater));
      keys[at] = key;
      return at;
    }
    end -= 8;
  }
  const auto lanes = static_cast<__mmask8>((1U << end) - 1);
  const __m512i block = _mm512_maskz_loadu_epi64(lanes, keys);
  const __mmask8 greater = _mm512_mask_cmpgt_epu64_mask(lanes, block, wanted);
  _mm512_mask_storeu_epi64(keys + 1, greater, block);
  const std::size_t at = end - static_cast<unsigned>(__builtin_popcount(greater));
  keys[at] = key;
  return at;
}

}  // namespace vibrato::simd
#endif
