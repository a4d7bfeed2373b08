#include "format/npy_header.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "format/half.hpp"

namespace vibrato::format {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are decoded by copying their bytes");

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kShapeDimsMax = 32;  // As numpy.

struct Dictionary {
  std::optional<std::string_view> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::uint64_t>> shape;
};

Status malformed(std::string_view what) {
  return invalid_argument("not a valid .npy header: " + std::string(what));
}

// Reads the Python dictionary literal of a header: the three known keys in any order, each at most once.
class DictionaryParser {
 public:
  explicit DictionaryParser(std::string_view text) : rest_(text) {}

  Result<Dictionary> parse() {
    if (!take('{')) return malformed("it does not begin with '{'");
    Dictionary dictionary;
    while (!take('}')) {
      VIBRATO_RETURN_IF_ERROR(parse_entry(dictionary));
      if (take(',')) continue;
      if (!take('}')) return malformed("an entry is not followed by ',' or '}'");
      break;
    }
    skip_spaces();
    if (!rest_.empty()) return malformed("there is text behind the dictionary");
    if (!dictionary.descr || !dictionary.fortran_order || !dictionary.shape) {
      return malformed("descr, fortran_order or shape is missing");
    }
    return dictionary;
  }

 private:
  Status parse_entry(Dictionary& dictionary) {
    const std::optional<std::string_view> key = take_string();
    if (!key || !take(':')) return malformed("a key is not a string followed by ':'");
    if (*key == "descr" && !dictionary.descr) {
      dictionary.descr = take_string();
      if (!dictionary.descr) return malformed("descr is no plain type (structured arrays are not supported)");
      return ok_status();
    }
    if (*key == "fortran_order" && !dictionary.fortran_order) {
      dictionary.fortran_order = take_bool();
      return dictionary.fortran_order ? ok_status() : malformed("fortran_order is neither True nor False");
    }
    if (*key == "shape" && !dictionary.shape) {
      dictionary.shape = take_tuple();
      return dictionary.shape ? ok_status() : malformed("shape is not a tuple of numbers below 2^64");
    }
    return malformed("a key is unknown or comes twice");
  }

  void skip_spaces() {
    const std::size_t end = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
  }

