#include "simd/tables.hpp"

namespace vibrato::simd {

const Kernels* portable_table() {
  return nullptr;
}

}  // namespace vibrato::simd
