// Every route that takes a body or query parameters, every field of it, with every kind of value that it does not take:
// 4xx, the code, the name of the field in the message, and nothing is logged. bad_input_test.cpp has what is particular
// to one route; here the table says what a field is, and the bad values follow from that.
#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;

// Raw JSON texts: some of them are no numbers that a document tree could hold.
using Texts = std::vector<std::string>;

Texts operator+(Texts a, const Texts& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Texts kHuge = {"1e999", "-1e999", "123456789012345678901234567890"};
const Texts kNoText = Texts{"1", "-1.5", "true", "[]", "{}", R"(["a"])"} + kHuge;
const Texts kNoSwitch = Texts{"0", "1", R"("true")", R"("")", "[]", "{}"} + kHuge;
const Texts kNoFloat = Texts{R"("1")", "true", "[]", "{}", "1e39", "-1e39"} + kHuge;
const Texts kNoObject = Texts{"1", R"("x")", "true", "[]", "[{}]"} + kHuge;
const Texts kNoId = Texts{"-1", "7.0", "1e3", "true", "false", "[]", "[1]", "{}", R"("")", R"("a\u0000")", R"("\n")"} +
                    Texts{'"' + std::string(257, 'a') + '"', "18446744073709551616"} + kHuge;
const Texts kNoVector =
    Texts{R"("x")",     "1",        "true",    "{}",     "[]",       "[1]",   "[1,2,3]",  "[1,null]",
          R"(["1",2])", "[1,true]", "[[1,2]]", "[1,{}]", "[1,1e39]", "[0,0]", "[1e999,1]"} +
    kHuge;
const Texts kNoBase64 =
    kNoText + Texts{R"("***")", R"("AACAPw==")", R"("AACAPwAA")", R"("AACAfwAAgD8=")", R"("AAAAAAAAAAA=")", R"("")"};
const Texts kNoCollection =
    kNoText + Texts{R"("")", R"("../x")", R"(".x")", R"("a b")"} + Texts{'"' + std::string(65, 'a') + '"'};

Texts no_whole(std::uint64_t min, const std::string& past_max) {
  Texts texts = Texts{"-1", "1.5", "1.0", R"("1")", "true", "[]", "[1]", "{}", past_max} + kHuge;
  if (min > 0) {
    texts.push_back(std::to_string(min - 1));
  }
  return texts;
}
Texts no_word(const Texts& near) {
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

const std::vector<std::string> kNoLsn = {"", "-1", "1.5", "x", "0x1", "+1", "%201", "18446744073709551616"};
const std::vector<std::string> kNoPage = {"", "0", "1001", "-1", "1.5", "x"};
const std::map<std::string, std::vector<std::string>> kDurability = {
    {"durability", {"", "no", "SYNCED", "synced%20", "1", "true"}}};

std::vector<FieldRule> point_fields(const std::string& at, bool vector_is_required) {
  return {{at + "/id", kNoId, true},
          {at + "/vector", kNoVector, vector_is_required},
          {at + "/vector_b64", kNoBase64, false, "", "vector"}};
}

std::vector<RouteRule> collection_rules() {
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

std::vector<RouteRule> point_rules() {
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

std::vector<RouteRule> search_rules() {
  RouteRule search{.pattern = "/v1/vector/{collection}/search", .body = json::parse(R"({"vector":[1,2]})")};
  search.fields = {{"/vector", kNoVector, true},
                   {"/vector_b64", kNoBase64, false, "", "vector"},
                   {"/id", kNoId + Texts{R"("absent")"}, false, "", "vector"},
                   {"/k", no_whole(1, "1001")},
                   {"/ef", no_whole(1, "4097")},
                   {"/offset", no_whole(0, "18446744073709551616")},
                   {"/min_lsn", no_whole(0, "18446744073709551616")},
                   {"/min_score", kNoFloat},
                   {"/max_distance", kNoFloat + Texts{"1"}},  // Only with l2.
                   {"/tier", no_word({R"("hot")", R"("ALL")"})}};
  for (const char* flag : {"exact", "rescore", "include_meta", "include_vector", "explain"}) {
    search.fields.push_back({std::string("/") + flag, kNoSwitch});
  }
  for (const char* later : {"filter", "filters", "group_by", "group_limit", "recall", "nprobe"}) {
    search.fields.push_back({std::string("/") + later, Texts{"1", "0.9", R"("a")", "{}", "[]"} + kHuge});
  }
  return {search};
}

std::vector<RouteRule> admin_rules() {
  const json empty = json::object();
  return {
      {.pattern = "/v1/admin/checkpoint", .body = empty, .body_may_be_missing = true},
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

std::vector<RouteRule> v2_rules() {
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
                  {"/filter", kNoObject + Texts{R"({"tags_any":["a"]})"}},
                  {"/search_tier", no_word({R"("hot")"})}},
       .objects = {}},
  };
}

std::vector<RouteRule> all_rules() {
  std::vector<RouteRule> all = collection_rules();
  for (const auto& part : {point_rules(), search_rules(), admin_rules(), v2_rules()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// ---- The walk ----

// "/items/0/vector" -> "items[0].vector".
std::string name_of(const FieldRule& rule) {
  std::string name;
  for (std::size_t at = 0; at < rule.path.size();) {
    const std::size_t end = std::min(rule.path.find('/', at + 1), rule.path.size());
    const std::string part = rule.path.substr(at + 1, end - at - 1);
    const bool is_index = part.find_first_not_of("0123456789") == std::string::npos;
    name += is_index ? '[' + part + ']' : (name.empty() ? "" : ".") + part;
    at = end;
  }
  return rule.name.empty() ? name : rule.name;
}

// The body with a raw text in the place of a field.
std::string with(const json& body, const FieldRule& rule, const std::string& raw) {
  constexpr const char* kPlace = "@@place@@";
  json changed = body;
  changed[json::json_pointer(rule.path)] = kPlace;
  if (!rule.instead_of.empty()) {
    changed[json::json_pointer(rule.path).parent_pointer()].erase(rule.instead_of);
  }
  std::string text = changed.dump();
  const std::string quoted = '"' + std::string(kPlace) + '"';
  return text.replace(text.find(quoted), quoted.size(), raw);
}

class EveryField : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(api_.post("/v1/vector/c", R"({"dim":2,"metric":"cosine"})").status, 200);
    ASSERT_EQ(api_.post("/v1/vector/c/upsert", R"({"id":1,"vector":[1,2],"meta":{"a":1}})").status, 200);
    // What /v2 speaks to: cosine as well, so that a zero vector is a fault on every surface.
    ASSERT_EQ(api_.post("/v1/vector/default", R"({"dim":2,"metric":"cosine"})").status, 200);
    lsn_ = api_.lsn();
  }

  static std::string target_of(const RouteRule& rule) {
    std::string target = rule.pattern;
    if (const auto at = target.find("{collection}"); at != std::string::npos) {
      // What would be taken is for a collection that is not there yet.
      const std::string name = target.ends_with('}') && rule.method == Method::kPost ? "new" : "c";
      target.replace(at, std::string_view("{collection}").size(), name);
    }
    return target;
  }

  void expect_refused(const RouteRule& rule, const std::string& target, const std::string& body,
                      const std::vector<std::string_view>& codes, const std::string& names, bool in_item = false) {
    const ApiAnswer answer = api_.call(rule.method, target, body);
    const std::string what =
        fmt::format("{} {} -> {} {}", target, body.substr(0, 200), answer.status, answer.text.substr(0, 300));
    ++checked_;
    json error = answer.body;
    std::string code_name = rule.pattern.starts_with("/v2/") ? "code" : "error";
    if (in_item) {
      ASSERT_EQ(answer.status, 200) << what;
      EXPECT_FALSE(answer.body.contains("lsn")) << what;
      error = answer.body["results"][0].value("error", json::object());
    } else {
      EXPECT_TRUE(answer.status == 400 || answer.status == 404) << what;
      ASSERT_TRUE(error.is_object()) << what;
      EXPECT_EQ(error.value("request_id", ""), "test-1") << what;
    }
    EXPECT_NE(std::find(codes.begin(), codes.end(), error.value(code_name, "")), codes.end()) << what;
    EXPECT_NE(error.value("message", "").find(names), std::string::npos) << what << "\nshould name " << names;
    ASSERT_EQ(api_.lsn(), lsn_) << what;
  }

  void check_fields(const RouteRule& rule) {
    const std::string target = target_of(rule);
    const std::vector<std::string_view> codes = {"invalid_argument", "dim_mismatch", "bad_request", "not_found"};
    for (const FieldRule& field : rule.fields) {
      for (const std::string& bad : field.bad) {
        // Whatever form a vector has, what does not fit the collection is said of the vector.
        const bool is_base64 = field.path.ends_with("vector_b64");
        std::string name = name_of(field);
        name.resize(name.size() - (is_base64 ? std::string_view("_b64").size() : 0));
        expect_refused(rule, target, with(rule.body, field, bad), codes, name, rule.fails_items);
      }
      if (field.is_required) {
        json without = rule.body;
        const json::json_pointer pointer(field.path);
        without[pointer] = nullptr;
        expect_refused(rule, target, without.dump(), codes, name_of(field), rule.fails_items);
        without[pointer.parent_pointer()].erase(pointer.back());
        expect_refused(rule, target, without.dump(), codes,
                       field.name.empty() ? name_of(field) + " is missing" : "missing", rule.fails_items);
      }
    }
    for (const std::string& object : rule.objects) {
      for (const char* value : {"1", "null", "1e999", "{}"}) {
        expect_refused(rule, target, with(rule.body, {.path = object + "/unknwon", .bad = {}}, value),
                       {"unknown_field"}, "'unknwon'");
      }
    }
  }

  void check_body(const RouteRule& rule) {
    const std::string target = target_of(rule);
    for (const char* text : {"{", "nul", "{} {}", R"({"a":NaN})", R"({"a":01})", "{\"\xff\":1}", R"({"a":"\udc00"})"}) {
      expect_refused(rule, target, text, {"invalid_json"}, "not valid JSON");
    }
    for (const char* text : {"[]", "7", "null", R"("x")", "1e999"}) {
      expect_refused(rule, target, text, {"invalid_argument", "bad_request"}, "must be a JSON object");
    }
    if (!rule.body_may_be_missing) {
      const ApiAnswer empty = api_.call(rule.method, target, "", {{"Content-Type", "application/json"}});
      EXPECT_EQ(empty.status, 400) << target;
      EXPECT_EQ(api_.lsn(), lsn_) << target;
    }
  }

  void check_query(const RouteRule& rule) {
    // A good id comes with the other parameters of `get`.
    const std::string target = target_of(rule);
    const auto with_query = [&](const std::string& name, const std::string& value) {
      const std::string rest = rule.query.contains("id") && name != "id" ? "&id=1" : "";
      return fmt::format("{}?{}={}{}", target, name, value, rest);
    };
    const std::string body = rule.body.is_null() ? "" : rule.body.dump();
    for (const auto& [name, values] : rule.query) {
      for (const std::string& value : values) {
        expect_refused(rule, with_query(name, value), body, {"invalid_argument"}, name);
      }
      expect_refused(rule, with_query(name, "1") + "&" + name + "=1", body, {"invalid_argument"},
                     name + " comes twice");
    }
    expect_refused(rule, with_query("unknwon", "1"), body, {"unknown_field"}, "'unknwon'");
  }

  test::DatabaseApi api_;
  std::uint64_t lsn_ = 0;
  std::size_t checked_ = 0;
};

TEST_F(EveryField, refuses_what_it_does_not_take_and_logs_nothing) {
  for (const RouteRule& rule : all_rules()) {
    SCOPED_TRACE(rule.pattern);
    if (!rule.body.is_null()) {
      check_fields(rule);
      check_body(rule);
    }
    if (!rule.pattern.starts_with("/v2/")) {
      check_query(rule);
    }
  }
  EXPECT_GT(checked_, 1300U);
  // The log itself has nothing more either: the next write gets the next LSN.
  EXPECT_EQ(api_.post("/v1/vector/c/upsert", R"({"id":1,"vector":[1,2]})").body["lsn"], lsn_ + 1);
  const json info = api_.get("/v1/vector/c").body;
  EXPECT_EQ(info["live_count"], 1);
  EXPECT_EQ(info["applied_lsn"], lsn_ + 1);
  EXPECT_EQ(api_.get("/v1/admin/stats").body["visible_lsn"], lsn_ + 1);
  EXPECT_TRUE(api_.get("/v1/admin/keys").body["keys"].empty());
  EXPECT_EQ(api_.get("/v1/vector").body["collections"].size(), 2U);
}

TEST_F(EveryField, the_table_has_every_route_that_takes_something) {
  std::map<std::pair<Method, std::string>, RouteRule> rules;
  for (RouteRule& rule : all_rules()) {
    rules.emplace(std::pair(rule.method, rule.pattern), std::move(rule));
  }
  // Bodies that are ignored, and a route that is not built yet.
  const std::vector<std::string> without_input = {"/v2/identify", "/v2/admin/checkpoint", "/v2/admin/compact",
                                                  "/v2/admin/snapshot"};
  for (const Route* route : api_.table().routes()) {
    const auto rule = rules.find({route->method, route->pattern});
    const bool takes_parameters = route->known_query_parameters.has_value() && !route->known_query_parameters->empty();
    const bool is_excused = std::ranges::find(without_input, route->pattern) != without_input.end();
    if ((route->method == Method::kPost && !is_excused) || takes_parameters) {
      ASSERT_NE(rule, rules.end()) << route->label;
    }
    if (rule == rules.end()) continue;
    if (takes_parameters) {
      for (const std::string& name : *route->known_query_parameters) {
        EXPECT_TRUE(rule->second.query.contains(name)) << route->label << ' ' << name;
      }
    }
    rules.erase(rule);
  }
  EXPECT_TRUE(rules.empty()) << "a route of the table is gone: " << rules.begin()->first.second;
}

TEST_F(EveryField, the_bodies_of_the_table_would_be_taken) {
  for (const RouteRule& rule : all_rules()) {
    if (rule.body.is_null()) continue;
    const ApiAnswer answer = api_.call(rule.method, target_of(rule), rule.body.dump());
    EXPECT_TRUE(answer.status == 200 || answer.status == 201 || answer.body.value("error", "") == "already_exists")
        << rule.pattern << ' ' << answer.text;
    if (rule.fails_items) {
      EXPECT_NE(answer.body["results"][0]["status"], "error") << answer.text;
    }
  }
}

}  // namespace
}  // namespace vibrato::api
