#include "filter/parse_filter.hpp"

#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"

namespace vibrato::filter {
namespace {

Status parse(const std::string& json, bool equalities = false) {
  simdjson::dom::parser parser;
  const simdjson::dom::element root = parser.parse(json);
  return (equalities ? parse_equalities(root) : parse_filter(root)).status();
}

// The message begins with the place.
void expect_fault(const std::string& json, const std::string& place, bool equalities = false) {
  const Status status = parse(json, equalities);
  EXPECT_EQ(status.code(), ErrorCode::kInvalidFilter) << json;
  EXPECT_TRUE(status.message().starts_with(place + ": ")) << json << " gave " << status.message();
}

TEST(ParseFilter, accepts_every_form) {
  for (const auto* json :
       {"{}", R"({"must":{}})", R"({"must":[{"is_null":"a"},{"should":[{"is_empty":"b.c"}]}],"must_not":[]})",
        R"({"key":"a","match":{"value":"x"}})", R"({"key":"a","match":{"any":[1,"x",false]}})",
        R"({"key":"a","match":{"except":[]}})", R"({"key":"a","match":{"prefix":""}})",
        R"({"key":"a","range":{"gt":1,"lte":2.5}})", R"({"key":"a","range":{"gte":"2026-11-21T07:30:00Z"}})",
        R"({"has_id":[1,"x",18446744073709551615]})", R"({"has_id":[]})"}) {
    EXPECT_TRUE(parse(json).ok()) << json;
  }
}

TEST(ParseFilter, names_the_place_of_a_fault) {
  expect_fault("[]", "filter");
  expect_fault("null", "filter");
  expect_fault(R"({"must":3})", "filter.must");
  expect_fault(R"({"must":[{},null]})", "filter.must[1]");
  expect_fault(R"({"must":[{},{"should":[{"key":"a"}]}]})", "filter.must[1].should[0]");
  expect_fault(R"({"match":{"value":1}})", "filter");
  expect_fault(R"({"key":"a"})", "filter");
  expect_fault(R"({"key":"a","match":{"value":1},"range":{"gt":1}})", "filter");
  expect_fault(R"({"key":1,"match":{"value":1}})", "filter.key");
  expect_fault(R"({"key":"","match":{"value":1}})", "filter.key");
  expect_fault(R"({"is_null":1})", "filter.is_null");
  expect_fault(R"({"is_empty":""})", "filter.is_empty");
  expect_fault(R"({"has_id":"x"})", "filter.has_id");
  expect_fault(R"({"must_not":{"has_id":[1,-1]}})", "filter.must_not.has_id[1]");
}

TEST(ParseFilter, refuses_what_is_no_match) {
  for (const auto* match : {"{}", "[]", "null", R"({"value":1,"any":[1]})"}) {
    expect_fault(std::string(R"({"key":"a","match":)") + match + "}", "filter.match");
  }
  for (const auto* value : {"null", "[1]", "{}"}) {
    expect_fault(std::string(R"({"key":"a","match":{"value":)") + value + "}}", "filter.match.value");
    expect_fault(std::string(R"({"key":"a","match":{"any":[1,)") + value + "]}}", "filter.match.any[1]");
    expect_fault(std::string(R"({"key":"a","match":{"except":[)") + value + "]}}", "filter.match.except[0]");
  }
  expect_fault(R"({"key":"a","match":{"any":1}})", "filter.match.any");
  expect_fault(R"({"key":"a","match":{"prefix":1}})", "filter.match.prefix");
}

TEST(ParseFilter, refuses_what_is_no_range) {
  for (const auto* range :
       {"{}", "[]", "1", R"({"gt":1,"lt":"2026-11-21T07:30:00Z"})", R"({"gt":1,"gte":"2026-11-21T07:30:00Z"})"}) {
    expect_fault(std::string(R"({"key":"a","range":)") + range + "}", "filter.range");
  }
  for (const auto* bound : {"null", "true", R"("yesterday")", "[]", R"("")"}) {
    expect_fault(std::string(R"({"key":"a","range":{"gt":)") + bound + "}}", "filter.range.gt");
  }
}

TEST(ParseFilter, refuses_unknown_mixed_and_repeated_fields) {
  expect_fault(R"({"musst":[]})", "filter");
  expect_fault(R"({"key":"a","match":{"val":1}})", "filter.match");
  expect_fault(R"({"key":"a","range":{"gt":1,"max":2}})", "filter.range");
  expect_fault(R"({"is_null":"a","is_empty":"a"})", "filter");
  expect_fault(R"({"must":[],"key":"a","match":{"value":1}})", "filter");
  expect_fault(R"({"must":[],"must":[]})", "filter");
  EXPECT_NE(parse(R"({"musst":[]})").message().find("musst"), std::string::npos);
}

TEST(ParseFilter, refuses_what_is_no_id) {
  for (const auto* id : {"-1", "7.0", "true", "null", R"("")", "[]"}) {
    expect_fault(std::string(R"({"has_id":[)") + id + "]}", "filter.has_id[0]");
  }
  EXPECT_TRUE(parse(R"({"has_id":[")" + std::string(limits::kPointIdBytesMax, 'x') + "\"]}").ok());
  expect_fault(R"({"has_id":[")" + std::string(limits::kPointIdBytesMax + 1, 'x') + "\"]}", "filter.has_id[0]");
}

