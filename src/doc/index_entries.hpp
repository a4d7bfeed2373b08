// What an index holds of a document: the keys of the values under its path. For .cpp files only: simdjson is a heavy
// header.
#pragma once

#include <optional>
#include <simdjson.h>
#include <string>
#include <vector>

#include "filter/condition.hpp"

namespace vibrato::doc {

struct IndexEntry {
  std::string value;        // doc/value_key.hpp; a string's is cut after limits::kIndexedTextBytesMax bytes.
  bool is_element = false;  // Else it is the value itself: each document has one such entry in each index.
  bool is_cut = false;

  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

// Ascending by value, no value twice. The elements of an array that filters compare have entries of their own, as long
// as they are at most limits::kIndexedElementsMax; else there is one of ValueKind::kManyElements in their place.
// A string that is a time has an entry for it.
[[nodiscard]] std::vector<IndexEntry> entries_of(const simdjson::dom::element& document, const filter::FieldPath& path);

// The key of the value under `path`, whole: what documents are sorted by.
[[nodiscard]] std::string sort_value_of(const simdjson::dom::element& document, const filter::FieldPath& path);

}  // namespace vibrato::doc
