// What bits.hpp does where the CPU has more than the baseline. For bits.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vibrato::simd::avx512 {

// As in vibrato::simd. Requires: AVX-512 F, BW, VBMI2 and VPOPCNTDQ.
[[nodiscard]] std::uint64_t count_bits(std::span<const std::uint64_t> words);
std::size_t list_bits(std::span<const std::uint64_t> words, std::uint32_t first, std::uint32_t* out);

}  // namespace vibrato::simd::avx512
