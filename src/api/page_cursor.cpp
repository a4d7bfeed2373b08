#include "api/page_cursor.hpp"

#include <array>
#include <charconv>
#include <cstdint>

namespace vibrato::api {
namespace {

// "n" and the number in decimal digits, or "t" and the bytes of the text in hexadecimal ones.
constexpr char kNumber = 'n';
constexpr char kText = 't';
constexpr std::string_view kHexDigits = "0123456789abcdef";

Status no_cursor() {
  return invalid_argument("cursor must be a next_cursor of this route");
}

}  // namespace

std::string write_cursor(const PointIdView& id) {
  if (!id.is_text) {
    return kNumber + std::to_string(id.number);
  }
  std::string cursor(1, kText);
  for (const char c : id.text) {
    const auto byte = static_cast<unsigned char>(c);
    cursor += kHexDigits[byte / 16];
    cursor += kHexDigits[byte % 16];
  }
  return cursor;
}

Result<PointId> read_cursor(std::string_view cursor, std::size_t text_bytes_max) {
  if (cursor.size() < 2) {
    return no_cursor();
  }
  const std::string_view rest = cursor.substr(1);
  if (cursor.front() == kNumber) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    const bool is_number = error == std::errc() && end == rest.data() + rest.size();
    const bool is_as_written = rest == "0" || rest.front() != '0';
    return is_number && is_as_written ? Result<PointId>(PointId(number)) : no_cursor();
  }
  if (cursor.front() != kText || rest.size() % 2 != 0 || rest.size() > 2 * text_bytes_max) {
    return no_cursor();
  }
  std::string text;
  for (std::size_t i = 0; i < rest.size(); i += 2) {
    const std::size_t high = kHexDigits.find(rest[i]);
    const std::size_t low = kHexDigits.find(rest[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return no_cursor();
    }
    text += static_cast<char>(high * 16 + low);
  }
  return PointId(std::move(text));
}

}  // namespace vibrato::api