  bool take(char wanted) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_word(std::string_view word) {
    skip_spaces();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  // A string in either kind of quotes; no supported value holds an escape, so a backslash is refused.
  std::optional<std::string_view> take_string() {
    skip_spaces();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest_.substr(1, end - 1);
    if (text.find('\\') != std::string_view::npos) return std::nullopt;
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::optional<bool> take_bool() {
    if (take_word("True")) return true;
    if (take_word("False")) return false;
    return std::nullopt;
  }

  std::optional<std::uint64_t> take_number() {
    skip_spaces();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc{}) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    if (!rest_.empty() && rest_.front() == 'L') rest_.remove_prefix(1);  // As Python 2 wrote its long integers.
    return number;
  }

  std::optional<std::vector<std::uint64_t>> take_tuple() {
    if (!take('(')) return std::nullopt;
    std::vector<std::uint64_t> numbers;
    while (!take(')')) {
      const std::optional<std::uint64_t> number = take_number();
      if (!number || numbers.size() == kShapeDimsMax) return std::nullopt;
      numbers.push_back(*number);
      if (take(',')) continue;
      if (!take(')')) return std::nullopt;
      break;
    }
    return numbers;
  }

  std::string_view rest_;
};

struct HeaderText {
  std::string_view text;
  std::uint64_t data_offset = 0;
};

Result<HeaderText> find_text(std::string_view prefix) {
  if (!prefix.starts_with(kMagic) || prefix.size() < kMagic.size() + 2) {
    return invalid_argument("not an .npy file: it does not begin with \\x93NUMPY");
  }
  const auto major = static_cast<unsigned char>(prefix[kMagic.size()]);
  if (major < 1 || major > 3) {
    return invalid_argument(".npy version " + std::to_string(major) + " is unknown; versions 1, 2 and 3 are supported");
  }
  const std::size_t length_offset = kMagic.size() + 2;
  const std::size_t length_width = major == 1 ? 2 : 4;
  if (prefix.size() < length_offset + length_width) return malformed("the file ends inside it");
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < length_width; ++i) {
    length |= std::uint64_t{static_cast<unsigned char>(prefix[length_offset + i])} << (8U * i);
  }
  const std::size_t text_offset = length_offset + length_width;
  if (length > kNpyHeaderBytesMax - text_offset) {
    return malformed("it is " + std::to_string(length) + " bytes long, past the limit of " +
                     std::to_string(kNpyHeaderBytesMax));
  }
  if (length > prefix.size() - text_offset) return malformed("the file ends inside it");
  return HeaderText{prefix.substr(text_offset, static_cast<std::size_t>(length)), text_offset + length};
}

// The type as a message may show it: what is not printable ASCII is replaced.
std::string printable(std::string_view text) {
  constexpr std::size_t kShownBytesMax = 32;
  std::string shown(text.substr(0, kShownBytesMax));
  for (char& c : shown) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return shown;
}

Result<NpyType> type_of(std::string_view descr) {
  if (descr == "<f2") return NpyType::kFloat16;
  if (descr == "<f4") return NpyType::kFloat32;
  if (descr == "<f8") return NpyType::kFloat64;
  return invalid_argument(
      "the array's type '" + printable(descr) +
      "' is not supported; save it as little-endian float16, float32 or float64 ('<f2', '<f4', '<f8')");
}

Status check_size(const NpyHeader& header, std::uint64_t file_bytes) {
  const std::uint64_t available = file_bytes - header.data_offset;
  const std::uint64_t row_bytes = header.row_bytes();
  const bool overflows = header.rows > std::numeric_limits<std::uint64_t>::max() / row_bytes;
  if (!overflows && file_bytes == kUnknownFileBytes) {
    return ok_status();
  }
  if (overflows || header.rows * row_bytes > available) {
    return invalid_argument("the file is too short: its shape says " + std::to_string(header.rows) + " rows of " +
                            std::to_string(row_bytes) + " bytes, but only " + std::to_string(available) +
                            " bytes follow the header");
  }
  if (header.rows * row_bytes < available) {
    return invalid_argument("the file is longer than its shape says: " +
                            std::to_string(available - header.rows * row_bytes) + " bytes follow the last row");
  }
  return ok_status();
}

}  // namespace

Result<NpyHeader> parse_npy_header(std::span<const std::byte> prefix, std::uint64_t file_bytes) {
  const std::string_view bytes(reinterpret_cast<const char*>(prefix.data()), prefix.size());
  VIBRATO_ASSIGN_OR_RETURN(const HeaderText found, find_text(bytes));
  if (found.data_offset > file_bytes) return malformed("the file ends inside it");
  VIBRATO_ASSIGN_OR_RETURN(const Dictionary dictionary, DictionaryParser(found.text).parse());
  NpyHeader header;
  VIBRATO_ASSIGN_OR_RETURN(header.type, type_of(*dictionary.descr));
  const std::vector<std::uint64_t>& shape = *dictionary.shape;
  if (shape.size() != 2) {
    return invalid_argument("the array has " + std::to_string(shape.size()) +
                            " dimensions; a table of vectors has 2, (rows, dim)");
  }
  if (*dictionary.fortran_order) {
    return invalid_argument("the array is in Fortran order; save it in C order (numpy.ascontiguousarray)");
  }
  if (shape[1] < 1 || shape[1] > limits::kDimMax) {
    return invalid_argument("the array's rows have " + std::to_string(shape[1]) + " numbers; a vector has 1 to " +
                            std::to_string(limits::kDimMax));
  }
  header.rows = shape[0];
  header.dim = static_cast<std::uint32_t>(shape[1]);
  header.data_offset = found.data_offset;
  VIBRATO_RETURN_IF_ERROR(check_size(header, file_bytes));
  return header;
}

void decode_npy_row(const NpyHeader& header, std::span<const std::byte> row, std::span<float> out) {
  VIBRATO_CHECK(row.size() == header.row_bytes() && out.size() == header.dim);
  switch (header.type) {
    case NpyType::kFloat16:
      halves_to_floats(row, out);
      return;
    case NpyType::kFloat32:
      std::memcpy(out.data(), row.data(), row.size());
      return;
    case NpyType::kFloat64:
      break;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    double number = 0;
    std::memcpy(&number, row.data() + i * sizeof(double), sizeof(double));
    out[i] = static_cast<float>(number);
  }
}

}  // namespace vibrato::format
