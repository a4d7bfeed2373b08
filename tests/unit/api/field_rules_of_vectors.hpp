// Rules of the routes of collections of vectors, their points and what reads them.
#pragma once

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "unit/api/field_rule.hpp"

namespace vibrato::api::field_rules {

inline std::vector<FieldRule> point_fields(const std::string& at, bool vector_is_required) {
  return {{at + "/id", kNoId, true},
          {at + "/vector", kNoVector, vector_is_required},
          {at + "/vector_b64", kNoBase64, false, "", "vector"}};
}

inline std::vector<RouteRule> collection_rules() {
  const std::string u32 = "4294967296";
  return {
      {.method = Method::kGet, .pattern = "/v1/vector", .query = {{"min_lsn", kNoLsn}}},
      {.method = Method::kGet, .pattern = "/v1/vector/{collection}", .query = {{"min_lsn", kNoLsn}}},
      {.method = Method::kDelete, .pattern = "/v1/vector/{collection}", .query = kDurability},
      {.pattern = "/v1/vector/{collection}",
       .body = json::parse(R"({"dim":2,"metric":"dot","index":{"kind":"hnsw"},"quantization":{},"archive":{}})"),
       .fields = {{"/dim", no_whole(1, "4097") + Texts{u32, "16384"}, true},
                  {"/metric", no_word({R"("DOT")", R"("euclid")"}), true},
                  {"/index", kNoObject},
                  {"/index/kind", no_word({R"("ivf_flat_q8")", R"("diskann")", R"("HNSW")"})},
                  {"/index/m", no_whole(2, "129") + Texts{u32}},
                  {"/index/ef_construction", no_whole(1, "4097") + Texts{u32}},
                  {"/quantization", kNoObject},
                  {"/quantization/kind", no_word({R"("sq2")", R"("pq")"})},
                  {"/archive", kNoObject},
                  {"/archive/keep_raw", kNoSwitch}},
       .objects = {"", "/index", "/quantization", "/archive"},
       .query = kDurability},
  };
}

inline std::vector<RouteRule> point_rules() {
  const json whole = json::parse(R"({"id":77,"vector":[1,2],"meta":{"a":1}})");
  const json update = json::parse(R"({"id":1,"meta":{"a":1},"meta_mode":"merge"})");
  std::vector<FieldRule> update_fields = point_fields("", false);
  update_fields.push_back({"/meta_mode", no_word({R"("mix")", R"("MERGE")"})});
  const Texts bad_meta = kHuge + Texts{R"({"a":[1e999]})", R"([[123456789012345678901234567890]])"};
  std::vector<FieldRule> put_fields = point_fields("", true);
  put_fields.push_back({"/meta", bad_meta});
  update_fields.push_back({"/meta", bad_meta});
  std::vector<FieldRule> item_fields = point_fields("/items/0", true);
  item_fields.push_back({"/items/0/meta", bad_meta});
  return {
      {.pattern = "/v1/vector/{collection}/add", .body = whole, .fields = put_fields, .query = kDurability},
      {.pattern = "/v1/vector/{collection}/upsert", .body = whole, .fields = put_fields, .query = kDurability},
      {.pattern = "/v1/vector/{collection}/update", .body = update, .fields = update_fields, .query = kDurability},
      {.pattern = "/v1/vector/{collection}/delete",
       .body = json::parse(R"({"id":1})"),
       .fields = {{"/id", kNoId, true}},
       .query = kDurability},
      {.pattern = "/v1/vector/{collection}/upsert_batch",
       .body = json({{"items", {whole}}}),
       .fields = item_fields,
       .objects = {"", "/items/0"},
       .query = kDurability,
       .fails_items = true},
      {.pattern = "/v1/vector/{collection}/delete_batch",
       .body = json::parse(R"({"ids":[77]})"),
       .fields = {{"/ids/0", kNoId}},
       .query = kDurability,
       .fails_items = true},
      {.method = Method::kGet,
       .pattern = "/v1/vector/{collection}/get",
       .query = {{"min_lsn", kNoLsn},
                 {"id", {"", "%22%22", "%22a%22b%22", "%00", "a%0A", "%ff", std::string(257, 'a')}}}},
  };
}

// What a search has beside its vector, beneath `at`.
inline void add_search_fields(const std::string& at, std::vector<FieldRule>& fields) {
  const std::string past_u64 = "18446744073709551616";
  const std::vector<FieldRule> own = {{at + "/vector", kNoVector, true},
                                      {at + "/vector_b64", kNoBase64, false, "", "vector"},
                                      {at + "/id", kNoId + Texts{R"("absent")"}, false, "", "vector"},
                                      {at + "/k", no_whole(1, "1001")},
                                      {at + "/ef", no_whole(1, "4097")},
                                      {at + "/offset", no_whole(0, past_u64)},
                                      {at + "/min_lsn", no_whole(0, past_u64)},
                                      {at + "/min_score", kNoFloat},
                                      {at + "/max_distance", kNoFloat + Texts{"1"}},  // Only with l2.
                                      {at + "/tier", no_word({R"("hot")", R"("ALL")"})},
                                      {at + "/filter", kNoFilter},
                                      {at + "/filters", kNoObject + Texts{R"({"a":null})", R"({"a":[1]})"}},
                                      {at + "/group_by", kNoPath},
                                      {at + "/group_limit", no_whole(1, "101")}};
  fields.insert(fields.end(), own.begin(), own.end());
  for (const char* flag : {"exact", "rescore", "include_meta", "include_vector", "explain"}) {
    fields.push_back({fmt::format("{}/{}", at, flag), kNoSwitch});
  }
  fields.push_back({at + "/recall", kNoFloat + Texts{"0.4999", "0.9991", "1", "-0.9"}});
  fields.push_back({at + "/nprobe", Texts{"1", "0.9", R"("a")", "{}", "[]"} + kHuge});
}

inline std::vector<RouteRule> search_rules() {
  const json search = json::parse(R"({"vector":[1,2],"group_by":"a"})");
  RouteRule one{.pattern = "/v1/vector/{collection}/search", .body = search};
  add_search_fields("", one.fields);
  RouteRule many{.pattern = "/v1/vector/{collection}/search_batch", .body = {{"searches", {search, search}}}};
  many.fields = {{"/min_lsn", no_whole(0, "18446744073709551616")},
                 {"/searches", Texts{"1", R"("a")", "{}", "[]", "[1]", "[null]", "[[]]"} + kHuge, true}};
  add_search_fields("/searches/1", many.fields);
  many.objects = {"", "/searches/0", "/searches/1"};
  return {one, many};
}

inline std::vector<RouteRule> query_rules() {
  const FieldRule min_lsn{"/min_lsn", no_whole(0, "18446744073709551616")};
  const FieldRule filter{"/filter", kNoFilter};
  const FieldRule include_meta{"/include_meta", kNoSwitch};
  const FieldRule include_vector{"/include_vector", kNoSwitch};
  const FieldRule k{"/k", no_whole(1, "1001")};
  const FieldRule tier{"/tier", no_word({R"("hot")"})};
  const json matching = json::parse(R"({"filter":{"key":"a","match":{"value":1}}})");
  const Texts no_list = Texts{"1", R"("a")", "{}", "true"} + kHuge;
  return {
      {.pattern = "/v1/vector/{collection}/scroll",
       .body = matching,
       .fields = {filter,
                  {"/limit", no_whole(1, "10001")},
                  {"/cursor", kNoText + Texts{R"("")", R"("n")", R"("n-1")", R"("n18446744073709551616")", R"("t6")",
                                              R"("tzz")", R"("x1")", '"' + std::string(515, 't') + '"'}},
                  include_meta,
                  include_vector,
                  min_lsn}},
      {.pattern = "/v1/vector/{collection}/count", .body = matching, .fields = {filter, min_lsn}},
      {.pattern = "/v1/vector/{collection}/facet",
       .body = json::parse(R"({"field":"a"})"),
       .fields = {{"/field", kNoPath, true}, filter, {"/limit", no_whole(1, "10001")}, min_lsn}},
      {.pattern = "/v1/vector/{collection}/get_batch",
       .body = json::parse(R"({"ids":[1,"b"]})"),
       .fields = {{"/ids", no_list + Texts{"[]", "[null]"}, true}, {"/ids/1", kNoId}, min_lsn}},
      {.pattern = "/v1/vector/{collection}/delete_by_filter",
       .body = json::parse(R"({"filter":{"key":"b","match":{"value":1}}})"),
       .fields = {{"/filter", kNoFilter, true}},
       .query = kDurability},
      {.pattern = "/v1/vector/{collection}/recommend",
       .body = json::parse(R"({"positive":[[1,2],[2,1]],"negative":[[2,1]]})"),
       .fields = {{"/positive", no_list + Texts{"[]", "[null]", "[true]"}, true},
                  {"/positive/0", Texts{"[]", "[1]", "[1,2,3]", "[1,null]", "[0,0]", "[1,1e39]"}},
                  {"/positive/1", Texts{"-1", "7.0", "{}", R"("")", R"("absent")", "77"}},
                  {"/negative", no_list + Texts{"[null]"}},
                  {"/negative/0", Texts{"-1", "7.0", "{}", R"("")", R"("absent")", "77", "[1]"}},
                  {"/recall", kNoFloat + Texts{"0.4999", "0.9991", "1", "-0.9"}},
                  k,
                  filter,
                  include_meta,
                  include_vector,
                  min_lsn}},
      {.pattern = "/v1/vector/{collection}/identify",
       .body = json::parse(R"({"vectors":[[1,2],[2,1]]})"),
       .fields = {{"/vectors", no_list + Texts{"[]", "[null]", "[1]"}, true},
                  {"/vectors/1", kNoFrame},
                  k,
                  {"/ef", no_whole(1, "4097")},
                  filter,
                  tier,
                  include_meta,
                  min_lsn}},
  };
}

}  // namespace vibrato::api::field_rules