std::string repeated(const std::string& item, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += (i == 0 ? "" : ",") + item;
  }
  return text;
}

TEST(ParseFilter, holds_its_caps) {
  const auto must = [](std::size_t count) { return R"({"must":[)" + repeated(R"({"is_null":"a"})", count) + "]}"; };
  EXPECT_TRUE(parse(must(limits::kFilterNodesMax - 2)).ok());
  EXPECT_TRUE(parse(must(limits::kFilterNodesMax - 1)).ok()) << "the group is a node too";
  expect_fault(must(limits::kFilterNodesMax), "filter.must[255]");

  const auto any = [](std::size_t count) { return R"({"key":"a","match":{"any":[)" + repeated("1", count) + "]}}"; };
  EXPECT_TRUE(parse(any(limits::kFilterValuesMax - 1)).ok());
  EXPECT_TRUE(parse(any(limits::kFilterValuesMax)).ok());
  expect_fault(any(limits::kFilterValuesMax + 1), "filter.match.any[10000]");

  const auto key = [](std::size_t bytes) { return R"({"is_null":")" + std::string(bytes, 'k') + "\"}"; };
  EXPECT_TRUE(parse(key(limits::kFilterKeyBytesMax - 1)).ok());
  EXPECT_TRUE(parse(key(limits::kFilterKeyBytesMax)).ok());
  expect_fault(key(limits::kFilterKeyBytesMax + 1), "filter.is_null");
}

TEST(ParseFilter, equalities_take_scalars_by_key) {
  EXPECT_TRUE(parse("{}", true).ok());
  EXPECT_TRUE(parse(R"({"a":1,"b.c":"x","d":true})", true).ok());
  expect_fault("[]", "filters", true);
  expect_fault(R"({"a":null})", "filters.a", true);
  expect_fault(R"({"a":1,"b":[1]})", "filters.b", true);
}

TEST(ParseFilter, sorts_and_thins_out_values) {
  simdjson::dom::parser parser;
  const std::string json = R"({"key":"a.b","match":{"any":["y",2,true,2.0,"x",false]}})";
  const Result<Filter> filter = parse_filter(parser.parse(json));
  ASSERT_TRUE(filter.ok());
  const auto& test = std::get<MatchAny>(filter->test);
  EXPECT_EQ(test.path.steps, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(test.values, (std::vector<Scalar>{false, true, Number::from_signed(2), "x", "y"}));
}

}  // namespace
}  // namespace vibrato::filter
