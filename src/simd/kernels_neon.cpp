#include "simd/tables.hpp"

namespace vibrato::simd {

const Kernels* neon_table() {
  return nullptr;
}

}  // namespace vibrato::simd
