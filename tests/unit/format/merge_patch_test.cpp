#include "format/merge_patch.hpp"

#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

// The examples of RFC 7396, appendix A.
TEST(MergePatch, merges_as_the_rfc_says) {
  const char* const examples[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", "null", "null"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"a":1,"e":null})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& [target, patch, merged] : examples) {
    const auto result = merge_patch(target, patch);
    ASSERT_OK(result);
    EXPECT_EQ(*result, merged) << target << " with " << patch;
  }
}

TEST(MergePatch, a_point_without_meta_is_patched_like_an_empty_one) {
  const auto merged = merge_patch("", R"({"a":1,"b":null})");
  ASSERT_OK(merged);
  EXPECT_EQ(*merged, R"({"a":1})");
}

TEST(MergePatch, numbers_and_text_stay_what_they_were) {
  const auto merged = merge_patch(R"({"u":18446744073709551615,"i":-5,"d":0.1,"t":"ä\n"})", "{}");
  ASSERT_OK(merged);
  EXPECT_EQ(*merged, R"({"d":0.1,"i":-5,"t":"ä\n","u":18446744073709551615})");
}

TEST(MergePatch, what_is_no_json_or_too_deep_is_refused) {
  for (const std::string& bad : {std::string(), std::string("{"), std::string("1 2"), std::string("{\"a\":1e999}"),
                                 std::string("\"\xff\""), nested(limits::kJsonDepthMax + 1), nested(1'000'000)}) {
    EXPECT_CODE(check_json_text(bad), ErrorCode::kInvalidArgument);
    EXPECT_CODE(merge_patch("{}", bad), ErrorCode::kInvalidArgument);
  }
  EXPECT_OK(check_json_text(nested(limits::kJsonDepthMax)));
  EXPECT_OK(check_json_text("1"));
  EXPECT_CODE(merge_patch("{", "{}"), ErrorCode::kCorruption);
}

// Ten minutes, not milliseconds, where the work for an object grows with those before it.
TEST(MergePatch, many_objects_in_one_take_linear_time) {
  std::string many = "[";
  for (int i = 0; i < 300'000; ++i) {
    many += i == 0 ? "{}" : ",{}";
  }
  many += ']';
  EXPECT_OK(check_json_text(many));
  const auto merged = merge_patch(R"({"a":)" + many + "}", R"({"a":1})");
  ASSERT_OK(merged);
  EXPECT_EQ(*merged, R"({"a":1})");
}

}  // namespace
}  // namespace vibrato::format
