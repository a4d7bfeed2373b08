// The kernel table of each instruction set, for the choice in dispatch.cpp only.
//
// A function returns nullptr if this build lacks the set (another architecture). Whether the CPU has it is the caller's
// question: calling through a table that the CPU lacks is an illegal instruction. The file of each set is compiled with
// flags of its own, so it keeps everything in an anonymous namespace and instantiates nothing that another file shares:
// the linker keeps one copy of an inline function, and it must not be the one with the wider instructions.
#pragma once

#include "simd/kernels.hpp"

namespace vibrato::simd {

[[nodiscard]] const Kernels* scalar_table();
[[nodiscard]] const Kernels* portable_table();
[[nodiscard]] const Kernels* avx2_table();
[[nodiscard]] const Kernels* avx512_table();
[[nodiscard]] const Kernels* neon_table();

}  // namespace vibrato::simd
