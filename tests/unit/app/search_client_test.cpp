#include "app/search_client.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "support/status_matchers.hpp"

namespace vibrato::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Deeper than a function may call itself.
std::string deep_array() {
  std::string text(200'000, '[');
  text.append(200'000, ']');
  return text;
}

TEST(ParseQuery, commas_spaces_and_brackets_are_all_understood) {
  for (const char* text : {"0.5,-1,2e3", " 0.5 -1 2e3\n", "[0.5, -1, 2e3]", "[\n0.5,\n-1,\n2e3\n]\n"}) {
    const auto query = parse_query(text);
    ASSERT_OK(query) << text;
    EXPECT_THAT(*query, ElementsAre(0.5, -1.0, 2000.0)) << text;
  }
}

TEST(ParseQuery, the_body_of_a_search_is_understood_too) {
  const auto query = parse_query("{\"k\": 3, \"vector\": [0.5, -1, 2e3]}");
  ASSERT_OK(query);
  EXPECT_THAT(*query, ElementsAre(0.5, -1.0, 2000.0));
  for (const char* text : {"{", "{}", "{\"vector\": 1}", "{\"vector\": []}", "{\"vector\": [1, \"2\"]}", "{} 1"}) {
    EXPECT_CODE(parse_query(text), ErrorCode::kInvalidArgument) << text;
  }
}

TEST(ParseQuery, the_element_that_is_no_number_is_named) {
  for (const char* text : {"1,,2", "1,x", "1,2x", "1,nan", "1,inf", "1,1e999", "1,", "1;2", "1,[2]", "1,0x10"}) {
    const auto query = parse_query(text);
    EXPECT_CODE(query, ErrorCode::kInvalidArgument) << text;
  }
  EXPECT_THAT(parse_query("1,2,oops").status().message(), HasSubstr("element 2 of the query, 'oops'"));
}

TEST(ParseQuery, a_deeply_nested_body_is_refused) {
  const auto query = parse_query(fmt::format("{{\"vector\":[1,{}]}}", deep_array()));
  EXPECT_CODE(query, ErrorCode::kInvalidArgument);
  EXPECT_NE(query.status().message().find("element 1"), std::string::npos) << query.status().message();
}

TEST(ParseQuery, no_numbers_are_refused) {
  for (const char* text : {"", " \n", "[]", "[ ]"}) EXPECT_CODE(parse_query(text), ErrorCode::kInvalidArgument) << text;
}

TEST(ParseQuery, the_count_is_bounded_at_16384) {
  std::string text = "1";
  for (int i = 1; i < 16384; ++i) text += ",1";
  EXPECT_OK(parse_query(text));
  EXPECT_CODE(parse_query(text + ",1"), ErrorCode::kInvalidArgument);
}

nlohmann::json body_of(const SearchWish& wish) {
  const auto body = search_body(wish);
  EXPECT_OK(body);
  return body.ok() ? nlohmann::json::parse(*body) : nlohmann::json();
}

TEST(SearchBody, carries_vector_k_and_ef) {
  EXPECT_EQ(body_of({.vector = {0.25, -1.0}, .k = 3, .ef = 70}),
            nlohmann::json::parse(R"({"vector": [0.25, -1.0], "k": 3, "ef": 70})"));
}

TEST(SearchBody, carries_what_is_wished_and_nothing_else) {
  EXPECT_EQ(
      body_of({.vector = {1},
               .offset = 5,
               .filter = R"( {"has_id": [18446744073709551615]} )",
               .group_by = "a.b",
               .include_meta = true,
               .exact = true,
               .explain = true}),
      nlohmann::json::parse(R"({"vector": [1.0], "k": 10, "offset": 5, "filter": {"has_id": [18446744073709551615]},
                                      "group_by": "a.b", "include_meta": true, "exact": true, "explain": true})"));
}

TEST(SearchBody, ids_are_numbers_and_strings_as_in_query_strings) {
  EXPECT_EQ(body_of({.id = "7"})["id"], 7);
  EXPECT_EQ(body_of({.id = "18446744073709551615"})["id"], 18446744073709551615ULL);
  for (const auto& [given, meant] : {std::pair{"\"7\"", "7"},
                                     {"007", "007"},
                                     {"-1", "-1"},
                                     {"a b", "a b"},
                                     {"\"", "\""},
                                     {"18446744073709551616", "18446744073709551616"}}) {
    EXPECT_EQ(body_of({.id = given})["id"], meant);
  }
  EXPECT_FALSE(body_of({.id = "7"}).contains("vector"));
}

TEST(SearchBody, a_filter_that_is_no_json_is_refused) {
  for (const std::string& filter : {std::string("{"), std::string("{} {}"), std::string("a=1"), deep_array() + "]"}) {
    EXPECT_CODE(search_body({.vector = {1}, .filter = filter}), ErrorCode::kInvalidArgument);
  }
}

TEST(FormatCollectionReply, prints_hits_and_how_many_in_what_time) {
  const auto text =
      format_collection_reply(R"({"hits":[{"id":"first","score":0.5},{"id":7,"score":-12.25}],"took_us":416})");
  ASSERT_OK(text);
  EXPECT_EQ(*text,
            "#  ID          SCORE\n"
            "1  \"first\"    0.5000\n"
            "2  7        -12.2500\n"
            "\n2 hits in 0.42 ms\n");
}

TEST(FormatCollectionReply, prints_meta_segments_and_notes_where_they_are) {
  const std::string long_text(200, 'x');
  const auto text = format_collection_reply(
      R"({"hits":[{"id":1,"score":1,"meta":null},{"id":2,"score":1,"meta":")" + long_text +
      R"("}],"explain":[{"segment":"hot","rows":3,"plan":"scan"},)" +
      R"({"segment":"a.vdb","rows":12345,"matching":2,"plan":"filtered_scan"}],"notes":["seg 3 is damaged"],"took_us":1})");
  ASSERT_OK(text);
  EXPECT_EQ(*text,
            "#  ID   SCORE  META\n"
            "1  1   1.0000  null\n"
            "2  2   1.0000  \"" +
                long_text.substr(0, kMetaWidth - 1) +
                "...\n"
                "\n"
                "segment   rows  plan           matching\n"
                "hot          3  scan                  -\n"
                "a.vdb    12345  filtered_scan         2\n"
                "\nnote: seg 3 is damaged\n"
                "\n2 hits in 0.00 ms\n");
  EXPECT_THAT(*format_collection_reply(R"({"hits":[],"took_us":1})"), HasSubstr("0 hits in"));
  EXPECT_THAT(*format_collection_reply(R"({"hits":[{"id":1,"score":1}],"took_us":1})"), HasSubstr("1 hit in"));
}

