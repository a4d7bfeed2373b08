// The header of NumPy's .npy files (versions 1, 2 and 3), as far as tables of vectors need it: two dimensions, C order,
// little-endian floats of 2, 4 or 8 bytes. Total: any bytes give a header or a Status, with work bounded by
// kNpyHeaderBytesMax. A returned header is consistent with the file's size, so `data_offset + rows * row_bytes()`
// neither overflows nor passes its end.
// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vibrato/result.hpp>

namespace vibrato::format {

// A longer header cannot belong to a plain table of floats; numpy itself refuses more than 10,000 by default.
inline constexpr std::size_t kNpyHeaderBytesMax = 64 * 1024;

enum class NpyType : std::uint8_t { kFloat16 = 2, kFloat32 = 4, kFloat64 = 8 };  // The value is the width in bytes.

struct NpyHeader {
  NpyType type = NpyType::kFloat32;
  std::uint64_t rows = 0;
  std::uint32_t dim = 0;          // 1 to limits::kDimMax.
  std::uint64_t data_offset = 0;  // Of the first row, from the start of the file.

  [[nodiscard]] std::size_t row_bytes() const { return std::size_t{dim} * static_cast<std::size_t>(type); }
};

// Of a file that is read while it arrives: whoever reads it counts its rows.
inline constexpr std::uint64_t kUnknownFileBytes = 0xffff'ffff'ffff'ffff;

// `prefix` holds the first min(file_bytes, kNpyHeaderBytesMax) bytes of the file, or more.
// Errors: kInvalidArgument with a message for the file's owner (not an .npy, unsupported type, Fortran order, not 2-D,
// dim out of range, file shorter or longer than its shape says).
[[nodiscard]] Result<NpyHeader> parse_npy_header(std::span<const std::byte> prefix, std::uint64_t file_bytes);

// Converts one row to floats; a double past the float range becomes an infinity, which the caller's check for finite
// numbers finds. Requires: row.size() == header.row_bytes(), out.size() == header.dim.
void decode_npy_row(const NpyHeader& header, std::span<const std::byte> row, std::span<float> out);

}  // namespace vibrato::format
