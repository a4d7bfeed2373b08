// The code kernels of AVX2, which live in a file apart from the float ones. For kernels_avx2.cpp only.
#pragma once

#include "simd/kernels.hpp"

namespace vibrato::simd::avx2 {

void sq8_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out);
void sq4_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out);
std::uint32_t sq8_dot(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim);
std::uint32_t sq8_l2_squared(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim);
std::uint32_t sq4_dot(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes);
std::uint32_t sq4_l2_squared(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes);

}  // namespace vibrato::simd::avx2
