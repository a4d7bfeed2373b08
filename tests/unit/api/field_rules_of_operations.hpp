// Rules of the routes that operate the server, and of /v2.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "unit/api/field_rule.hpp"

namespace vibrato::api::field_rules {

inline std::vector<RouteRule> admin_rules() {
  const json empty = json::object();
  return {
      {.pattern = "/v1/admin/checkpoint", .body = empty, .body_may_be_missing = true},
      {.pattern = "/v1/vector/{collection}/import",
       .query = {{"first_id", {"", "-1", "1.5", "x", "18446744073709551616"}}}},
      {.method = Method::kGet, .pattern = "/v1/vector/{collection}/export", .query = {{"min_lsn", kNoLsn}}},
      {.pattern = "/v1/vector/{collection}/optimize", .body = json::object(), .body_may_be_missing = true},
      {.pattern = "/v1/admin/compact",
       .body = json::parse(R"({"collection":"c"})"),
       .fields = {{"/collection", kNoCollection + Texts{R"("absent")"}}},
       .body_may_be_missing = true},
      {.pattern = "/v1/admin/snapshot",
       .body = json::parse(R"({"name":"s"})"),
       .fields = {{"/name", kNoCollection}},
       .body_may_be_missing = true},
      {.method = Method::kGet, .pattern = "/v1/admin/jobs", .query = {{"limit", kNoPage}}},
      {.method = Method::kGet,
       .pattern = "/v1/admin/audit",
       .query = {{"limit", kNoPage}, {"cursor", {"", "0", "-1", "x", "9223372036854775808"}}}},
      {.pattern = "/v1/admin/keys",
       .body = json::parse(R"({"name":"n","roles":["query"],"collections":["c"],"expires_at_ms":99999999999999})"),
       .fields = {{"/name", kNoText + Texts{R"("")", R"("a b")", R"("\u0000")", '"' + std::string(200, 'a') + '"'},
                   true},
                  {"/roles", Texts{R"("query")", "1", "{}", "[]", R"(["root"])", "[1]", R"([""])", "[null]"} + kHuge,
                   true, "role"},
                  {"/collections", Texts{R"("c")", "1", "{}", "[]", "[1]", R"([""])", R"(["../c"])", "[null]"} + kHuge,
                   false, "collection"},
                  {"/expires_at_ms", no_whole(0, "9223372036854775808") + Texts{"0", "1"}}}},
  };
}

inline std::vector<RouteRule> v2_rules() {
  const Texts no_v2_filter = kNoObject + Texts{R"({"tags_any":"a"})", R"({"tags_all":[1]})", R"({"bpm_gte":"1"})",
                                               R"({"bpm_lte":1e39})", R"({"tags":["a"]})"};
  const auto fields = [](const std::string& at) -> std::vector<FieldRule> {
    return {{at + "/vector", kNoVector, true},
            {at + "/metadata", kNoObject},
            {at + "/metadata/source_file", kNoText},
            {at + "/metadata/start_time_ms", no_whole(0, "4294967296")},
            {at + "/metadata/duration_ms", no_whole(0, "65536")},
            {at + "/metadata/bpm", kNoFloat},
            {at + "/metadata/tags", Texts{"1", R"("a")", "{}", "[1]", "[null]", "[[]]"} + kHuge},
            {at + "/idempotency_key", kNoText + Texts{R"("a\u0001")", '"' + std::string(257, 'k') + '"'}}};
  };
  const json item = json::parse(R"({"vector":[1,2],"metadata":{"bpm":1},"idempotency_key":"k"})");
  std::vector<FieldRule> batch = fields("/vectors/0");
  batch.push_back({"/vectors", Texts{"1", R"("a")", "{}", "[1]", "[null]", "[[]]"} + kHuge, true});
  return {
      {.pattern = "/v2/vectors", .body = item, .fields = fields(""), .objects = {}},
      {.pattern = "/v2/vectors/batch", .body = json({{"vectors", {item}}}), .fields = batch, .objects = {}},
      {.pattern = "/v2/query",
       .body = json::parse(R"({"vector":[1,2]})"),
       .fields = {{"/vector", kNoVector, true},
                  {"/k", no_whole(0, "1001")},
                  {"/ef", no_whole(1, "4097")},
                  {"/include_metadata", kNoSwitch},
                  {"/filter", no_v2_filter},
                  {"/search_tier", no_word({R"("hot")"})}},
       .objects = {}},
      {.pattern = "/v2/identify",
       .body = json::parse(R"({"vectors":[[1,2],[2,1]]})"),
       .fields = {{"/vectors", Texts{"1", R"("a")", "{}", "[]", "[1]", "[null]"} + kHuge, true},
                  {"/vectors/1", kNoFrame},
                  {"/k", no_whole(0, "1001")},
                  {"/ef", no_whole(1, "4097")},
                  {"/include_metadata", kNoSwitch},
                  {"/filter", no_v2_filter},
                  {"/search_tier", no_word({R"("hot")"})}},
       .objects = {}},
  };
}

}  // namespace vibrato::api::field_rules
