// How a row of scalar codes is laid out (product codes: product_quantizer.hpp): codes, then the numbers that turn an
// integer sum into a distance. The codes' order is in simd/kernels.hpp; the whole row is part of the file format
// (docs/formats/vdb.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vibrato::quant {

// The numbers are part of the file format.
enum class CodeKind : std::uint8_t { kNone = 0, kSq8 = 1, kSq4 = 2, kPq = 3 };

[[nodiscard]] constexpr std::string_view to_string(CodeKind kind) {
  switch (kind) {
    case CodeKind::kNone:
      return "none";
    case CodeKind::kSq8:
      return "sq8";
    case CodeKind::kSq4:
      return "sq4";
    case CodeKind::kPq:
      return "pq";
  }
  return "unknown";
}

// What stands behind the codes of a row.
struct CodeFactors {
  float offset = 0;  // Added to the distance: |x|^2 of the centred row (l2, cosine), -<centre, x> (dot).
  float scale = 0;   // Multiplies <codes, query>: -2f (l2, cosine), -f (dot).
  // Length of the coding error orthogonal to the row, under dot joined by what coding a query adds at |x|: see
  // ScalarQuantizer::distance_sigma.
  float error = 0;
  std::uint32_t code_sum = 0;  // Of the row's codes; makes a query of the row (ScalarQuantizer::prepare_from_row).
};
static_assert(sizeof(CodeFactors) == 16);

struct CodeLayout {
  CodeKind kind = CodeKind::kNone;
  std::uint32_t dim = 0;
  std::uint32_t code_bytes = 0;    // Multiple of 16.
  std::uint32_t padded_dim = 0;    // Dimensions that code_bytes hold; query values are as long.
  std::uint32_t stride_bytes = 0;  // code_bytes + sizeof(CodeFactors); a multiple of 16.

  // Requires: kind is kSq8 or kSq4, 1 <= dim <= limits::kDimMax.
  [[nodiscard]] static constexpr CodeLayout of(CodeKind kind, std::uint32_t dim) {
    CodeLayout layout;
    layout.kind = kind;
    layout.dim = dim;
    const std::uint32_t bytes = kind == CodeKind::kSq8 ? dim : full_blocks(dim) * kBlockBytes + (rest(dim) + 1) / 2;
    layout.code_bytes = (bytes + 15) / 16 * 16;
    layout.padded_dim = kind == CodeKind::kSq8 ? layout.code_bytes : 2 * layout.code_bytes;
    layout.stride_bytes = layout.code_bytes + static_cast<std::uint32_t>(sizeof(CodeFactors));
    return layout;
  }

  // 4-bit codes: the bytes of the block that starts at byte `block_begin` of a row.
  [[nodiscard]] constexpr std::uint32_t block_bytes(std::uint32_t block_begin) const {
    const std::uint32_t left = code_bytes - block_begin;
    return left < kBlockBytes ? left : kBlockBytes;
  }

  static constexpr std::uint32_t kBlockBytes = 64;

 private:
  [[nodiscard]] static constexpr std::uint32_t full_blocks(std::uint32_t dim) { return dim / (2 * kBlockBytes); }
  [[nodiscard]] static constexpr std::uint32_t rest(std::uint32_t dim) { return dim % (2 * kBlockBytes); }
};

}  // namespace vibrato::quant
