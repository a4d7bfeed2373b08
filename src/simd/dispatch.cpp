// Chooses the kernel table: the best one that this build has and this CPU (and its system) runs.
//
// Compiled for the baseline, so that it is safe to run on any CPU of the architecture.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "simd/tables.hpp"

namespace vibrato::simd {
namespace {

constexpr std::array<std::pair<std::string_view, Isa>, 5> kNames{{{"scalar", Isa::kScalar},
                                                                  {"portable", Isa::kPortable},
                                                                  {"avx2", Isa::kAvx2},
                                                                  {"avx512", Isa::kAvx512},
                                                                  {"neon", Isa::kNeon}}};

constexpr std::array<Isa, 5> kBestFirst{Isa::kAvx512, Isa::kAvx2, Isa::kNeon, Isa::kPortable, Isa::kScalar};

// __builtin_cpu_supports also asks whether the operating system saves the wide registers.
bool cpu_has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#else
  return false;
#endif
}

bool cpu_has_avx512() {
#if defined(__x86_64__)
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512vnni") != 0;
#else
  return false;
#endif
}

const Kernels& choose() {
  if (const char* forced = std::getenv("VIBRATO_SIMD"); forced != nullptr && *forced != '\0') {
    const std::optional<Isa> isa = parse_isa(forced);
    const Kernels* table = isa ? kernels_for(*isa) : nullptr;
    if (table != nullptr) {
      return *table;
    }
    std::fprintf(stderr, "vibratod: VIBRATO_SIMD=%s is %s, using the best set\n", forced,
                 isa ? "not available here" : "not a known instruction set");
  }
  for (const Isa isa : kBestFirst) {
    if (const Kernels* table = kernels_for(isa)) {
      return *table;
    }
  }
  return *scalar_table();
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

const Kernels* kernels_for(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return scalar_table();
    case Isa::kPortable:
      return portable_table();
    case Isa::kAvx2:
      return cpu_has_avx2() ? avx2_table() : nullptr;
    case Isa::kAvx512:
      return cpu_has_avx512() ? avx512_table() : nullptr;
    case Isa::kNeon:
      return neon_table();
  }
  return nullptr;
}

std::optional<Isa> parse_isa(std::string_view name) {
  for (const auto& [word, isa] : kNames) {
    if (word == name) {
      return isa;
    }
  }
  return std::nullopt;
}

}  // namespace vibrato::simd
