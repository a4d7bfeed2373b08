// The kernels that make and use product codes, which live in files apart from the others. For the kernel tables only;
// what each does is in kernels.hpp.
#pragma once

#include "simd/kernels.hpp"

namespace vibrato::simd {

namespace portable {

void pq_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out);
void weighted_columns(const float* weights, std::size_t width, const float* columns, std::size_t stride,
                      const float* start, std::size_t count, float* out);
std::size_t least(const float* values, std::size_t count);
Range range(const float* values, std::size_t count);
void quantize_u8(const float* values, float low, float factor, std::size_t count, std::uint8_t* out);

}  // namespace portable

// Rows are scored by the portable kernel: see product_codes_portable.cpp.
namespace avx2 {

void weighted_columns(const float* weights, std::size_t width, const float* columns, std::size_t stride,
                      const float* start, std::size_t count, float* out);
std::size_t least(const float* values, std::size_t count);
Range range(const float* values, std::size_t count);
void quantize_u8(const float* values, float low, float factor, std::size_t count, std::uint8_t* out);

}  // namespace avx2

// Rows: with VBMI only (product_rows_avx512vbmi.cpp); CPUs without it take the portable kernel.
namespace avx512 {

void pq_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out);
void weighted_columns(const float* weights, std::size_t width, const float* columns, std::size_t stride,
                      const float* start, std::size_t count, float* out);
std::size_t least(const float* values, std::size_t count);
Range range(const float* values, std::size_t count);
void quantize_u8(const float* values, float low, float factor, std::size_t count, std::uint8_t* out);

}  // namespace avx512

// Rows are scored by the portable kernel: see product_codes_portable.cpp.
namespace neon {

void weighted_columns(const float* weights, std::size_t width, const float* columns, std::size_t stride,
                      const float* start, std::size_t count, float* out);
std::size_t least(const float* values, std::size_t count);
Range range(const float* values, std::size_t count);
void quantize_u8(const float* values, float low, float factor, std::size_t count, std::uint8_t* out);

}  // namespace neon

}  // namespace vibrato::simd
