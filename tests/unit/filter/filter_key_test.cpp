#include "filter/filter_key.hpp"

#include <gtest/gtest.h>
#include <map>
#include <simdjson.h>
#include <string>
#include <vector>

#include "filter/parse_filter.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::filter {
namespace {

std::string key_of(const std::string& json) {
  simdjson::dom::parser parser;
  const auto filter = parse_filter(parser.parse(json));
  EXPECT_OK(filter) << json;
  std::string key;
  append_filter_key(*filter, key);
  return key;
}

TEST(FilterKey, tells_apart_what_differs) {
  const std::vector<std::string> filters = {
      R"({})",
      R"({"key":"a","match":{"value":1}})",
      R"({"key":"b","match":{"value":1}})",
      R"({"key":"a","match":{"value":"1"}})",
      R"({"key":"a","match":{"value":true}})",
      R"({"key":"a","match":{"value":false}})",
      R"({"key":"a","match":{"any":[1,2]}})",
      R"({"key":"a","match":{"any":[12]}})",
      R"({"key":"a","match":{"any":["x","yz"]}})",
      R"({"key":"a","match":{"any":["xy","z"]}})",
      R"({"key":"a","match":{"any":["xyz"]}})",
      R"({"key":"a","match":{"except":["xyz"]}})",
      R"({"key":"a","match":{"prefix":"xyz"}})",
      R"({"key":"ax","match":{"prefix":"yz"}})",
      R"({"key":"a","range":{"gt":1}})",
      R"({"key":"a","range":{"gte":1}})",
      R"({"key":"a","range":{"lt":1}})",
      R"({"key":"a","range":{"gt":1,"lt":2}})",
      R"({"key":"a","range":{"gt":9007199254740992}})",
      R"({"key":"a","range":{"gt":9007199254740993}})",
      R"({"key":"a","range":{"gt":"2026-11-21T07:30:00Z"}})",
      R"({"key":"a","range":{"gt":"2026-11-21T07:30:00.000000001Z"}})",
      R"({"has_id":[1,2]})",
      R"({"has_id":["1","2"]})",
      R"({"has_id":[1,"2"]})",
      R"({"is_null":"a"})",
      R"({"is_empty":"a"})",
      R"({"must_not":[{"is_null":"a"}]})",
      R"({"must":[{"is_null":"a"},{"is_null":"b"}]})",
      R"({"should":[{"is_null":"a"},{"is_null":"b"}]})",
      R"({"must_not":[{"is_null":"a"},{"is_null":"b"}]})",
      R"({"must":[{"is_null":"a"}],"should":[{"is_null":"b"}]})",
      R"({"must":[{"is_null":"a"}],"must_not":[{"is_null":"b"}]})",
      R"({"must":[{"is_null":"b"}],"must_not":[{"is_null":"a"}]})",
  };
  std::map<std::string, std::string> seen;
  for (const std::string& filter : filters) {
    const auto [at, is_new] = seen.emplace(key_of(filter), filter);
    EXPECT_TRUE(is_new) << filter << " and " << at->second;
  }
}

TEST(FilterKey, is_the_same_in_whatever_order_things_are_named) {
  const std::vector<std::pair<std::string, std::string>> same = {
      {R"({"key":"a","match":{"any":[1,"x",true]}})", R"({"key":"a","match":{"any":[true,"x",1.0,1]}})"},
      {R"({"has_id":[3,"b",1]})", R"({"has_id":["b",1,3,3]})"},
      {R"({"must":[{"is_null":"a"},{"key":"b","range":{"gt":1,"lt":2}}]})",
       R"({"must":[{"key":"b","range":{"lt":2,"gt":1}},{"is_null":"a"},{"is_null":"a"}]})"},
      {R"({"is_null":"a"})", R"({"must":[{"is_null":"a"}]})"},
      {R"({"is_null":"a"})", R"({"should":[{"must":[{"is_null":"a"}]}]})"},
      {R"({"must":[{"should":[{"is_null":"a"},{"is_empty":"b"}]},{"has_id":[1]}]})",
       R"({"must":[{"has_id":[1]},{"should":[{"is_empty":"b"},{"is_null":"a"}]}]})"},
  };
  for (const auto& [one, other] : same) {
    EXPECT_EQ(key_of(one), key_of(other)) << one << " and " << other;
  }
}

}  // namespace
}  // namespace vibrato::filter
