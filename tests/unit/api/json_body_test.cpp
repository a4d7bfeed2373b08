#include "api/json_body.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "api/request.hpp"
#include "base/limits.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::api {
namespace {

// A body followed by bytes that are no part of it, as in a read buffer with a second request.
Result<JsonBody> parse(std::string& storage, std::string_view body) {
  storage = std::string(body) + std::string(kBodyPadding, '7');
  return parse_json_body(std::string_view(storage).substr(0, body.size()));
}

// Of a reader that takes everything.
Status read_anything(std::string_view body) {
  const std::string storage = std::string(body) + std::string(kBodyPadding, '7');
  return read_json_object(std::string_view(storage).substr(0, body.size()),
                          [](simdjson::dom::object) { return ok_status(); });
}

ErrorCode code_of(std::string_view body) {
  return read_anything(body).code();
}

Status read_vector(std::string_view body, std::vector<float>& out, std::size_t count_max = 100) {
  std::string storage;
  VIBRATO_ASSIGN_OR_RETURN(const JsonBody parsed, parse(storage, body));
  return read_floats(parsed.object.begin().value(), "vector", count_max, out);
}

TEST(JsonBody, refuses_what_is_not_json) {
  for (const char* body : {"", " ", "{", "{\"a\":1", "{\"a\":}", "{\"a\":NaN}", "{\"a\":Infinity}", "{'a':1}", "{} {}",
                           "{\"a\":01}", "{\"a\":1.}", "{\"a\":-}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":0x1}",
                           "{\"a\":1,}", "nul", "{\"a\":\"\x01\"}", "\xEF\xBB\xBF{}"}) {
    EXPECT_EQ(code_of(body), ErrorCode::kInvalidJson) << body;
  }
}

