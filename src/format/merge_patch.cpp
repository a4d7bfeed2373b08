#include "format/merge_patch.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/limits.hpp"
#include "format/json_depth.hpp"

namespace vibrato::format {
namespace {

using PatchJson = nlohmann::json;

// nullopt unless `text` is one JSON value that is not too deep: merging and writing recurse.
std::optional<PatchJson> parse(std::string_view text) {
  if (json_depth(text) > limits::kJsonDepthMax) {
    return std::nullopt;
  }
  // Without a callback: a parser that has one looks, at the end of each object, at all that its parent has so far.
  PatchJson json = PatchJson::parse(text, nullptr, false);
  return json.is_discarded() ? std::nullopt : std::optional(std::move(json));
}

Status no_json() {
  return invalid_argument("is no JSON value, or one that is too deep");
}

}  // namespace

Status check_json_text(std::string_view json) {
  return parse(json) ? ok_status() : no_json();
}

Result<std::string> merge_patch(std::string_view target, std::string_view patch) {
  auto merged = target.empty() ? std::optional(PatchJson()) : parse(target);
  if (!merged) {
    return corruption("what the patch is for is no JSON");
  }
  const auto change = parse(patch);
  if (!change) {
    return no_json();
  }
  merged->merge_patch(*change);
  return merged->dump(-1, ' ', false, PatchJson::error_handler_t::replace);
}

}  // namespace vibrato::format
