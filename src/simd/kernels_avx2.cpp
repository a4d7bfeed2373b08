#include "simd/tables.hpp"

namespace vibrato::simd {

const Kernels* avx2_table() {
  return nullptr;
}

}  // namespace vibrato::simd
