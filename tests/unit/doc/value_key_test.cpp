#include "doc/value_key.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "base/limits.hpp"
#include "doc/index_entries.hpp"
#include "doc/index_plan.hpp"
#include "filter/meta_value.hpp"
#include "support/document_store.hpp"

namespace vibrato::doc {
namespace {

std::string sort_value(std::string_view json_text) {
  simdjson::dom::parser parser;
  return sort_value_of(parser.parse(json_text), filter::path_of("v"));
}

TEST(ValueKey, orders_values_as_a_sort_does) {
  const char* const ascending[] = {R"({"v":null})",
                                   R"({"v":false})",
                                   R"({"v":true})",
                                   R"({"v":-1e300})",
                                   R"({"v":-9007199254740993})",
                                   R"({"v":-9007199254740992})",
                                   R"({"v":-3})",
                                   R"({"v":-2.5})",
                                   R"({"v":-5e-324})",
                                   R"({"v":0})",
                                   R"({"v":5e-324})",
                                   R"({"v":2.5})",
                                   R"({"v":3})",
                                   R"({"v":9007199254740992})",
                                   R"({"v":9007199254740993})",
                                   R"({"v":18446744073709551614})",
                                   R"({"v":18446744073709551615})",
                                   R"({"v":1e300})",
                                   R"({"v":""})",
                                   R"({"v":"A"})",
                                   R"({"v":"a"})",
                                   R"({"v":"aa"})",
                                   R"({"v":"b"})",
                                   "{\"v\":\"\xc3\xa4\"}",
                                   R"({"v":[1]})",
                                   R"({"w":1})"};
  for (std::size_t i = 0; i + 1 < std::size(ascending); ++i) {
    EXPECT_LT(sort_value(ascending[i]), sort_value(ascending[i + 1])) << ascending[i];
  }
  EXPECT_EQ(sort_value(R"({"v":3})"), sort_value(R"({"v":3.0})"));
  EXPECT_EQ(sort_value(R"({"v":0})"), sort_value(R"({"v":-0.0})"));
  EXPECT_EQ(sort_value(R"({"v":[1]})"), sort_value(R"({"v":{"a":2}})"));
  EXPECT_TRUE(is_absent(sort_value("7")));
}

std::vector<IndexEntry> entries(std::string_view json_text) {
  simdjson::dom::parser parser;
  return entries_of(parser.parse(json_text), filter::path_of("v"));
}

std::size_t wholes(const std::vector<IndexEntry>& entries) {
  return static_cast<std::size_t>(
      std::count_if(entries.begin(), entries.end(), [](const IndexEntry& entry) { return !entry.is_element; }));
}

TEST(IndexEntries, each_document_has_one_for_its_value_and_others_for_elements) {
  EXPECT_EQ(entries("{}"), (std::vector<IndexEntry>{{key_of(ValueKind::kAbsent), false, false}}));
  EXPECT_EQ(entries(R"({"v":[]})"), (std::vector<IndexEntry>{{key_of(ValueKind::kStructure), false, false}}));
  EXPECT_EQ(entries(R"({"v":true})"), (std::vector<IndexEntry>{{key_of(true), false, false}}));
  const auto list = entries(R"({"v":["b",1,"b",1.0,null,[2]]})");
  EXPECT_EQ(list, (std::vector<IndexEntry>{{key_of(filter::Number::from_signed(1)), true, false},
                                           {key_of(std::string_view("b")), true, false},
                                           {key_of(ValueKind::kStructure), false, false}}));
  const auto time = entries(R"({"v":"2026-11-21T07:30:00Z"})");
  ASSERT_EQ(time.size(), 2U);
  EXPECT_EQ(wholes(time), 1U);
}

TEST(IndexEntries, long_strings_are_cut_and_long_arrays_not_listed) {
  const auto text = [](std::size_t bytes) { return entries(R"({"v":")" + std::string(bytes, 'x') + R"("})"); };
  EXPECT_FALSE(text(limits::kIndexedTextBytesMax - 1)[0].is_cut);
  EXPECT_FALSE(text(limits::kIndexedTextBytesMax)[0].is_cut);
  EXPECT_TRUE(text(limits::kIndexedTextBytesMax + 1)[0].is_cut);
  const auto list = [](std::size_t elements) {
    std::string json_text = R"({"v":[)";
    for (std::size_t i = 0; i < elements; ++i) {
      json_text += (i == 0 ? "" : ",") + std::to_string(i);
    }
    return entries(json_text + "]}");
  };
  EXPECT_EQ(list(limits::kIndexedElementsMax - 1).size(), limits::kIndexedElementsMax);
  EXPECT_EQ(list(limits::kIndexedElementsMax).size(), limits::kIndexedElementsMax + 1);
  const auto many = list(limits::kIndexedElementsMax + 1);
  ASSERT_EQ(many.size(), 2U);
  EXPECT_EQ(many[1], (IndexEntry{key_of(ValueKind::kManyElements), true, false}));
}

TEST(IndexPlan, takes_what_must_hold_and_nothing_else) {
  const auto paths = [](std::string_view json_text) {
    std::string text;
    for (const ServableCondition& one : plan_of(test::document_filter(json_text)).conditions) {
      text += (text.empty() ? "" : " ") + one.path.key;
    }
    return text;
  };
  EXPECT_EQ(paths(R"({"key":"a","match":{"value":1}})"), "a");
  EXPECT_EQ(paths(R"({"must":[{"key":"a","range":{"gt":1}},{"key":"b.c","match":{"prefix":"x"}},{"is_null":"d"}]})"),
            "a b.c d");
  EXPECT_EQ(
      paths(R"({"must":[{"must":{"key":"a","match":{"any":[1,2]}}}],"must_not":{"key":"b","match":{"value":1}}})"),
      "a");
  EXPECT_EQ(paths(R"({"should":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":1}}]})"), "");
  EXPECT_EQ(paths(R"({"should":{"key":"a","match":{"value":1}}})"), "a");
  EXPECT_EQ(paths(R"({"must":[{"key":"a","match":{"except":[1]}},{"is_empty":"b"},{"has_id":["x",7]}]})"), "");
  const IndexPlan plan = plan_of(test::document_filter(R"({"has_id":["x",7,"a"]})"));
  ASSERT_TRUE(plan.ids.has_value());
  EXPECT_EQ(*plan.ids, (std::vector<std::string>{"a", "x"}));
}

}  // namespace
}  // namespace vibrato::doc