TEST(FormatCollectionReply, other_answers_are_errors_and_never_throw) {
  for (const std::string& answer_json :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"hits":[]})"),
        std::string(R"({"hits":[],"took_us":"1"})"), std::string(R"({"hits":[1],"took_us":1})"),
        R"({"hits":[{"id":1,"score":1,"meta":)" + deep_array() + R"(}],"took_us":1})"}) {
    EXPECT_CODE(format_collection_reply(answer_json), ErrorCode::kIoError) << answer_json.substr(0, 100);
  }
}

TEST(FormatSearchReply, prints_the_time_and_a_line_per_hit) {
  const auto text = format_search_reply(
      R"({"results":[{"id":17,"score":0.98765},{"id":3,"score":-2,"metadata":{"bpm":1}}],"query_time_ms":0.416})");
  ASSERT_OK(text);
  EXPECT_EQ(*text, "Query time: 0.42ms\nResults:\n  ID: 17, Score: 0.9877\n  ID: 3, Score: -2.0000\n");
}

TEST(FormatSearchReply, other_answers_are_errors_and_never_throw) {
  for (const char* answer_json :
       {"", "[]", "{}", "{\"results\":1}", "{\"results\":[]}", "{\"results\":[],\"query_time_ms\":\"1\"}",
        "{\"results\":[1],\"query_time_ms\":1}", "{\"results\":[{\"id\":1}],\"query_time_ms\":1}"}) {
    EXPECT_CODE(format_search_reply(answer_json), ErrorCode::kIoError) << answer_json;
  }
  EXPECT_CODE(
      format_search_reply(fmt::format("{{\"results\":[{{\"id\":{},\"score\":1}}],\"query_time_ms\":1}}", deep_array())),
      ErrorCode::kIoError);
}

}  // namespace
}  // namespace vibrato::app
