#include "api/json_body.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>

#include "api/request.hpp"
#include "base/limits.hpp"

namespace vibrato::api {
namespace {

// A body followed by bytes that are no part of it, as in a read buffer with a second request.
Result<simdjson::dom::object> parse(std::string& storage, std::string_view body) {
  storage = std::string(body) + std::string(kBodyPadding, '7');
  return parse_json_object(std::string_view(storage).substr(0, body.size()));
}

ErrorCode code_of(std::string_view body) {
  std::string storage;
  const auto parsed = parse(storage, body);
  return parsed.ok() ? ErrorCode::kOk : parsed.status().code();
}

Status read_vector(std::string_view body, std::vector<float>& out, std::size_t count_max = 100) {
  std::string storage;
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::object object, parse(storage, body));
  return read_floats(object.begin().value(), "vector", count_max, out);
}

TEST(JsonBody, refuses_what_is_not_json) {
  for (const char* body : {"", " ", "{", "{\"a\":1", "{\"a\":}", "{\"a\":NaN}", "{\"a\":Infinity}", "{'a':1}", "{} {}",
                           "{\"a\":01}", "{\"a\":1.}", "{\"a\":-}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":0x1}",
                           "{\"a\":1,}", "nul", "{\"a\":\"\x01\"}", "\xEF\xBB\xBF{}"}) {
    EXPECT_EQ(code_of(body), ErrorCode::kInvalidJson) << body;
  }
}

TEST(JsonBody, refuses_bad_utf8_and_lone_surrogates) {
  EXPECT_EQ(code_of("{\"a\":\"\xFF\"}"), ErrorCode::kInvalidJson);
  EXPECT_EQ(code_of("{\"a\":\"\xC0\xAF\"}"), ErrorCode::kInvalidJson);
  EXPECT_EQ(code_of("{\"\xED\xA0\x80\":1}"), ErrorCode::kInvalidJson);
  EXPECT_EQ(code_of(R"({"a":"\ud800"})"), ErrorCode::kInvalidJson);
  EXPECT_EQ(code_of(R"({"a":"\udc00x"})"), ErrorCode::kInvalidJson);
  EXPECT_EQ(code_of(R"({"a":"\ud83c\udfb5"})"), ErrorCode::kOk);
}

TEST(JsonBody, needs_an_object_at_the_root) {
  for (const char* body : {"[]", "1", "\"a\"", "null", "12"}) {
    EXPECT_EQ(code_of(body), ErrorCode::kInvalidArgument) << body;
  }
}

TEST(JsonBody, nests_up_to_the_limit) {
  const auto nested = [](std::size_t levels) {
    return "{\"a\":" + std::string(levels - 1, '[') + "1" + std::string(levels - 1, ']') + "}";
  };
  EXPECT_EQ(code_of(nested(limits::kJsonDepthMax - 1)), ErrorCode::kOk);
  EXPECT_EQ(code_of(nested(limits::kJsonDepthMax)), ErrorCode::kOk);
  EXPECT_EQ(code_of(nested(limits::kJsonDepthMax + 1)), ErrorCode::kInvalidJson);
  EXPECT_EQ(code_of(nested(100'000)), ErrorCode::kInvalidJson);
}

TEST(JsonBody, names_the_number_that_is_too_large) {
  std::string storage;
  const auto parsed = parse(storage, R"({"k":1,"meta":{"x":[1,2]},"vector":[0.5,1e999]})");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(parsed.status().message().find("vector[1]"), std::string::npos) << parsed.status().message();
  EXPECT_EQ(code_of(R"({"a":123456789012345678901234567890})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(R"({"a":18446744073709551615})"), ErrorCode::kOk);
}

TEST(JsonBody, reads_numbers_of_every_form_as_f32) {
  std::vector<float> out;
  ASSERT_TRUE(read_vector(R"({"v":[1, -2.5, 1e3, 0, 18446744073709551615, -7, 1e-60]})", out).ok());
  EXPECT_EQ(out, (std::vector<float>{1, -2.5F, 1000, 0, 18446744073709551615.0F, -7, 0}));
  ASSERT_TRUE(read_vector(R"({"v":[]})", out).ok());
  EXPECT_TRUE(out.empty());
}

TEST(JsonBody, takes_the_largest_f32_and_nothing_past_it) {
  std::vector<float> out;
  ASSERT_TRUE(read_vector(R"({"v":[3.4028235e38, -3.4028235e38]})", out).ok());
  EXPECT_EQ(out[0], std::numeric_limits<float>::max());
  EXPECT_EQ(out[1], std::numeric_limits<float>::lowest());
  for (const char* body : {R"({"v":[0, 3.4028236e38]})", R"({"v":[0, -1e300]})"}) {
    const Status status = read_vector(body, out);
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << body;
    EXPECT_NE(status.message().find("vector[1]"), std::string::npos) << status.message();
  }
}

TEST(JsonBody, refuses_what_is_no_array_of_numbers) {
  std::vector<float> out;
  for (const char* body : {R"({"v":"1"})", R"({"v":{}})", R"({"v":1})", R"({"v":[1,null]})", R"({"v":[1,"2"]})",
                           R"({"v":[1,true]})", R"({"v":[[1]]})"}) {
    const Status status = read_vector(body, out);
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << body;
    EXPECT_NE(status.message().find("vector"), std::string::npos) << status.message();
  }
}

TEST(JsonBody, caps_the_count_of_numbers) {
  std::vector<float> out;
  EXPECT_TRUE(read_vector(R"({"v":[1,2,3]})", out, 4).ok());
  EXPECT_TRUE(read_vector(R"({"v":[1,2,3,4]})", out, 4).ok());
  EXPECT_EQ(read_vector(R"({"v":[1,2,3,4,5]})", out, 4).code(), ErrorCode::kInvalidArgument);
}

TEST(JsonBody, reads_whole_numbers_within_their_range) {
  std::string storage;
  const auto object = parse(storage, R"({"a":5,"b":5.0,"c":-1,"d":"5","e":0,"f":6})");
  ASSERT_TRUE(object.ok());
  const auto read = [&](const char* key) { return read_whole(object->at_key(key).value(), key, 1, 5); };
  EXPECT_EQ(read("a").value(), 5U);
  for (const char* key : {"b", "c", "d", "e", "f"}) {
    EXPECT_EQ(read(key).status().code(), ErrorCode::kInvalidArgument) << key;
    EXPECT_TRUE(read(key).status().message().starts_with(key)) << key;
  }
}

TEST(JsonBody, parses_small_bodies_after_large_ones) {
  std::string storage;
  const std::string large = "{\"a\":\"" + std::string(3 * limits::kMiB, 'x') + "\"}";
  EXPECT_TRUE(parse(storage, large).ok());
  EXPECT_TRUE(parse(storage, R"({"a":1})").ok());
  EXPECT_EQ(code_of("{\"a\":" + std::string(limits::kJsonDepthMax, '[')), ErrorCode::kInvalidJson);
}

}  // namespace
}  // namespace vibrato::api
