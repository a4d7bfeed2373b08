#include "filter/meta_value.hpp"

#include <map>
#include <simdjson.h>
#include <utility>

#include "filter/json_path.hpp"
#include "filter/json_scalar.hpp"

namespace vibrato::filter {
namespace {

using simdjson::dom::element;

void append(const element& json, std::string& text);

// Fields by name, the last one of each. A length before each name: names may contain anything.
void append(const simdjson::dom::object& json, std::string& text) {
  std::map<std::string_view, element> fields;
  for (const auto& [name, value] : json) {
    fields.insert_or_assign(name, value);
  }
  text += '{';
  for (const auto& [name, value] : fields) {
    text.append(std::to_string(name.size())).append(1, ':').append(name).append(1, ':');
    append(value, text);
    text += ',';
  }
  text += '}';
}

void append(const element& json, std::string& text) {
  simdjson::dom::object object;
  simdjson::dom::array array;
  if (const auto number = number_of(json)) {
    text += number->to_json();
  } else if (json.get(object) == simdjson::SUCCESS) {
    append(object, text);
  } else if (json.get(array) == simdjson::SUCCESS) {
    text += '[';
    for (const element item : array) {
      append(item, text);
      text += ',';
    }
    text += ']';
  } else {
    text += simdjson::minify(json);
  }
}

}  // namespace

class MetaValues::Impl {
 public:
  simdjson::dom::parser parser;
};

MetaValues::MetaValues() : impl_(std::make_unique<Impl>()) {}

MetaValues::~MetaValues() = default;

Result<std::optional<std::string>> MetaValues::get(std::string_view meta_json, const FieldPath& path) {
  if (meta_json.empty()) {
    return std::optional<std::string>();
  }
  simdjson::dom::element root;
  if (impl_->parser.parse(meta_json.data(), meta_json.size()).get(root) != simdjson::SUCCESS) {
    return corruption("the stored meta of a point is no JSON");
  }
  const auto value = at_path(root, path);
  if (!value) {
    return std::optional<std::string>();
  }
  std::string text;
  append(*value, text);
  return std::optional(std::move(text));
}

FieldPath path_of(std::string_view key) {
  FieldPath path;
  path.key = key;
  while (true) {
    const std::size_t dot = key.find('.');
    path.steps.emplace_back(key.substr(0, dot));
    if (dot == std::string_view::npos) {
      return path;
    }
    key.remove_prefix(dot + 1);
  }
}

}  // namespace vibrato::filter
