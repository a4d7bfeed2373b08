// The key of a document's row: the name of its collection, a byte 0, and its id. Names and ids have no byte 0, so the
// rows of a collection lie together, in byte order of ids. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vibrato/check.hpp>

#include "overlay/row_store.hpp"

namespace vibrato::doc {

struct KeyParts {
  std::string_view collection;
  std::string_view id;
};

[[nodiscard]] inline std::string row_key(std::string_view collection, std::string_view id) {
  std::string key;
  key.reserve(collection.size() + 1 + id.size());
  key.append(collection).append(1, '\0').append(id);
  return key;
}

// Borrows from `key`. Requires: row_key() made it.
[[nodiscard]] inline KeyParts split_key(std::string_view key) {
  const std::size_t end = key.find('\0');
  VIBRATO_CHECK(end != std::string_view::npos);
  return {key.substr(0, end), key.substr(end + 1)};
}

// All rows of a collection.
[[nodiscard]] inline overlay::KeyRange range_of_collection(std::string_view collection) {
  return {row_key(collection, {}), std::string(collection) + '\x01'};
}

// As SQLite takes blobs.
[[nodiscard]] inline std::span<const std::byte> as_blob(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
[[nodiscard]] inline std::string as_string(std::span<const std::byte> blob) {
  return {reinterpret_cast<const char*>(blob.data()), blob.size()};
}

}  // namespace vibrato::doc
