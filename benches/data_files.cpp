#include "data_files.hpp"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
#include <fstream>
#include <span>
#include <sstream>

#include "format/npy_header.hpp"
#include "format/vecs.hpp"

namespace vibrato::bench {
namespace {

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return io_error(fmt::format("{}: cannot be opened", path));
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (!in) return io_error(fmt::format("{}: cannot be read", path));
  return std::move(bytes).str();
}

std::size_t capped(std::uint64_t rows, std::size_t limit) {
  return static_cast<std::size_t>(limit != 0 ? std::min<std::uint64_t>(rows, limit) : rows);
}

// Decodes the rows of a vecs file into `out`, at most `limit` of them; returns how many.
template <typename Value>
Result<std::size_t> decode_vecs(std::span<const std::byte> bytes, const format::VecsShape& shape, std::size_t limit,
                                std::vector<Value>& out) {
  const std::size_t rows = capped(shape.rows, limit);
  out.resize(rows * shape.dim);
  for (std::size_t i = 0; i < rows; ++i) {
    VIBRATO_RETURN_IF_ERROR(format::decode_vecs_row(shape, bytes.subspan(shape.row_offset(i), shape.row_bytes()),
                                                    std::span<Value>(out.data() + i * shape.dim, shape.dim)));
  }
  return rows;
}

Result<Matrix> matrix_from_vecs(std::span<const std::byte> bytes, format::VecsKind kind, std::size_t limit) {
  VIBRATO_ASSIGN_OR_RETURN(const format::VecsShape shape, format::parse_vecs_shape(kind, bytes, bytes.size()));
  Matrix matrix{.rows = 0, .dim = shape.dim, .values = {}};
  VIBRATO_ASSIGN_OR_RETURN(matrix.rows, decode_vecs(bytes, shape, limit, matrix.values));
  return matrix;
}

Result<Matrix> matrix_from_npy(std::span<const std::byte> bytes, std::size_t limit) {
  VIBRATO_ASSIGN_OR_RETURN(const format::NpyHeader header, format::parse_npy_header(bytes, bytes.size()));
  Matrix matrix{.rows = capped(header.rows, limit), .dim = header.dim, .values = {}};
  matrix.values.resize(matrix.rows * matrix.dim);
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    const std::size_t at = header.data_offset + i * header.row_bytes();
    format::decode_npy_row(header, bytes.subspan(at, header.row_bytes()), matrix.row(i));
  }
  return matrix;
}

Result<Matrix> parse_matrix(const std::string& path, std::span<const std::byte> bytes, std::size_t limit) {
  if (path.ends_with(".fvecs")) return matrix_from_vecs(bytes, format::VecsKind::kFvecs, limit);
  if (path.ends_with(".bvecs")) return matrix_from_vecs(bytes, format::VecsKind::kBvecs, limit);
  if (path.ends_with(".npy")) return matrix_from_npy(bytes, limit);
  return invalid_argument("is neither .fvecs, .bvecs nor .npy");
}

Result<Truth> parse_truth(std::span<const std::byte> bytes, std::size_t limit) {
  VIBRATO_ASSIGN_OR_RETURN(const format::VecsShape shape,
                           format::parse_vecs_shape(format::VecsKind::kIvecs, bytes, bytes.size()));
  std::vector<std::int32_t> ids;
  Truth truth{.rows = 0, .width = shape.dim, .ids = {}, .right = {}};
  VIBRATO_ASSIGN_OR_RETURN(truth.rows, decode_vecs(bytes, shape, limit, ids));
  truth.ids.assign(ids.begin(), ids.end());
  return truth;
}

}  // namespace

Result<Matrix> load_matrix(const std::string& path, std::size_t limit) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string bytes, read_file(path));
  auto matrix = parse_matrix(path, std::as_bytes(std::span(bytes)), limit);
  if (!matrix.ok()) return matrix.status().with_context(path);
  return matrix;
}

Result<Truth> load_truth(const std::string& path, std::size_t limit) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string bytes, read_file(path));
  auto truth = parse_truth(std::as_bytes(std::span(bytes)), limit);
  if (!truth.ok()) return truth.status().with_context(path);
  return truth;
}

}  // namespace vibrato::bench
