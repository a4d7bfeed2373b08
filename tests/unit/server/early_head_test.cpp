#include "server/early_head.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vibrato::server {
namespace {

constexpr std::string_view kEarlyHead =
    "POST /v2/vectors?a=b HTTP/1.1\r\nHost: h\r\nOrigin:  https://a.example \r\nx-request-id: 7\r\n\r\nBody: no "
    "field\r\n";

TEST(EarlyHead, reads_the_request_line_and_the_fields) {
  std::vector<api::HeaderField> fields;
  const EarlyHead head = read_early_head(kEarlyHead, fields);
  EXPECT_EQ(head.method, api::Method::kPost);
  EXPECT_EQ(head.target, "/v2/vectors?a=b");
  ASSERT_EQ(fields.size(), 3U) << "what follows the empty line is no field";
  EXPECT_EQ(fields[1].name, "Origin");
  EXPECT_EQ(fields[1].value, "https://a.example");
  EXPECT_EQ(fields[2].value, "7");
}

TEST(EarlyHead, cut_anywhere_has_whole_fields_only) {
  for (std::size_t size = 0; size <= kEarlyHead.size(); ++size) {
    std::vector<api::HeaderField> fields;
    const EarlyHead head = read_early_head(kEarlyHead.substr(0, size), fields);
    EXPECT_TRUE(std::string_view("/v2/vectors?a=b").starts_with(head.target)) << size;
    for (const api::HeaderField& field : fields) {
      EXPECT_TRUE(field.value == "h" || field.value == "https://a.example" || field.value == "7") << field.value;
    }
  }
}

TEST(EarlyHead, reads_lines_that_end_in_a_bare_line_feed) {
  std::vector<api::HeaderField> fields;
  EXPECT_EQ(read_early_head("GET /v2/query HTTP/1.1\nOrigin: o\n\n", fields).target, "/v2/query");
  ASSERT_EQ(fields.size(), 1U);
  EXPECT_EQ(fields[0].value, "o");
}

TEST(EarlyHead, of_garbage_is_nothing) {
  for (const std::string_view text : {"", "\n", ":\n:\n", "\r\n\r\n", "\x16\x03\x01", "GET", "\n: value\n"}) {
    std::vector<api::HeaderField> fields = {{"old", "field"}};
    EXPECT_EQ(read_early_head(text, fields).target, "") << text;
    EXPECT_TRUE(fields.empty()) << text;
  }
}

}  // namespace
}  // namespace vibrato::server
