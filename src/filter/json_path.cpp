#include "filter/json_path.hpp"

namespace vibrato::filter {

using simdjson::dom::element;

namespace {

std::optional<element> at_key(const element& json, std::string_view key) {
  simdjson::dom::object fields;
  std::optional<element> found;
  if (json.get(fields) == simdjson::SUCCESS) {
    for (const auto& [name, value] : fields) {
      if (name == key) {
        found = value;
      }
    }
  }
  return found;
}

}  // namespace

std::optional<element> at_path(const std::optional<element>& root, const FieldPath& path) {
  std::optional<element> here = root;
  for (const std::string& step : path.steps) {
    if (!here) {
      break;
    }
    here = at_key(*here, step);
  }
  return here;
}

}  // namespace vibrato::filter
