#include "api/query_fields.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>

#include "api/json_body.hpp"
#include "api/point_fields.hpp"
#include "api/v2_metadata.hpp"
#include "base/limits.hpp"
#include "filter/meta_value.hpp"
#include "filter/parse_filter.hpp"
#include "vector/recall_rule.hpp"

namespace vibrato::api {
namespace {

Status in_filter(const Status& status) {
  return status.ok() ? status : Status(ErrorCode::kInvalidFilter, "filter: " + status.message());
}

// Normal tags, ascending, each once.
Result<std::vector<filter::Scalar>> read_tags(const Field& field) {
  std::vector<filter::Scalar> tags;
  if (!field.is_there()) {
    return tags;
  }
  simdjson::dom::array array;
  const Status not_strings = in_filter(wrong_type(field.name, "an array of strings"));
  if (field.value->get(array) != simdjson::SUCCESS) {
    return not_strings;
  }
  if (array.size() > limits::kFilterNodesMax) {
    return in_filter(
        invalid_argument(fmt::format("{} must have at most {} elements", field.name, limits::kFilterNodesMax)));
  }
  for (const simdjson::dom::element element : array) {
    std::string_view tag;
    if (element.get(tag) != simdjson::SUCCESS) {
      return not_strings;
    }
    tags.emplace_back(normal_v2_tag(tag));
  }
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

Result<std::optional<filter::Bound<filter::Number>>> read_bound(const Field& field) {
  const auto value = optional_float(field);
  VIBRATO_RETURN_IF_ERROR(in_filter(value.status()));
  using Bound = filter::Bound<filter::Number>;
  return *value ? std::optional(Bound{filter::Number::from_double(static_cast<double>(**value)), true})
                : std::optional<Bound>();
}

}  // namespace

Result<std::optional<filter::Filter>> read_filter(const Field& field) {
  if (!field.is_there()) {
    return std::optional<filter::Filter>();
  }
  VIBRATO_ASSIGN_OR_RETURN(filter::Filter filter, filter::parse_filter(*field.value, field.name));
  return std::optional(std::move(filter));
}

Result<std::optional<Lsn>> read_min_lsn(const Field& field) {
  if (!field.is_there()) {
    return std::optional<Lsn>();
  }
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t lsn, read_whole(*field.value, field.name, 0, kMax));
  return std::optional(Lsn(lsn));
}

Result<std::optional<float>> read_recall(const Field& field) {
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<float> recall, optional_float(field));
  if (recall && !(*recall >= vector::kRecallTargetMin && *recall <= vector::kRecallTargetMax)) {
    return invalid_argument(
        fmt::format("recall must be from {} to {}", vector::kRecallTargetMin, vector::kRecallTargetMax));
  }
  return recall;
}

Result<std::vector<PointId>> read_ids(const Field& field) {
  if (!field.is_there()) {
    return missing_field(field.name, "an array of ids");
  }
  simdjson::dom::array array;
  if (field.value->get(array) != simdjson::SUCCESS) {
    return wrong_type(field.name, "an array of ids");
  }
  if (array.size() == 0 || array.size() > limits::kBatchItemsMax) {
    return invalid_argument(fmt::format("{} must have 1 to {} elements", field.name, limits::kBatchItemsMax));
  }
  std::vector<PointId> ids;
  ids.reserve(array.size());
  for (const simdjson::dom::element element : array) {
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView id,
                             read_point_id(element, fmt::format("{}[{}]", field.name, ids.size())));
    ids.emplace_back(id);
  }
  return ids;
}

Result<vector::Tier> read_tier(const Field& field) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, string_or(field, "all"));
  if (text == "all") return vector::Tier::kAll;
  if (text == "active") return vector::Tier::kActive;
  if (text == "archive") return vector::Tier::kArchive;
  return wrong_type(field.name, R"("active", "all" or "archive")");
}

Result<std::optional<filter::Filter>> read_v2_filter(const Field& field) {
  if (!field.is_there()) {
    return std::optional<filter::Filter>();
  }
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::object object, read_object(*field.value, field.name));
  std::array<Field, 4> fields{{{"tags_any"}, {"tags_all"}, {"bpm_gte"}, {"bpm_lte"}}};
  const auto& [tags_any, tags_all, bpm_gte, bpm_lte] = fields;
  VIBRATO_RETURN_IF_ERROR(in_filter(collect_fields(object, fields)));
  filter::Group all;
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<filter::Scalar> any, read_tags(tags_any));
  if (!any.empty()) {
    all.must.push_back({filter::MatchAny{filter::path_of("tags"), any}});
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<filter::Scalar> every, read_tags(tags_all));
  for (const filter::Scalar& tag : every) {
    all.must.push_back({filter::MatchAny{filter::path_of("tags"), {tag}}});
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto low, read_bound(bpm_gte));
  VIBRATO_ASSIGN_OR_RETURN(const auto high, read_bound(bpm_lte));
  if (low || high) {
    all.must.push_back({filter::Range<filter::Number>{filter::path_of("bpm"), low, high}});
  }
  return all.must.empty() ? std::optional<filter::Filter>()
                          : std::optional<filter::Filter>(filter::Filter{std::move(all)});
}

}  // namespace vibrato::api
