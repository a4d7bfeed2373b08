#if defined(__x86_64__)
#include <immintrin.h>

#include "simd/sorted_insert.hpp"

namespace vibrato::simd {

std::size_t sorted_insert_avx2(std::uint64_t* keys, std::size_t size, std::uint64_t key) {
  // AVX2 compares signed numbers only: flipping the top bit of both sides keeps the unsigned order.
  const __m256i flip = _mm256_set1_epi64x(static_cast<long long>(0x8000000000000000ULL));
  const __m256i wanted = _mm256_xor_si256(_mm256_set1_epi64x(static_cast<long long>(key)), flip);
  std::size_t end = size;
  while (end >= 4) {
    const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(keys + end - 4));
    const __m256i greater = _mm256_cmpgt_epi64(_mm256_xor_si256(block, flip), wanted);
    const auto mask = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(greater)));
    _mm256_maskstore_epi64(reinterpret_cast<long long*>(keys + end - 3), greater, block);
    if (mask != 0xf) {
      const std::size_t at = end - static_cast<unsigned>(__builtin_popcount(mask));
      keys[at] = key;
      return at;
    }
    end -= 4;
  }
  while (end > 0 && keys[end - 1] > key) {
    keys[end] = keys[end - 1];
    --end;
  }
  keys[end] = key;
  return end;
}

}  // namespace vibrato::simd
#endif
