// Every route that takes a body or query parameters, every field of it, with every kind of value that it does not take:
// 4xx, the code, the name of the field in the message, and nothing is logged. bad_input_test.cpp has what is particular
// to one route; field_rules.hpp says what a field is, and the bad values follow from that.
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
#include "unit/api/field_rules.hpp"

namespace vibrato::api {
namespace {

using field_rules::FieldRule;
using field_rules::RouteRule;
using nlohmann::json;
using test::ApiAnswer;

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
    // What a patch and statements speak of.
    ASSERT_EQ(api_.call(Method::kPut, "/v1/doc/c/{id}", R"({"a":1})").status, 200);
    ASSERT_EQ(api_.post("/v1/sql/exec", R"~({"sql":"CREATE TABLE t(a)"})~").status, 200);
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
                      const std::vector<std::string_view>& codes, const std::string& names, bool in_item = false,
                      const test::Headers& headers = {}) {
    const ApiAnswer answer = api_.call(rule.method, target, body, headers);
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
    const std::vector<std::string_view> codes = {"invalid_argument", "dim_mismatch", "bad_request", "invalid_filter",
                                                 "not_found"};
    for (const FieldRule& field : rule.fields) {
      for (const std::string& bad : field.bad) {
        // Whatever form a vector has, what does not fit the collection is said of the vector.
        constexpr std::string_view kBase64 = "_b64";
        std::string name = name_of(field);
        name = name.substr(0, name.ends_with(kBase64) ? name.size() - kBase64.size() : name.size());
        expect_refused(rule, target, with(rule.body, field, bad), codes, name, rule.fails_items);
      }
      if (field.is_required) {
        json without = rule.body;
        const json::json_pointer pointer(field.path);
        if (!field.may_be_null) {
          without[pointer] = nullptr;
          expect_refused(rule, target, without.dump(), codes, name_of(field), rule.fails_items);
        }
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
    if (rule.body_is_any_json) {
      expect_refused(rule, target, "1e999", {"invalid_argument"}, "number that is too large");
      check_no_body(rule, target);
      return;
    }
    for (const char* text : {"[]", "7", "null", R"("x")", "1e999"}) {
      expect_refused(rule, target, text, {"invalid_argument", "bad_request"}, "must be a JSON object");
    }
    check_no_body(rule, target);
  }

  void check_no_body(const RouteRule& rule, const std::string& target) {
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

  void check_headers(const RouteRule& rule) {
    const std::string body = rule.body.is_null() ? "" : rule.body.dump();
    for (const auto& [name, values] : rule.headers) {
      for (const std::string& value : values) {
        expect_refused(rule, target_of(rule), body, {"invalid_argument"}, name, false, {{name, value}});
      }
    }
  }

  test::DatabaseApi api_{{.no_auth = true}, [](engine::DatabaseOptions& options) { options.sql = true; }};
  std::uint64_t lsn_ = 0;
  std::size_t checked_ = 0;
};

TEST_F(EveryField, refuses_what_it_does_not_take_and_logs_nothing) {
  for (const RouteRule& rule : field_rules::all_rules()) {
    SCOPED_TRACE(rule.pattern);
    if (!rule.body.is_null()) {
      check_fields(rule);
      check_body(rule);
    }
    if (!rule.pattern.starts_with("/v2/")) {
      check_query(rule);
    }
    check_headers(rule);
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
  for (RouteRule& rule : field_rules::all_rules()) {
    rules.emplace(std::pair(rule.method, rule.pattern), std::move(rule));
  }
  // Bodies that are ignored.
  const std::vector<std::string> without_input = {"/v2/admin/checkpoint", "/v2/admin/compact", "/v2/admin/snapshot"};
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
  for (const RouteRule& rule : field_rules::all_rules()) {
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
