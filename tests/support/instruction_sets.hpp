// The kernel tables that this machine runs, for tests that hold on each of them.
#pragma once

#include <vector>

#include "simd/kernels.hpp"

namespace vibrato::test {

// The instruction sets of this build that this CPU runs.
inline std::vector<simd::Isa> available_isas() {
  using simd::Isa;
  std::vector<Isa> sets;
  for (const Isa isa : {Isa::kScalar, Isa::kPortable, Isa::kAvx2, Isa::kAvx512, Isa::kNeon}) {
    if (simd::kernels_for(isa) != nullptr) {
      sets.push_back(isa);
    }
  }
  return sets;
}

inline std::vector<const simd::Kernels*> available_kernels() {
  std::vector<const simd::Kernels*> tables;
  for (const simd::Isa isa : available_isas()) {
    tables.push_back(simd::kernels_for(isa));
  }
  return tables;
}

}  // namespace vibrato::test
