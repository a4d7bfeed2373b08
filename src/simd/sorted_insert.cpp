#include "simd/sorted_insert.hpp"

#include <algorithm>
#include <cstring>

namespace vibrato::simd {
namespace {

std::size_t sorted_insert_scalar(std::uint64_t* keys, std::size_t size, std::uint64_t key) {
  const auto at = static_cast<std::size_t>(std::upper_bound(keys, keys + size, key) - keys);
  std::memmove(keys + at + 1, keys + at, (size - at) * sizeof(std::uint64_t));
  keys[at] = key;
  return at;
}

}  // namespace

SortedInsert sorted_insert_for(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return sorted_insert_avx512;
  if (isa == Isa::kAvx2) return sorted_insert_avx2;
#endif
  static_cast<void>(isa);
  return sorted_insert_scalar;
}

}  // namespace vibrato::simd
