// Rules of the routes of state, documents, SQL and events, and of what writes to several of them at once.
#pragma once

#include <cstddef>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "unit/api/field_rule.hpp"

namespace vibrato::api::field_rules {

inline const Texts kNoTtl = no_whole(1, "9007199254740992");
inline const Texts kNoRevision = no_whole(0, "18446744073709551616");
inline const Texts kNoKey = kNoText + Texts{R"("")", R"("\n")", '"' + std::string(513, 'a') + '"'};
inline const Texts kNoDocumentId = kNoText + Texts{R"("")", R"("\n")", '"' + std::string(257, 'a') + '"'};
inline const Texts kNoEventType = kNoText + Texts{R"("")", R"("a b")", R"("\u00e4")", R"("a,b")", R"("\u0000")"} +
                                  Texts{'"' + std::string(65, 'a') + '"', R"("gap")", R"("state_updated")"} +
                                  Texts{R"("vectors_imported")", R"("sql_executed")"};

// One that takes any JSON.
inline FieldRule value_field(const std::string& path) {
  return {.path = path, .bad = kHuge + Texts{R"({"a":[1e999]})"}, .is_required = true, .may_be_null = true};
}

inline std::vector<RouteRule> state_rules() {
  const std::vector<std::string> bad_prefix = {"%01", "%FF", std::string(513, 'a')};
  std::vector<std::string> no_prefix = bad_prefix;
  no_prefix.emplace_back();
  auto list = RouteRule{.method = Method::kGet, .pattern = "/v1/state"};
  list.query = {
      {"prefix", bad_prefix}, {"limit", kNoPage}, {"cursor", {"", "x", "n7", "t", "tzz", "t6"}}, {"min_lsn", kNoLsn}};
  auto drop = RouteRule{.method = Method::kDelete, .pattern = "/v1/state", .query = kDurability};
  drop.query["prefix"] = no_prefix;
  auto erase = RouteRule{.method = Method::kDelete, .pattern = "/v1/state/{key}", .query = kDurability};
  erase.query["if_revision"] = kNoLsn;
  return {list,
          drop,
          erase,
          {.method = Method::kGet, .pattern = "/v1/state/{key}", .query = {{"min_lsn", kNoLsn}}},
          {.method = Method::kPut,
           .pattern = "/v1/state/{key}",
           .body = json::parse(R"({"value":{"a":1},"ttl_ms":60000,"if_revision":0})"),
           .fields = {value_field("/value"), {"/ttl_ms", kNoTtl}, {"/if_revision", kNoRevision}},
           .query = kDurability},
          {.pattern = "/v1/state/batch_put",
           .body = json::parse(R"({"operations":[{"key":"k","value":1,"ttl_ms":60000,"if_revision":0}]})"),
           .fields = {{"/operations/0/key", kNoKey, true},
                      value_field("/operations/0/value"),
                      {"/operations/0/ttl_ms", kNoTtl},
                      {"/operations/0/if_revision", kNoRevision}},
           .objects = {"", "/operations/0"},
           .query = kDurability,
           .fails_items = true}};
}

inline std::vector<RouteRule> document_rules() {
  const std::string one = "/v1/doc/{collection}/{id}";
  const std::map<std::string, std::vector<std::string>> if_match = {
      {"If-Match", {"x", "-1", "1.5", "*", "W/\"1\"", "\"\"", "\"x\"", "18446744073709551616"}}};
  const Texts no_list = Texts{"1", R"("a")", "{}", "true", "[1]", "[null]", "[[]]"} + kHuge;
  const std::string key = R"({"key":"a"})";
  const std::string nine_keys = fmt::format("[{}]", fmt::join(std::vector<std::string>(9, key), ","));
  const FieldRule deep{"/a", kHuge + Texts{R"({"b":[1e999]})"}};
  RouteRule put{.method = Method::kPut, .pattern = one, .body = json::parse(R"({"a":1})"), .fields = {deep}};
  put.objects = {};
  put.query = kDurability;
  put.body_is_any_json = true;
  put.headers = if_match;
  RouteRule patch = put;
  patch.method = Method::kPatch;
  return {put,
          patch,
          {.method = Method::kGet, .pattern = one, .query = {{"min_lsn", kNoLsn}}},
          {.method = Method::kDelete, .pattern = one, .query = kDurability, .headers = if_match},
          {.method = Method::kDelete, .pattern = "/v1/doc/{collection}", .query = kDurability},
          {.pattern = "/v1/doc/{collection}/find",
           .body = json::parse(R"({"filter":{"key":"a","match":{"value":1}},"sort":[{"key":"a","order":"desc"}]})"),
           .fields = {{"/filter", kNoFilter},
                      {"/sort", no_list + Texts{nine_keys}},
                      {"/sort/0", Texts{"1", R"("a")", "[]", "{}"} + kHuge},
                      {"/sort/0/key", kNoPath, true},
                      {"/sort/0/order", no_word({R"("ASC")", R"("descending")"})},
                      {"/limit", no_whole(1, "1001")},
                      {"/cursor", kNoText + Texts{R"("")", R"("x")", R"("zz")", R"("00")", R"("0")", R"("FF")"}},
                      {"/min_lsn", kNoRevision}},
           .objects = {"", "/sort/0"}}};
}

inline std::vector<RouteRule> sql_rules() {
  const Texts no_statement = kNoText + Texts{R"("")", R"(" ")", R"(";")", R"("\u0000")", R"("SELECT 1\u0000")"} +
                             Texts{R"("nonsense")",        R"("SELECT a FROM nowhere")",   R"("SELECT 1; SELECT 2")",
                                   R"("ATTACH 'x' AS y")", R"("PRAGMA journal_mode=WAL")", R"("BEGIN")",
                                   R"("VACUUM")"};
  // The statements below take one value.
  const Texts no_params = Texts{"1", R"("x")", "true", "{}", "[]", "[1,2]", "[[]]", "[{}]", "[1e999]"} + kHuge;
  return {{.pattern = "/v1/sql/query",
           .body = json::parse(R"({"sql":"SELECT ? AS a","params":[1]})"),
           .fields = {{"/sql", no_statement + Texts{R"~("CREATE TABLE u(a)")~", R"("DELETE FROM t")"}, true},
                      {"/params", no_params},
                      {"/min_lsn", kNoRevision}}},
          {.pattern = "/v1/sql/exec",
           .body = json::parse(R"~({"sql":"INSERT INTO t VALUES (?)","params":[1]})~"),
           .fields = {{"/sql", no_statement + Texts{R"("SELECT 1")", R"("DELETE FROM t RETURNING a")"}, true},
                      {"/params", no_params}},
           .query = kDurability}};
}

// The values that a stream does not take are refused before it begins.
inline RouteRule stream_rule(const std::string& pattern, const std::string& prefix) {
  RouteRule rule{.method = Method::kGet, .pattern = pattern, .query = {{"since", kNoLsn}}};
  rule.query["types"] = {fmt::format("{}", fmt::join(std::vector<std::string>(65, "a"), ","))};
  rule.query[prefix] = {std::string(513, 'a')};
  rule.query["collection"] = {"../x", ".x", "a%20b", "%00", "%ff", std::string(65, 'a')};
  return rule;
}

inline std::vector<RouteRule> event_rules() {
  return {stream_rule("/v1/stream", "key_prefix"),
          stream_rule("/v1/events", "prefix"),
          {.pattern = "/v1/events",
           .body = json::parse(R"({"type":"app.done","data":{"a":1}})"),
           .fields = {{"/type", kNoEventType, true}, value_field("/data")},
           .query = kDurability}};
}

inline std::vector<RouteRule> batch_rules() {
  const json operations = json::parse(R"([
      {"op":"state.put","key":"batch:1","value":1,"ttl_ms":60000,"if_revision":0},
      {"op":"state.delete","key":"batch:2","if_revision":0},
      {"op":"doc.put","collection":"c","id":"batch","doc":{"a":1},"if_revision":0},
      {"op":"doc.delete","collection":"c","id":"absent"},
      {"op":"vector.upsert","collection":"c","id":77,"vector":[1,2],"meta":{"a":1}},
      {"op":"vector.delete","collection":"c","id":77},
      {"op":"event.append","type":"app.done","data":1}])");
  RouteRule rule{.pattern = "/v1/batch", .body = {{"operations", operations}}};
  rule.query = kDurability;
  rule.fields = {{"/operations", Texts{"1", R"("a")", "{}", "[]", "[1]", "[null]", "[[]]", "[{}]"} + kHuge, true},
                 {"/operations/0/key", kNoKey, true},
                 value_field("/operations/0/value"),
                 {"/operations/0/ttl_ms", kNoTtl},
                 {"/operations/0/if_revision", kNoRevision},
                 {"/operations/1/key", kNoKey, true},
                 {"/operations/1/if_revision", kNoRevision},
                 {"/operations/2/collection", kNoCollection, true},
                 {"/operations/2/id", kNoDocumentId, true},
                 value_field("/operations/2/doc"),
                 {"/operations/2/if_revision", kNoRevision},
                 {"/operations/3/collection", kNoCollection, true},
                 {"/operations/3/id", kNoDocumentId, true},
                 {"/operations/4/collection", kNoCollection, true},
                 {"/operations/4/collection", Texts{R"("absent")"}, false, "operations[4]"},
                 {"/operations/4/id", kNoId, true},
                 {"/operations/4/vector", kNoVector, true},
                 {"/operations/4/vector_b64", kNoBase64, false, "", "vector"},
                 {"/operations/4/meta", kHuge + Texts{R"({"a":[1e999]})"}},
                 {"/operations/5/collection", kNoCollection, true},
                 {"/operations/5/collection", Texts{R"("absent")"}, false, "operations[5]"},
                 {"/operations/5/id", kNoId, true},
                 {"/operations/5/id", Texts{R"("absent")"}, false, "operations[5]"},
                 {"/operations/6/type", kNoEventType, true},
                 value_field("/operations/6/data")};
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const std::string at = fmt::format("/operations/{}", i);
    rule.objects.push_back(at);
    rule.fields.push_back({at + "/op", no_word({R"("STATE.PUT")", R"("state.get")"}), true});
  }
  return {rule};
}

}  // namespace vibrato::api::field_rules
