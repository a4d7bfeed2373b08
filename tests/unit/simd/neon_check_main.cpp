// The oracle checks as a bare program, for scripts/neon_check.sh: aarch64, under an emulator, without a test framework.
// Exits 0 if every instruction set that the (emulated) CPU runs agrees with the scalar kernels.
#include <cstdio>
#include <string>

#include "unit/simd/oracle_check.hpp"

int main() {
  using namespace vibrato::simd;
  using Check = Differences (*)(const Kernels&);
  constexpr Check kChecks[] = {check_float_kernels,
                               check_float_row_kernels,
                               check_code_row_kernels,
                               check_product_row_kernels,
                               check_product_table_kernels,
                               check_bare_code_kernels,
                               check_transform_kernels,
                               check_extremes,
                               check_float_edges};
  std::size_t failures = 0;
  for (const Isa isa : {Isa::kScalar, Isa::kPortable, Isa::kAvx2, Isa::kAvx512, Isa::kNeon}) {
    const Kernels* table = kernels_for(isa);
    if (table == nullptr) {
      continue;
    }
    for (const Check check : kChecks) {
      for (const std::string& difference : check(*table)) {
        std::printf("%s: %s\n", table->name.data(), difference.c_str());
        ++failures;
      }
    }
    std::printf("%s: checked\n", table->name.data());
  }
  if (kernels().isa != Isa::kNeon) {
    std::printf("the chosen set is %s, want neon\n", kernels().name.data());
    ++failures;
  }
  return failures == 0 ? 0 : 1;
}
