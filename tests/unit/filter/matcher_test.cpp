#include "filter/matcher.hpp"

#include <gtest/gtest.h>
#include <string>

#include "filter/parse_filter.hpp"

namespace vibrato::filter {
namespace {

Filter filter_of(std::string_view json) {
  simdjson::dom::parser parser;
  Result<Filter> filter = parse_filter(parser.parse(json.data(), json.size()).value());
  EXPECT_TRUE(filter.ok()) << json << ": " << filter.status().message();
  return filter.ok() ? *std::move(filter) : Filter{Group{}};
}

bool matches(std::string_view filter_json, std::string_view meta, const PointIdView& id = {}) {
  const Filter filter = filter_of(filter_json);
  Matcher matcher(filter);
  const Result<bool> result = matcher.matches(id, meta);
  EXPECT_TRUE(result.ok());
  return result.ok() && *result;
}

bool equals(std::string_view value, std::string_view meta) {
  return matches(R"({"key":"a","match":{"value":)" + std::string(value) + "}}", meta);
}

TEST(Matcher, compares_values_by_kind_and_numbers_by_value) {
  EXPECT_TRUE(equals("3", R"({"a":3.0})"));
  EXPECT_TRUE(equals("3.0", R"({"a":3})"));
  EXPECT_TRUE(equals("-0.0", R"({"a":0})"));
  EXPECT_FALSE(equals("3", R"({"a":"3"})"));
  EXPECT_FALSE(equals("1", R"({"a":true})"));
  EXPECT_TRUE(equals("true", R"({"a":true})"));
  EXPECT_FALSE(equals("true", R"({"a":false})"));
  EXPECT_TRUE(equals(R"("x")", R"({"a":"x"})"));
  EXPECT_FALSE(equals(R"("x")", R"({"a":"X"})"));
  EXPECT_TRUE(equals("18446744073709551615", R"({"a":18446744073709551615})"));
  EXPECT_FALSE(equals("9007199254740993", R"({"a":9007199254740992})"));
}

TEST(Matcher, holds_for_an_array_if_it_holds_for_an_element) {
  EXPECT_TRUE(equals("2", R"({"a":[1,2,"x"]})"));
  EXPECT_FALSE(equals("2", R"({"a":[]})"));
  EXPECT_FALSE(equals("2", R"({"a":[[2],{"a":2},null]})"));
  EXPECT_TRUE(matches(R"({"key":"a","range":{"gt":5,"lt":7}})", R"({"a":[1,6,9]})"));
  EXPECT_FALSE(matches(R"({"key":"a","range":{"gt":5,"lt":7}})", R"({"a":[1,9]})"));
  EXPECT_TRUE(matches(R"({"key":"a","match":{"prefix":"ro"}})", R"({"a":["jazz","rock"]})"));
}

TEST(Matcher, steps_through_objects_only) {
  const std::string filter = R"({"key":"a.b","match":{"value":1}})";
  EXPECT_TRUE(matches(filter, R"({"a":{"b":1}})"));
  EXPECT_FALSE(matches(filter, R"({"a.b":1})"));
  EXPECT_FALSE(matches(filter, R"({"a":[{"b":1}]})"));
  EXPECT_FALSE(matches(filter, R"({"a":1})"));
  EXPECT_FALSE(matches(filter, R"([1])"));
  EXPECT_FALSE(matches(filter, ""));
  EXPECT_TRUE(matches(filter, R"({"a":{"b":2},"a":{"b":1}})")) << "the last of equal keys counts";
}

TEST(Matcher, any_of_the_values_is_enough) {
  const std::string filter = R"({"key":"a","match":{"any":["x",2,true]}})";
  for (const auto* meta : {R"({"a":"x"})", R"({"a":2.0})", R"({"a":true})", R"({"a":[0,"x"]})"}) {
    EXPECT_TRUE(matches(filter, meta)) << meta;
  }
  for (const auto* meta : {R"({"a":"y"})", R"({"a":1})", R"({"a":false})", R"({"a":null})", R"({})"}) {
    EXPECT_FALSE(matches(filter, meta)) << meta;
  }
  EXPECT_FALSE(matches(R"({"key":"a","match":{"any":[]}})", R"({"a":1})"));
}

TEST(Matcher, except_wants_the_key_present_and_no_element_listed) {
  const std::string filter = R"({"key":"a","match":{"except":[1,"x"]}})";
  for (const auto* meta : {R"({"a":2})", R"({"a":null})", R"({"a":[]})", R"({"a":{}})", R"({"a":[2,[1]]})"}) {
    EXPECT_TRUE(matches(filter, meta)) << meta;
  }
  for (const auto* meta : {R"({"a":1})", R"({"a":1.0})", R"({"a":[2,"x"]})", R"({"b":2})", ""}) {
    EXPECT_FALSE(matches(filter, meta)) << meta;
  }
}

TEST(Matcher, null_and_empty_are_told_apart) {
  EXPECT_TRUE(matches(R"({"is_null":"a"})", R"({"a":null})"));
  for (const auto* meta : {R"({"a":[null]})", R"({"a":[]})", R"({"b":1})", R"({"a":0})", ""}) {
    EXPECT_FALSE(matches(R"({"is_null":"a"})", meta)) << meta;
  }
  for (const auto* meta : {R"({"a":null})", R"({"a":[]})", R"({"b":1})", ""}) {
    EXPECT_TRUE(matches(R"({"is_empty":"a"})", meta)) << meta;
  }
  for (const auto* meta : {R"({"a":[null]})", R"({"a":{}})", R"({"a":""})", R"({"a":0})", R"({"a":false})"}) {
    EXPECT_FALSE(matches(R"({"is_empty":"a"})", meta)) << meta;
  }
}

TEST(Matcher, bounds_are_inclusive_where_they_say_so) {
  const auto in = [](std::string_view bounds, std::string_view value) {
    return matches(R"({"key":"a","range":)" + std::string(bounds) + "}", R"({"a":)" + std::string(value) + "}");
  };
  EXPECT_TRUE(in(R"({"gte":1,"lte":3})", "1"));
  EXPECT_TRUE(in(R"({"gte":1,"lte":3})", "3.0"));
  EXPECT_FALSE(in(R"({"gt":1,"lt":3})", "1"));
  EXPECT_FALSE(in(R"({"gt":1,"lt":3})", "3"));
  EXPECT_TRUE(in(R"({"gt":1})", "1e300"));
  EXPECT_FALSE(in(R"({"gt":1})", R"("2")"));
  EXPECT_TRUE(in(R"({"gte":"2026-01-01T00:00:00Z","lt":"2027-01-01T00:00:00Z"})", R"("2026-12-31T23:59:59.9Z")"));
  EXPECT_FALSE(in(R"({"gte":"2026-01-01T00:00:00Z","lt":"2027-01-01T00:00:00Z"})", R"("2026-12-31T23:59:59-08:00")"));
  EXPECT_FALSE(in(R"({"gte":"2026-01-01T00:00:00Z"})", R"("next year")"));
  EXPECT_FALSE(in(R"({"gte":"2026-01-01T00:00:00Z"})", "1e12"));
  EXPECT_FALSE(in(R"({"gt":3,"lt":1})", "2"));
}

TEST(Matcher, two_bounds_on_one_side_hold_both) {
  const auto in = [](std::string_view bounds, std::string_view value) {
    return matches(R"({"key":"a","range":)" + std::string(bounds) + "}", R"({"a":)" + std::string(value) + "}");
  };
  for (const auto* bounds :
       {R"({"gt":1,"gte":1})", R"({"gte":1,"gt":1})", R"({"gt":1,"gte":0})", R"({"gte":-1,"gt":1})"}) {
    EXPECT_FALSE(in(bounds, "1")) << bounds;
    EXPECT_TRUE(in(bounds, "1.5")) << bounds;
  }
  for (const auto* bounds : {R"({"gt":1,"gte":2})", R"({"gte":2,"gt":1,"lt":5,"lte":4})"}) {
    EXPECT_FALSE(in(bounds, "1.5")) << bounds;
    EXPECT_TRUE(in(bounds, "2")) << bounds;
    EXPECT_TRUE(in(bounds, "4")) << bounds;
  }
  EXPECT_FALSE(in(R"({"lt":5,"lte":4})", "4.5"));
  EXPECT_FALSE(in(R"({"lt":4,"lte":4})", "4"));
  EXPECT_FALSE(in(R"({"lte":4,"lt":3})", "3"));
  EXPECT_FALSE(in(R"({"gt":1,"gte":2})", "[1.5]"));
  const auto* const times = R"({"gt":"2026-01-01T00:00:00Z","gte":"2026-02-01T00:00:00+01:00"})";
  EXPECT_TRUE(in(times, R"("2026-01-31T23:00:00Z")"));
  EXPECT_FALSE(in(times, R"("2026-01-31T22:59:59Z")"));
}

TEST(Matcher, ids_are_numbers_or_strings) {
  const std::string filter = R"({"has_id":[7,"x","8"]})";
  EXPECT_TRUE(matches(filter, "", {false, 7, {}}));
  EXPECT_TRUE(matches(filter, "", {true, 0, "x"}));
  EXPECT_FALSE(matches(filter, "", {true, 0, "7"}));
  EXPECT_FALSE(matches(filter, "", {false, 8, {}}));
  EXPECT_FALSE(matches(R"({"has_id":[]})", "", {false, 7, {}}));
}

TEST(Matcher, groups_combine) {
  const std::string a = R"({"key":"a","match":{"value":1}})";
  const std::string b = R"({"key":"b","match":{"value":1}})";
  const auto group = [](const std::string& body, std::string_view meta) { return matches("{" + body + "}", meta); };
  const std::string_view neither = "{}";
  const std::string_view only_a = R"({"a":1})";
  const std::string_view both = R"({"a":1,"b":1})";
  EXPECT_TRUE(group("", neither));
  EXPECT_TRUE(group(R"("must":[],"should":[],"must_not":[])", neither));
  EXPECT_FALSE(group(R"("must":[)" + a + "," + b + "]", only_a));
  EXPECT_TRUE(group(R"("must":[)" + a + "," + b + "]", both));
  EXPECT_TRUE(group(R"("should":[)" + a + "," + b + "]", only_a));
  EXPECT_FALSE(group(R"("should":[)" + a + "," + b + "]", neither));
  EXPECT_FALSE(group(R"("must_not":)" + a, only_a));
  EXPECT_TRUE(group(R"("must":)" + a + R"(,"must_not":)" + b, only_a));
  EXPECT_TRUE(group(R"("must_not":{"must":[)" + a + "," + b + "]}", only_a));
  EXPECT_FALSE(group(R"("must_not":{})", neither));
}

TEST(Matcher, meta_that_is_no_json_is_corruption) {
  const Filter filter = filter_of("{}");
  Matcher matcher(filter);
  EXPECT_EQ(matcher.matches({}, "{").status().code(), ErrorCode::kCorruption);
  EXPECT_TRUE(matcher.matches({}, "{}").ok()) << "the next point is not affected";
}

}  // namespace
}  // namespace vibrato::filter
