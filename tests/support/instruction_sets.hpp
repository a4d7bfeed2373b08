// The kernel tables that this machine runs, for tests that hold on each of them.
#pragma once

#include <vector>

#include "simd/kernels.hpp"

namespace vibrato::test {

inline std::vector<const simd::Kernels*> available_kernels() {
  using simd::Isa;
  std::vector<const simd::Kernels*> tables;
  for (const Isa isa : {Isa::kScalar, Isa::kPortable, Isa::kAvx2, Isa::kAvx512, Isa::kNeon}) {
    if (const simd::Kernels* table = simd::kernels_for(isa)) {
      tables.push_back(table);
    }
  }
  return tables;
}

}  // namespace vibrato::test
