#include "format/vecs.hpp"

#include <bit>
#include <cstring>
#include <string>
#include <vibrato/check.hpp>

#include "base/limits.hpp"

namespace vibrato::format {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are decoded by copying their bytes");

std::int32_t row_length(std::span<const std::byte> row) {
  std::int32_t length = 0;
  std::memcpy(&length, row.data(), sizeof(length));
  return length;
}

Status check_row_length(const VecsShape& shape, std::span<const std::byte> row) {
  VIBRATO_CHECK(row.size() == shape.row_bytes());
  const std::int32_t length = row_length(row);
  if (length >= 0 && static_cast<std::uint32_t>(length) == shape.dim) return ok_status();
  return invalid_argument("the row says it has " + std::to_string(length) + " numbers, the first row has " +
                          std::to_string(shape.dim));
}

}  // namespace

Result<VecsShape> parse_vecs_shape(VecsKind kind, std::span<const std::byte> prefix, std::uint64_t file_bytes) {
  if (file_bytes == 0) return invalid_argument("the file is empty");
  if (prefix.size() < kVecsRowHeaderBytes || file_bytes < kVecsRowHeaderBytes) {
    return invalid_argument("the file ends inside the length of its first row");
  }
  const std::int32_t length = row_length(prefix);
  if (length < 1 || static_cast<std::uint32_t>(length) > limits::kDimMax) {
    return invalid_argument("the first row says it has " + std::to_string(length) + " numbers; a row has 1 to " +
                            std::to_string(limits::kDimMax));
  }
  VecsShape shape{kind, static_cast<std::uint32_t>(length), 0};
  shape.rows = file_bytes / shape.row_bytes();
  if (const std::uint64_t rest = file_bytes % shape.row_bytes(); rest != 0) {
    return invalid_argument("the file's " + std::to_string(file_bytes) + " bytes are not a whole number of rows of " +
                            std::to_string(shape.row_bytes()) + " bytes (dim " + std::to_string(shape.dim) +
                            "): " + std::to_string(rest) + " bytes are left over");
  }
  return shape;
}

Status decode_vecs_row(const VecsShape& shape, std::span<const std::byte> row, std::span<float> out) {
  VIBRATO_CHECK(shape.kind != VecsKind::kIvecs && out.size() == shape.dim);
  VIBRATO_RETURN_IF_ERROR(check_row_length(shape, row));
  const std::span<const std::byte> values = row.subspan(kVecsRowHeaderBytes);
  if (shape.kind == VecsKind::kFvecs) {
    std::memcpy(out.data(), values.data(), values.size());
    return ok_status();
  }
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::to_integer<std::uint8_t>(values[i]);
  return ok_status();
}

Status decode_vecs_row(const VecsShape& shape, std::span<const std::byte> row, std::span<std::int32_t> out) {
  VIBRATO_CHECK(shape.kind == VecsKind::kIvecs && out.size() == shape.dim);
  VIBRATO_RETURN_IF_ERROR(check_row_length(shape, row));
  std::memcpy(out.data(), row.data() + kVecsRowHeaderBytes, row.size() - kVecsRowHeaderBytes);
  return ok_status();
}

}  // namespace vibrato::format
