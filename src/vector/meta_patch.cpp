#include "vector/meta_patch.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/limits.hpp"

namespace vibrato::vector {
namespace {

using Json = nlohmann::json;

// nullopt unless `text` is one JSON value that is not too deep: merging and writing recurse.
std::optional<Json> parse(std::string_view text) {
  bool too_deep = false;
  const auto watch = [&too_deep](int depth, Json::parse_event_t event, Json&) {
    const bool opens = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    too_deep = too_deep || (opens && static_cast<std::size_t>(depth) >= limits::kJsonDepthMax);
    return !too_deep;
  };
  Json json = Json::parse(text, watch, false);
  return json.is_discarded() || too_deep ? std::nullopt : std::optional(std::move(json));
}

Status bad_patch() {
  return invalid_argument("meta: is no JSON value, or one that is too deep");
}

}  // namespace

Status check_meta_json(std::string_view json) {
  return parse(json) ? ok_status() : bad_patch();
}

Result<std::string> merge_meta(std::string_view meta, std::string_view patch) {
  auto merged = meta.empty() ? std::optional(Json()) : parse(meta);
  if (!merged) {
    return corruption("the stored meta of the point is no JSON");
  }
  const auto change = parse(patch);
  if (!change) {
    return bad_patch();
  }
  merged->merge_patch(*change);
  return merged->dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vibrato::vector
