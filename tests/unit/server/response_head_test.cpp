#include "server/response_head.hpp"

#include <gtest/gtest.h>
#include <set>
#include <vibrato/status.hpp>

#include "server/request_ids.hpp"

namespace vibrato::server {
namespace {

TEST(ResponseHead, lets_no_header_value_end_its_line) {
  api::Reply reply;
  reply.headers.emplace_back("x-next-cursor", "a\r\nSet-Cookie: b");
  std::string head;
  write_response_head(reply, "id", ConnectionHeader::kNone, BodyLength::kKnown, head);
  EXPECT_NE(head.find("x-next-cursor: a  Set-Cookie: b\r\n\r\n"), std::string::npos) << head;
}

TEST(ResponseHead, has_a_phrase_for_every_error_code) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kCorruption); ++code) {
    api::Reply reply;
    reply.status = http_status(static_cast<ErrorCode>(code));
    std::string head;
    write_response_head(reply, "id", ConnectionHeader::kNone, BodyLength::kKnown, head);
    EXPECT_GT(head.find("\r\n"), std::string_view("HTTP/1.1 200 ").size()) << head;
  }
  api::Reply odd;
  odd.status = 299;
  std::string head;
  write_response_head(odd, "id", ConnectionHeader::kNone, BodyLength::kKnown, head);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 299 \r\n")) << head;
}

TEST(RequestIds, are_distinct_and_valid) {
  RequestIds ids(1);
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    std::string id;
    ids.make(id);
    ASSERT_EQ(id.size(), 20U);
    ASSERT_TRUE(is_valid_request_id(id));
    ASSERT_TRUE(seen.insert(id).second);
  }
}

}  // namespace
}  // namespace vibrato::server