TEST(JsonBody, says_at_which_byte_a_body_stops_being_json) {
  const std::string text = R"({"a":[1,2,{"b":"c"}],"d":true,"e":null})";
  for (std::size_t size = 1; size < text.size(); ++size) {
    const std::string message = read_anything(text.substr(0, size)).message();
    EXPECT_TRUE(message.starts_with("the body is not valid JSON at byte " + std::to_string(size) + ": ")) << message;
  }
  for (const auto& [body, byte] :
       {std::pair("{\"a\":1,}", 7), std::pair("{\"a\":[1,2}", 9), std::pair("{\"a\":NaN}", 5), std::pair("{'a':1}", 1),
        std::pair("{} {}", 3), std::pair("{\"a\":\"x\ny\"}", 7), std::pair("{\"a\":\"\xFF\"}", 6),
        std::pair("{\"a\":tru}", 8), std::pair("{\"a\":[1e999,-1e1000,123456789012345678901234567890],\"b\":}", 56),
        std::pair("{\"a\":[123456789012345678901234567890,x", 37), std::pair("{\"a\":01}", 5)}) {
    const std::string message = read_anything(body).message();
    EXPECT_NE(message.find("not valid JSON at byte " + std::to_string(byte) + ":"), std::string::npos)
        << body << ": " << message;
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

// `levels` brackets, the outermost of the body itself; what is inside of the innermost is `inside`.
std::string nested(std::size_t levels, char bracket, std::string_view inside) {
  std::string body;
  for (std::size_t i = 1; i < levels; ++i) {
    body += bracket == '{' || i == 1 ? R"({"a":)" : "[";
  }
  body += bracket == '{' ? (inside.empty() ? "{" : R"({"a":)") : "[";
  body += inside;
  for (std::size_t i = levels; i > 0; --i) {
    body += bracket == '{' || i == 1 ? '}' : ']';
  }
  return body;
}

TEST(JsonBody, nests_up_to_the_limit_whatever_is_innermost) {
  for (const char bracket : {'{', '['}) {
    for (const char* inside : {"", "1", R"("]}\\\"[{")"}) {
      const auto code = [&](std::size_t levels) { return code_of(nested(levels, bracket, inside)); };
      EXPECT_EQ(code(limits::kJsonDepthMax - 1), ErrorCode::kOk) << bracket << inside;
      EXPECT_EQ(code(limits::kJsonDepthMax), ErrorCode::kOk) << bracket << inside;
      EXPECT_EQ(code(limits::kJsonDepthMax + 1), ErrorCode::kInvalidJson) << bracket << inside;
      EXPECT_EQ(code(limits::kJsonDepthMax + 2), ErrorCode::kInvalidJson) << bracket << inside;
      EXPECT_EQ(code(100'000), ErrorCode::kInvalidJson) << bracket << inside;
      EXPECT_EQ(code(2), ErrorCode::kOk) << "after deep ones";
    }
  }
}

TEST(JsonBody, counts_open_levels_and_not_brackets) {
  std::string wide = R"({"a":[)";
  for (int i = 0; i < 100; ++i) {
    wide += R"([],{},{"b":[{}]},)";
  }
  // As deep as allowed in one place: the body is looked at a second time.
  wide += nested(limits::kJsonDepthMax - 2, '[', "") + "]}";
  EXPECT_EQ(code_of(wide), ErrorCode::kOk);
}

TEST(JsonBody, names_the_number_that_is_too_large) {
  const Status large = read_anything(R"({"k":1,"meta":{"x":[1,2]},"vector":[0.5,1e999]})");
  EXPECT_EQ(large.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(large.message(), "vector[1] is too large a number");
  const Status integer = read_anything(R"({"a":{"\u0062":[-123456789012345678901234567890]}})");
  EXPECT_EQ(integer.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(integer.message(), "a.b[0] is an integer of more than 64 bits; write it with an exponent");
  for (const char* body : {R"({"a":1e309})", R"({"a":-1E+400})", R"({"a":18446744073709551616})",
                           R"({"a":-9223372036854775809})", R"({"a":0.001e400})"}) {
    EXPECT_EQ(code_of(body), ErrorCode::kInvalidArgument) << body;
  }
  for (const char* body : {R"({"a":18446744073709551615})", R"({"a":-9223372036854775808})", R"({"a":1e308})",
                           R"({"a":1e-999})", R"({"a":18446744073709551616.0})", R"({"1e999":"1e999\"1e999"})"}) {
    EXPECT_EQ(code_of(body), ErrorCode::kOk) << body;
  }
}

TEST(JsonBody, a_large_number_makes_no_json_of_what_is_none) {
  for (const char* body :
       {R"({"a":1e999.5})", R"({"a":[1e999})", R"({"a":1e999,"b":01})", R"({"a":01,"b":1e999})",
        R"({"a":1e999,"b":"\ud800"})", R"({"a":1e999x})", R"({"a":tru1e999})", R"({"a":-1e999)", R"({"a":1e999,"b":")",
        R"({"a":1e999,"b":"\)", "{\"a\":1e999,\"b\":\"\xff\"}", R"({"a":1e999e1})", R"({"a":--1e999})"}) {
    EXPECT_EQ(code_of(body), ErrorCode::kInvalidJson) << body;
  }
  EXPECT_EQ(code_of("[1e999]"), ErrorCode::kInvalidArgument) << "no object";
  EXPECT_EQ(code_of(R"({"a":1e999,"b":)" + std::string(40, '[') + std::string(40, ']') + "}"), ErrorCode::kInvalidJson);
}

TEST(JsonBody, a_large_number_changes_nothing_but_the_error_of_a_body_that_is_good_without_it) {
  const std::vector<std::string_view> large = {"1e999", "-1E+309", "18446744073709551616", "-9223372036854775809"};
  const std::vector<std::string_view> others = {
      "{", "}", "[", "]", ",", ":", R"("a")", R"("b\"1e999")", "1", "-0.5e3", "true", "null", " ", R"("\ud800")", "01"};
  constexpr std::uint32_t kSeed = 20'240'607;
  std::mt19937 random(kSeed);
  int good = 0;
  for (int round = 0; round < 20'000; ++round) {
    // Mostly bodies that are JSON but for a token or two.
    std::string with = R"({"x":[)";
    std::string without = with;
    const auto add = [&](std::string_view token, std::string_view stand_in) {
      with += token;
      without += stand_in;
    };
    const std::size_t values = 1 + random() % 4;
    bool has_large = false;
    for (std::size_t i = 0; i < values; ++i) {
      if (i > 0) add(",", ",");
      if (random() % 2 == 0) {
        add(large[random() % large.size()], "1");
        has_large = true;
      } else {
        const std::string_view token = random() % 3 == 0 ? others[random() % others.size()] : "2";
        add(token, token);
      }
    }
    add("]}", "]}");
    const ErrorCode expected = code_of(without);
    good += expected == ErrorCode::kOk && has_large ? 1 : 0;
    EXPECT_EQ(code_of(with), expected == ErrorCode::kOk && has_large ? ErrorCode::kInvalidArgument : expected)
        << with << " of seed " << kSeed;
  }
  EXPECT_GT(good, 5000);
}

TEST(JsonBody, what_a_reader_says_about_a_field_comes_before_the_number_in_it) {
  const std::string storage = R"({"k":123456789012345678901234567890})" + std::string(kBodyPadding, ' ');
  const std::string_view body = std::string_view(storage).substr(0, storage.size() - kBodyPadding);
  const auto read = [](simdjson::dom::object object) { return read_whole(object.at_key("k").value(), "k", 1, 5); };
  EXPECT_EQ(read_json_object(body, read).status().message(), "k must be a whole number from 1 to 5");
}

TEST(JsonBody, tells_the_large_numbers_of_one_element_from_those_of_another) {
  std::string storage;
  const Result<JsonBody> parsed =
      parse(storage, R"({"a":[1,{"b":[1e999,1e999]},2,[99999999999999999999,{"c":1e999}],"x",1e999],"d":1e999})");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  std::string found;
  for (const NumberFault& fault : parsed->faults) {
    found += std::to_string(fault.position) + ": " + std::string(fault.error.message().substr(0, 10)) + "; ";
  }
  EXPECT_EQ(found, "1: a[1].b[0] ; 3: a[3][0] is; 5: a[5] is to; 0: d is too l; ");
}

TEST(JsonBody, minus_zero_is_a_number_and_no_whole_one) {
  const std::string body = R"({"a":-0,"b":[-0 , -0,-0.5,1e-0],"c":"-0,","d":0,"e":-0e0})";
  std::string storage;
  const auto parsed = parse(storage, body);
  ASSERT_OK(parsed);
  EXPECT_CODE(read_whole(parsed->object["a"], "a", 0, 9), ErrorCode::kInvalidArgument);
  EXPECT_CODE(read_whole(parsed->object["e"], "e", 0, 9), ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_whole(parsed->object["d"], "d", 0, 9).value(), 0U);
  EXPECT_EQ(read_string(parsed->object["c"], "c").value(), "-0,");
  std::vector<float> numbers;
  ASSERT_OK(read_floats(parsed->object["b"], "b", 9, numbers));
  EXPECT_EQ(numbers, (std::vector<float>{-0.0F, -0.0F, -0.5F, 1}));
  EXPECT_TRUE(std::signbit(numbers[0]));
  // At every place of a body, whatever the width that it is looked at with.
  for (std::size_t spaces = 0; spaces < 70; ++spaces) {
    std::string padded(spaces + 1, ' ');
    padded.front() = '{';
    padded += R"("a":-0})";
    const auto again = parse(storage, padded);
    ASSERT_OK(again);
    EXPECT_CODE(read_whole(again->object["a"], "a", 0, 9), ErrorCode::kInvalidArgument) << spaces;
  }
  EXPECT_EQ(code_of(R"({"a":-0,"b":1e999})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(R"({"a":-0,"b":01})"), ErrorCode::kInvalidJson);
  EXPECT_EQ(code_of(R"({"a":-0,})"), ErrorCode::kInvalidJson);
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
  const auto parsed = parse(storage, R"({"a":5,"b":5.0,"c":-1,"d":"5","e":0,"f":6})");
  ASSERT_TRUE(parsed.ok());
  const auto read = [&](const char* key) { return read_whole(parsed->object.at_key(key).value(), key, 1, 5); };
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
