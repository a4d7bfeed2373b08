// What the routes of the database take: every route with a body or query parameters, every field of it, and values that
// it does not take. tests/unit/api/every_field_test.cpp walks over it.
#pragma once

#include <cstdint>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/request.hpp"

namespace vibrato::api::test {

using nlohmann::json;

// Raw JSON texts: some of them are no numbers that a document tree could hold.
using Texts = std::vector<std::string>;

inline Texts operator+(Texts a, const Texts& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline const Texts kHuge = {"1e999", "-1e999", "123456789012345678901234567890"};
inline const Texts kNoText = Texts{"1", "-1.5", "true", "[]", "{}", R"(["a"])"} + kHuge;
inline const Texts kNoSwitch = Texts{"0", "1", R"("true")", R"("")", "[]", "{}"} + kHuge;
inline const Texts kNoFloat = Texts{R"("1")", "true", "[]", "{}", "1e39", "-1e39"} + kHuge;
inline const Texts kNoObject = Texts{"1", R"("x")", "true", "[]", "[{}]"} + kHuge;
inline const Texts kNoId =
    Texts{"-1", "7.0", "1e3", "true", "false", "[]", "[1]", "{}", R"("")", R"("a\u0000")", R"("\n")"} +
    Texts{'"' + std::string(257, 'a') + '"', "18446744073709551616"} + kHuge;
inline const Texts kNoVector =
    Texts{R"("x")",     "1",        "true",    "{}",     "[]",       "[1]",   "[1,2,3]",  "[1,null]",
          R"(["1",2])", "[1,true]", "[[1,2]]", "[1,{}]", "[1,1e39]", "[0,0]", "[1e999,1]"} +
    kHuge;
// Of a sequence: a frame of zeros is silence.
inline const Texts kNoFrame = {R"("x")", "1",       "true",     "{}",       "[]",
                               "[1]",    "[1,2,3]", "[1,null]", "[1,1e39]", "[1e999,1]"};
inline const Texts kNoBase64 =
    kNoText + Texts{R"("***")", R"("AACAPw==")", R"("AACAPwAA")", R"("AACAfwAAgD8=")", R"("AAAAAAAAAAA=")", R"("")"};
inline const Texts kNoFilter = Texts{R"({"key":"a"})",
                                     R"({"kye":"a","match":{"value":1}})",
                                     R"({"must":[1]})",
                                     R"({"key":"a","match":{"value":null}})",
                                     R"({"key":"a","match":{"value":1,"any":[1]}})",
                                     R"({"key":"a","range":{}})",
                                     R"({"key":"a","range":{"gt":"x"}})",
                                     R"({"key":"",)"
                                     R"("match":{"value":1}})",
                                     R"({"has_id":[-1]})",
                                     R"({"is_null":1})"} +
                               kNoObject;
inline const Texts kNoPath = kNoText + Texts{R"("")", '"' + std::string(1025, 'a') + '"'};
inline const Texts kNoCollection =
    kNoText + Texts{R"("")", R"("../x")", R"(".x")", R"("a b")"} + Texts{'"' + std::string(65, 'a') + '"'};

inline Texts no_whole(std::uint64_t min, const std::string& past_max) {
  Texts texts = Texts{"-1", "1.5", "1.0", R"("1")", "true", "[]", "[1]", "{}", past_max} + kHuge;
  if (min > 0) {
    texts.push_back(std::to_string(min - 1));
  }
  return texts;
}
inline Texts no_word(const Texts& near) {
  return kNoText + Texts{R"("")", R"("x")"} + near;
}

struct FieldRule {
  std::string path;  // JSON pointer into the body.
  Texts bad;
  bool is_required = false;
  std::string name = {};        // In messages, if it is not the path.
  std::string instead_of = {};  // The field beside it that may not be there at the same time.
};

struct RouteRule {
  Method method = Method::kPost;
  std::string pattern;
  json body = nullptr;  // One that would be taken; null for none.
  std::vector<FieldRule> fields = {};
  std::vector<std::string> objects = {""};                     // Where unknown fields are refused: pointers.
  std::map<std::string, std::vector<std::string>> query = {};  // Parameters, and values that they do not take.
  bool body_may_be_missing = false;
  bool fails_items = false;  // A bad field fails its item; the call answers 200.
};

inline const std::vector<std::string> kNoLsn = {"", "-1", "1.5", "x", "0x1", "+1", "%201", "18446744073709551616"};
inline const std::vector<std::string> kNoPage = {"", "0", "1001", "-1", "1.5", "x"};
inline const std::map<std::string, std::vector<std::string>> kDurability = {
    {"durability", {"", "no", "SYNCED", "synced%20", "1", "true"}}};

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

inline std::vector<RouteRule> state_rules() {
  const std::vector<std::string> bad_prefix = {"%01", "%FF", std::string(513, 'a')};
  std::vector<std::string> no_prefix = bad_prefix;
  no_prefix.emplace_back();
  const Texts bad_value = kHuge + Texts{R"({"a":[1e999]})"};
  const Texts bad_ttl = no_whole(1, "9007199254740992");
  const Texts bad_revision = no_whole(0, "18446744073709551616");
  auto list = RouteRule{.method = Method::kGet, .pattern = "/v1/state"};
  list.query = {
      {"prefix", bad_prefix}, {"limit", kNoPage}, {"cursor", {"", "x", "n7", "t", "tzz", "t6"}}, {"min_lsn", kNoLsn}};
  auto drop = RouteRule{.method = Method::kDelete, .pattern = "/v1/state", .query = kDurability};
  drop.query["prefix"] = no_prefix;
  auto erase = RouteRule{.method = Method::kDelete, .pattern = "/v1/state/{key}", .query = kDurability};
  erase.query["if_revision"] = kNoLsn;
  return {
      list,
      drop,
      erase,
      {.method = Method::kGet, .pattern = "/v1/state/{key}", .query = {{"min_lsn", kNoLsn}}},
      {.method = Method::kPut,
       .pattern = "/v1/state/{key}",
       .body = json::parse(R"({"value":{"a":1},"ttl_ms":60000,"if_revision":0})"),
       .fields = {{"/value", bad_value}, {"/ttl_ms", bad_ttl}, {"/if_revision", bad_revision}},
       .query = kDurability},
      {.pattern = "/v1/state/batch_put",
       .body = json::parse(R"({"operations":[{"key":"k","value":1,"ttl_ms":60000,"if_revision":0}]})"),
       .fields = {{"/operations/0/key", kNoText + Texts{R"("")", R"("\n")", '"' + std::string(513, 'a') + '"'}, true},
                  {"/operations/0/value", bad_value},
                  {"/operations/0/ttl_ms", bad_ttl},
                  {"/operations/0/if_revision", bad_revision}},
       .objects = {"", "/operations/0"},
       .query = kDurability,
       .fails_items = true}};
}

inline std::vector<RouteRule> all_rules() {
  std::vector<RouteRule> all = collection_rules();
  for (const auto& part : {point_rules(), search_rules(), query_rules(), admin_rules(), v2_rules(), state_rules()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace vibrato::api::test
