#include "doc/sort_order.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vibrato/check.hpp>

#include "base/byte_cursor.hpp"
#include "base/crc32c.hpp"
#include "base/limits.hpp"
#include "doc/document_key.hpp"
#include "doc/value_key.hpp"

namespace vibrato::doc {
namespace {

constexpr std::uint8_t kCursorVersion = 1;
constexpr std::string_view kDigits = "0123456789abcdef";

std::string to_hex(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte) / 16];
    text += kDigits[std::to_integer<std::size_t>(byte) % 16];
  }
  return text;
}

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const std::size_t high = kDigits.find(text[i]);
    const std::size_t low = kDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return text.size() % 2 == 0 ? std::optional(std::move(bytes)) : std::nullopt;
}

Status no_cursor() {
  return invalid_argument("cursor must be a next_cursor of this route, with the same sort");
}

// Whether it is a value that documents are sorted by.
bool is_sort_value(std::string_view value) {
  constexpr std::size_t kNumberBytes = 11;
  if (value.empty()) {
    return false;
  }
  switch (static_cast<ValueKind>(value.front())) {
    case ValueKind::kNull:
    case ValueKind::kStructure:
    case ValueKind::kAbsent:
      return value.size() == 1;
    case ValueKind::kBool:
      return value.size() == 2;
    case ValueKind::kNumber:
      return value.size() == kNumberBytes;
    case ValueKind::kText:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::size_t Place::bytes() const {
  std::size_t bytes = sizeof(Place) + id.size();
  for (const std::string& value : values) {
    bytes += sizeof(std::string) + value.size();
  }
  return bytes;
}

bool SortOrder::is_before(const Place& a, const Place& b) const {
  VIBRATO_CHECK(a.values.size() == keys_.size() && b.values.size() == keys_.size());
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const int order = a.values[i].compare(b.values[i]);
    if (order == 0) {
      continue;
    }
    if (is_absent(a.values[i]) || is_absent(b.values[i])) {
      return is_absent(b.values[i]);
    }
    return (order < 0) != keys_[i].descending;
  }
  return a.id < b.id;
}

std::uint32_t SortOrder::fingerprint() const {
  std::string text;
  for (const SortKey& key : keys_) {
    text.append(key.path.key).append(1, '\0').append(1, key.descending ? 'd' : 'a');
  }
  return crc32c(as_blob(text));
}

std::string SortOrder::write_cursor(const Place& place) const {
  std::vector<std::byte> bytes;
  ByteWriter writer(bytes);
  writer.write_u8(kCursorVersion);
  writer.write_u32(fingerprint());
  for (const std::string& value : place.values) {
    writer.write_u32(static_cast<std::uint32_t>(value.size()));
    writer.write_text(value);
  }
  writer.write_text(place.id);
  return to_hex(bytes);
}

Result<Place> SortOrder::read_cursor(std::string_view cursor) const {
  const auto bytes = from_hex(cursor);
  if (!bytes) {
    return no_cursor();
  }
  ByteReader reader(*bytes);
  const auto version = reader.read_u8();
  const auto order = reader.read_u32();
  if (!version.ok() || *version != kCursorVersion || !order.ok() || *order != fingerprint()) {
    return no_cursor();
  }
  Place place;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const auto size = reader.read_u32();
    const auto value = size.ok() ? reader.read_text(*size) : Result<std::string_view>(size.status());
    if (!value.ok() || !is_sort_value(*value)) {
      return no_cursor();
    }
    place.values.emplace_back(*value);
  }
  const auto id = reader.read_text(reader.remaining());
  if (!id.ok() || id->empty() || id->size() > limits::kDocumentIdBytesMax) {
    return no_cursor();
  }
  place.id = *id;
  return place;
}

}  // namespace vibrato::doc
