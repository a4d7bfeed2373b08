// The code row kernels of NEON on CPUs with the dot product instruction (Armv8.2 ASIMDDP).
#if defined(__aarch64__)

#include "simd/codes_neon.hpp"

namespace vibrato::simd::neon_dotprod {
namespace {

struct DotProductStep {
  static int32x4_t add(int32x4_t sum, int8x16_t a, int8x16_t b) { return vdotq_s32(sum, a, b); }
};

}  // namespace

void sq8_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  NeonCodes<DotProductStep>::sq8_rows(query, rows, ids, count, out);
}

void sq4_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  NeonCodes<DotProductStep>::sq4_rows(query, rows, ids, count, out);
}

}  // namespace vibrato::simd::neon_dotprod

#endif
