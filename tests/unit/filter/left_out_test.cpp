// What the caps of a meta index leave out is counted; what is indexed, or too long to be, is not.
#include "filter/left_out.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "support/status_matchers.hpp"

namespace vibrato::filter {
namespace {

LeftOut left_out_of(const std::vector<std::string>& metas, const MetaIndexCaps& caps) {
  MetaIndexBuilder builder(caps);
  for (const std::string& meta : metas) {
    EXPECT_OK(builder.add(meta));
  }
  const bool has_left_out = builder.has_left_out();
  const std::vector<std::byte> bytes = builder.finish();
  const auto index = format::MetaIndexView::open(bytes, static_cast<std::uint32_t>(metas.size()));
  EXPECT_OK(index);
  LeftOut left_out;
  EXPECT_OK(add_left_out(*index, caps, left_out));
  EXPECT_EQ(has_left_out, left_out.rows_with_keys > 0 || !left_out.rows_with_text.empty());
  return left_out;
}

TEST(LeftOut, counts_rows_with_keys_past_the_cap) {
  const std::vector<std::string> metas = {R"({"a":1,"b":1})", R"({"c":1,"d":{"e":1}})", R"({"b":2,"c":2})",
                                          R"({"a":3})", ""};
  EXPECT_EQ(left_out_of(metas, {.fields = 2}).rows_with_keys, 2U);
  EXPECT_EQ(left_out_of(metas, {.fields = 4}).rows_with_keys, 1U);
  EXPECT_EQ(left_out_of(metas, {.fields = 5}).rows_with_keys, 0U);
}

TEST(LeftOut, counts_rows_with_texts_past_the_cap_by_key) {
  const std::string long_text(limits::kMetaIndexedStringMax + 1, 'x');
  const std::vector<std::string> metas = {R"({"a":"1","b":"1"})", R"({"a":"2"})", R"({"a":["3","1"]})",
                                          R"({"a":["3","4"]})", R"({"b":")" + long_text + "\"}"};
  EXPECT_EQ(left_out_of(metas, {.strings_a_field = 2}).rows_with_text,
            (std::map<std::string, std::uint64_t>{{"a", 2}}));
  EXPECT_EQ(left_out_of(metas, {.strings_a_field = 3}).rows_with_text,
            (std::map<std::string, std::uint64_t>{{"a", 1}}));
  EXPECT_TRUE(left_out_of(metas, {.strings_a_field = 4}).rows_with_text.empty());
}

}  // namespace
}  // namespace vibrato::filter
