#include "api/search_request.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <utility>

#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/point_fields.hpp"
#include "api/query_fields.hpp"
#include "base/limits.hpp"
#include "filter/parse_filter.hpp"

namespace vibrato::api {
namespace {

constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kU32Max = std::numeric_limits<std::uint32_t>::max();

// Positions of the fields of a search.
enum SearchField : std::uint8_t {
  kVector,
  kVectorB64,
  kId,
  kK,
  kEf,
  kOffset,
  kExact,
  kRescore,
  kIncludeMeta,
  kIncludeVector,
  kMinScore,
  kMaxDistance,
  kTier,
  kExplain,
  kMinLsn,
  kFilter,
  kFilters,
  kGroupBy,
  kGroupLimit,
  kRecall,
  kFirstLater,  // From here on: known, and not built yet.
};

using SearchFields = std::array<Field, 21>;

SearchFields search_fields() {
  return {{{"vector"},       {"vector_b64"},     {"id"},          {"k"},
           {"ef"},           {"offset"},         {"exact"},       {"rescore"},
           {"include_meta"}, {"include_vector"}, {"min_score"},   {"max_distance"},
           {"tier"},         {"explain"},        {"min_lsn"},     {"filter"},
           {"filters"},      {"group_by"},       {"group_limit"}, {"recall"},
           {"nprobe"}}};
}

// Exactly one of vector, vector_b64 and id.
Status read_target(const SearchFields& fields, SearchCall& call) {
  VIBRATO_ASSIGN_OR_RETURN(const bool has_vector, read_vector(fields[kVector], fields[kVectorB64], call.vector));
  const Field& id = fields[kId];
  if (has_vector && id.is_there()) {
    return invalid_argument("vector and id are both there; give one");
  }
  if (!has_vector && !id.is_there()) {
    return invalid_argument("vector is missing; give vector, vector_b64 or id");
  }
  if (id.is_there()) {
    VIBRATO_ASSIGN_OR_RETURN(call.example, read_required_id(id));
    call.request.left_out = {*call.example};
  }
  return ok_status();
}

Status read_numbers(const SearchFields& fields, const DatabaseApiOptions& options, vector::SearchRequest& request) {
  constexpr std::uint32_t kDefaultK = 10;
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t k, whole_or(fields[kK], 1, options.search_k_max, kDefaultK));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t ef, whole_or(fields[kEf], 1, limits::kEfMax, 0));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t offset, whole_or(fields[kOffset], 0, kU64Max, 0));
  VIBRATO_ASSIGN_OR_RETURN(request.recall, read_recall(fields[kRecall]));
  if (request.recall && fields[kEf].is_there()) {
    return invalid_argument("recall and ef are both there; give one: a target, or an effort");
  }
  request.k = static_cast<std::uint32_t>(k);
  request.ef = static_cast<std::uint32_t>(ef);
  // No collection has as many points: what lies behind is as empty.
  request.offset = static_cast<std::uint32_t>(std::min(offset, kU32Max));
  VIBRATO_ASSIGN_OR_RETURN(request.min_score, optional_float(fields[kMinScore]));
  VIBRATO_ASSIGN_OR_RETURN(request.max_distance, optional_float(fields[kMaxDistance]));
  return ok_status();
}

// Both together: a point must match the two.
Result<std::optional<filter::Filter>> read_filters(const SearchFields& fields) {
  VIBRATO_ASSIGN_OR_RETURN(std::optional<filter::Filter> wanted, read_filter(fields[kFilter]));
  if (!fields[kFilters].is_there()) {
    return wanted;
  }
  VIBRATO_ASSIGN_OR_RETURN(filter::Filter equal, filter::parse_equalities(*fields[kFilters].value));
  if (!wanted) {
    return std::optional(std::move(equal));
  }
  filter::Group both;
  both.must.push_back(*std::move(wanted));
  both.must.push_back(std::move(equal));
  return std::optional(filter::Filter{std::move(both)});
}

}  // namespace

namespace {

Result<std::optional<vector::Grouping>> read_grouping(const SearchFields& fields) {
  constexpr std::uint64_t kGroupLimitMax = 100;
  if (!fields[kGroupBy].is_there()) {
    return fields[kGroupLimit].is_there()
               ? Result<std::optional<vector::Grouping>>(invalid_argument("group_limit goes with group_by; give both"))
               : std::optional<vector::Grouping>();
  }
  vector::Grouping grouping;
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view key, string_or(fields[kGroupBy], ""));
  VIBRATO_ASSIGN_OR_RETURN(grouping.key, filter::parse_path(key, "group_by"));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t limit, whole_or(fields[kGroupLimit], 1, kGroupLimitMax, 1));
  grouping.per_group = static_cast<std::uint32_t>(limit);
  return std::optional(std::move(grouping));
}

}  // namespace

Status read_search_object(simdjson::dom::object object, const DatabaseApiOptions& options, SearchCall& call) {
  SearchFields fields = search_fields();
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  for (std::size_t i = kFirstLater; i < fields.size(); ++i) {
    if (fields[i].is_there()) {
      return invalid_argument(fmt::format("{} is not available yet", fields[i].name));
    }
  }
  VIBRATO_RETURN_IF_ERROR(read_target(fields, call));
  VIBRATO_RETURN_IF_ERROR(read_numbers(fields, options, call.request));
  VIBRATO_ASSIGN_OR_RETURN(call.request.filter, read_filters(fields));
  VIBRATO_ASSIGN_OR_RETURN(call.grouping, read_grouping(fields));
  VIBRATO_ASSIGN_OR_RETURN(call.request.exact, bool_or(fields[kExact], false));
  VIBRATO_ASSIGN_OR_RETURN(call.request.rescore, bool_or(fields[kRescore], true));
  VIBRATO_ASSIGN_OR_RETURN(call.request.tier, read_tier(fields[kTier]));
  VIBRATO_ASSIGN_OR_RETURN(call.parts.meta, bool_or(fields[kIncludeMeta], false));
  VIBRATO_ASSIGN_OR_RETURN(call.parts.vector, bool_or(fields[kIncludeVector], false));
  VIBRATO_ASSIGN_OR_RETURN(call.explain, bool_or(fields[kExplain], false));
  VIBRATO_ASSIGN_OR_RETURN(call.min_lsn, read_min_lsn(fields[kMinLsn]));
  return ok_status();
}

void SearchCall::reset() {
  collection.clear();
  vector.clear();
  example.reset();
  request = {};
  grouping.reset();
  parts = {};
  explain = false;
  min_lsn.reset();
  notes.clear();
}

Status read_search(std::string_view body, const DatabaseApiOptions& options, SearchCall& call) {
  return read_json_object(body,
                          [&](simdjson::dom::object object) { return read_search_object(object, options, call); });
}

}  // namespace vibrato::api
