#include "data_files.hpp"

#include <bit>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

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

template <typename T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// IEEE 754 binary16: 1 sign bit, 5 exponent bits, 10 fraction bits.
float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fU;
  const std::uint32_t fraction = half & 0x3ffU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000U | (fraction << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

// The shared shape of fvecs, bvecs and ivecs: rows of an i32 count and then that many values.
struct VecsLayout {
  std::size_t rows = 0;
  std::size_t dim = 0;
  std::size_t row_bytes = 0;
};

Result<VecsLayout> vecs_layout(const std::string& path, const std::string& bytes, std::size_t value_bytes) {
  if (bytes.size() < 4) return invalid_argument(fmt::format("{}: is empty", path));
  const auto dim = load<std::int32_t>(bytes.data());
  if (dim < 1 || dim > (1 << 20)) return invalid_argument(fmt::format("{}: row 0 has {} values", path, dim));
  VecsLayout layout{.dim = static_cast<std::size_t>(dim)};
  layout.row_bytes = 4 + layout.dim * value_bytes;
  if (bytes.size() % layout.row_bytes != 0) {
    return invalid_argument(fmt::format("{}: {} bytes are no whole number of rows", path, bytes.size()));
  }
  layout.rows = bytes.size() / layout.row_bytes;
  for (std::size_t i = 0; i < layout.rows; ++i) {
    const auto found = load<std::int32_t>(bytes.data() + i * layout.row_bytes);
    if (found != dim) return invalid_argument(fmt::format("{}: row {} has {} values, not {}", path, i, found, dim));
  }
  return layout;
}

std::size_t capped(std::size_t rows, std::size_t limit) {
  return limit != 0 && limit < rows ? limit : rows;
}

template <typename Stored, typename Out>
void copy_vecs(const std::string& bytes, const VecsLayout& layout, std::size_t rows, std::vector<Out>& out) {
  out.resize(rows * layout.dim);
  for (std::size_t i = 0; i < rows; ++i) {
    const char* at = bytes.data() + i * layout.row_bytes + 4;
    for (std::size_t j = 0; j < layout.dim; ++j) {
      out[i * layout.dim + j] = static_cast<Out>(load<Stored>(at + j * sizeof(Stored)));
    }
  }
}

template <typename Stored>
Result<Matrix> matrix_from_vecs(const std::string& path, const std::string& bytes, std::size_t limit) {
  VIBRATO_ASSIGN_OR_RETURN(const VecsLayout layout, vecs_layout(path, bytes, sizeof(Stored)));
  Matrix matrix{.rows = capped(layout.rows, limit), .dim = layout.dim, .values = {}};
  copy_vecs<Stored>(bytes, layout, matrix.rows, matrix.values);
  return matrix;
}

// The text between `before` and `after` in an npy header, a Python dict literal.
std::optional<std::string_view> between(std::string_view text, std::string_view before, std::string_view after) {
  const auto begin = text.find(before);
  if (begin == std::string_view::npos) return std::nullopt;
  const auto end = text.find(after, begin + before.size());
  if (end == std::string_view::npos) return std::nullopt;
  return text.substr(begin + before.size(), end - begin - before.size());
}

struct NpyHeader {
  std::string descr;
  std::size_t rows = 0;
  std::size_t dim = 0;
  std::size_t data_offset = 0;
};

Result<NpyHeader> npy_header(const std::string& path, std::string_view bytes) {
  const auto bad = [&](std::string_view why) { return invalid_argument(fmt::format("{}: {}", path, why)); };
  if (bytes.size() < 12 || bytes.substr(0, 6) != std::string_view("\x93NUMPY", 6)) return bad("is no npy file");
  const bool wide = bytes[6] >= 2;
  const std::size_t header_at = wide ? 12 : 10;
  const std::size_t length = wide ? load<std::uint32_t>(bytes.data() + 8) : load<std::uint16_t>(bytes.data() + 8);
  if (length > bytes.size() - header_at) return bad("ends within its header");
  const std::string_view text = bytes.substr(header_at, length);
  const auto descr = between(text, "'descr': '", "'");
  const auto shape = between(text, "'shape': (", ")");
  if (!descr || !shape) return bad("has a header without descr and shape");
  if (text.find("'fortran_order': False") == std::string_view::npos) return bad("is not in C order");
  NpyHeader header{.descr = std::string(*descr), .data_offset = header_at + length};
  const auto comma = shape->find(',');
  if (comma == std::string_view::npos) return bad("has not two dimensions");
  const auto first_digit = shape->find_first_of("0123456789", comma);
  if (first_digit == std::string_view::npos) return bad("has not two dimensions");
  std::from_chars(shape->data(), shape->data() + comma, header.rows);
  std::from_chars(shape->data() + first_digit, shape->data() + shape->size(), header.dim);
  if (header.rows == 0 || header.dim == 0) return bad("holds nothing");
  return header;
}

Result<Matrix> matrix_from_npy(const std::string& path, const std::string& bytes, std::size_t limit) {
  VIBRATO_ASSIGN_OR_RETURN(const NpyHeader header, npy_header(path, bytes));
  const std::size_t width = header.descr == "<f2" ? 2 : header.descr == "<f4" ? 4 : header.descr == "<f8" ? 8 : 0;
  if (width == 0) return invalid_argument(fmt::format("{}: values of type {} are not read", path, header.descr));
  if ((bytes.size() - header.data_offset) / width / header.dim < header.rows) {
    return invalid_argument(fmt::format("{}: ends before its {} rows", path, header.rows));
  }
  Matrix matrix{.rows = capped(header.rows, limit), .dim = header.dim, .values = {}};
  matrix.values.resize(matrix.rows * matrix.dim);
  const char* at = bytes.data() + header.data_offset;
  for (std::size_t i = 0; i < matrix.values.size(); ++i, at += width) {
    matrix.values[i] = width == 2   ? half_to_float(load<std::uint16_t>(at))
                       : width == 4 ? load<float>(at)
                                    : static_cast<float>(load<double>(at));
  }
  return matrix;
}

}  // namespace

Result<Matrix> load_matrix(const std::string& path, std::size_t limit) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string bytes, read_file(path));
  if (path.ends_with(".fvecs")) return matrix_from_vecs<float>(path, bytes, limit);
  if (path.ends_with(".bvecs")) return matrix_from_vecs<std::uint8_t>(path, bytes, limit);
  if (path.ends_with(".npy")) return matrix_from_npy(path, bytes, limit);
  return invalid_argument(fmt::format("{}: is neither .fvecs, .bvecs nor .npy", path));
}

Result<Truth> load_truth(const std::string& path, std::size_t limit) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string bytes, read_file(path));
  if (!path.ends_with(".ivecs")) return invalid_argument(fmt::format("{}: truth is read from .ivecs files", path));
  VIBRATO_ASSIGN_OR_RETURN(const VecsLayout layout, vecs_layout(path, bytes, 4));
  Truth truth{.rows = capped(layout.rows, limit), .width = layout.dim, .ids = {}};
  copy_vecs<std::int32_t>(bytes, layout, truth.rows, truth.ids);
  return truth;
}

}  // namespace vibrato::bench
