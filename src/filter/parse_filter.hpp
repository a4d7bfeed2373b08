// Filters from JSON. For .cpp files only: simdjson is a heavy header.
//
//   filter: {"must": C | [C..], "should": .., "must_not": ..}, or one C; {} matches every point
//   C:      a nested filter, or one of
//           {"key": K, "match": {"value": V} | {"any": [V..]} | {"except": [V..]} | {"prefix": "text"}}
//           {"key": K, "range": {"gt" | "gte" | "lt" | "lte": number or RFC 3339 time, ..}}
//           {"has_id": [id..]}   {"is_null": K}   {"is_empty": K}
//   V:      a string, a number or a bool; K: a dotted path
//
// Every fault is kInvalidFilter and names its place: "filter.must[2].range.gt: ...". So are unknown fields: a mistyped
// condition must not let more points through.
#pragma once

#include <simdjson.h>
#include <string_view>
#include <vibrato/result.hpp>

#include "filter/condition.hpp"

namespace vibrato::filter {

// `name` is where the filter stands in the request, for messages. At most limits::kFilterNodesMax conditions and
// groups, and limits::kFilterValuesMax values and ids in all of them.
[[nodiscard]] Result<Filter> parse_filter(simdjson::dom::element json, std::string_view name = "filter");

// A dotted path as it stands in the field `name` of a request. Errors: kInvalidArgument.
[[nodiscard]] Result<FieldPath> parse_path(std::string_view key, std::string_view name);

// {"key": V, ..}: each key equals its value.
[[nodiscard]] Result<Filter> parse_equalities(simdjson::dom::element json, std::string_view name = "filters");

}  // namespace vibrato::filter
