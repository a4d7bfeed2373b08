#include "doc/index_entries.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/limits.hpp"
#include "doc/value_key.hpp"
#include "filter/json_path.hpp"
#include "filter/time.hpp"

namespace vibrato::doc {
namespace {

using simdjson::dom::element;

void add_scalar(const filter::Scalar& scalar, bool is_element, std::vector<IndexEntry>& entries) {
  const auto* text = std::get_if<std::string>(&scalar);
  if (text == nullptr) {
    entries.push_back({key_of(scalar), is_element, false});
    return;
  }
  const std::string_view kept = std::string_view(*text).substr(0, limits::kIndexedTextBytesMax);
  entries.push_back({key_of(kept), is_element, kept.size() < text->size()});
  if (const auto time = filter::parse_time(*text)) {
    entries.push_back({key_of(*time), true, false});
  }
}

void sort_unique(std::vector<IndexEntry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const IndexEntry& a, const IndexEntry& b) { return a.value < b.value; });
  const auto same = [](const IndexEntry& a, const IndexEntry& b) { return a.value == b.value; };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
}

// False if there are too many.
bool add_elements(const simdjson::dom::array& elements, std::vector<IndexEntry>& entries) {
  std::size_t count = 0;
  for (const element item : elements) {
    if (const auto scalar = filter::scalar_of(item)) {
      if (++count > limits::kIndexedElementsMax) {
        return false;
      }
      add_scalar(*scalar, true, entries);
    }
  }
  return true;
}

}  // namespace

std::vector<IndexEntry> entries_of(const element& document, const filter::FieldPath& path) {
  std::vector<IndexEntry> entries;
  const std::optional<element> value = filter::at_path(document, path);
  simdjson::dom::array elements;
  if (!value) {
    entries.push_back({key_of(ValueKind::kAbsent), false, false});
  } else if (value->is_null()) {
    entries.push_back({key_of(ValueKind::kNull), false, false});
  } else if (const auto scalar = filter::scalar_of(*value)) {
    add_scalar(*scalar, false, entries);
  } else {
    if (value->get(elements) == simdjson::SUCCESS && !add_elements(elements, entries)) {
      entries.assign(1, {key_of(ValueKind::kManyElements), true, false});
    }
    entries.push_back({key_of(ValueKind::kStructure), false, false});
  }
  sort_unique(entries);
  return entries;
}

std::string sort_value_of(const element& document, const filter::FieldPath& path) {
  const std::optional<element> value = filter::at_path(document, path);
  if (!value) {
    return key_of(ValueKind::kAbsent);
  }
  if (value->is_null()) {
    return key_of(ValueKind::kNull);
  }
  const auto scalar = filter::scalar_of(*value);
  return scalar ? key_of(*scalar) : key_of(ValueKind::kStructure);
}

}  // namespace vibrato::doc
