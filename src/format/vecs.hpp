// The row framing of .fvecs, .bvecs and .ivecs files: each row is its length as a little-endian int32, then that many
// floats, bytes or int32s. All rows of a file have one length, so a row's place follows from its number.
// Total: any bytes give a shape or a Status. A returned shape is consistent with the file's size.
// Source: http://corpus-texmex.irisa.fr/ (file formats)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vibrato/result.hpp>

namespace vibrato::format {

enum class VecsKind : std::uint8_t { kFvecs, kBvecs, kIvecs };

inline constexpr std::size_t kVecsRowHeaderBytes = 4;

struct VecsShape {
  VecsKind kind = VecsKind::kFvecs;
  std::uint32_t dim = 0;  // 1 to limits::kDimMax.
  std::uint64_t rows = 0;

  // Header included.
  [[nodiscard]] std::size_t row_bytes() const {
    return kVecsRowHeaderBytes + std::size_t{dim} * (kind == VecsKind::kBvecs ? 1 : 4);
  }
  [[nodiscard]] std::uint64_t row_offset(std::uint64_t row) const { return row * row_bytes(); }
};

// `prefix` holds the first min(file_bytes, kVecsRowHeaderBytes) bytes of the file, or more. An empty file has no shape.
// Errors: kInvalidArgument (empty, dim out of range, the size is no whole number of rows).
[[nodiscard]] Result<VecsShape> parse_vecs_shape(VecsKind kind, std::span<const std::byte> prefix,
                                                 std::uint64_t file_bytes);

// Decodes one row, its header included, of an fvecs or bvecs file into floats (bytes as 0 to 255).
// Errors: kInvalidArgument if the row's own length is not shape.dim.
// Requires: row.size() == shape.row_bytes(), out.size() == shape.dim, kind is not kIvecs.
[[nodiscard]] Status decode_vecs_row(const VecsShape& shape, std::span<const std::byte> row, std::span<float> out);

// The same for an ivecs file. Requires: kind is kIvecs.
[[nodiscard]] Status decode_vecs_row(const VecsShape& shape, std::span<const std::byte> row,
                                     std::span<std::int32_t> out);

}  // namespace vibrato::format
