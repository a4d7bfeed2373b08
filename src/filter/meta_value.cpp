#include "filter/meta_value.hpp"

#include <simdjson.h>

#include "filter/json_path.hpp"

namespace vibrato::filter {

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
  return value ? std::optional<std::string>(simdjson::minify(*value)) : std::optional<std::string>();
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
