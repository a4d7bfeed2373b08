#include "server/message_parser.hpp"

#include <gtest/gtest.h>
#include <string>

#include "support/status_matchers.hpp"

namespace vibrato::server {
namespace {

Status parse(const std::string& text) {
  MessageParser parser;
  RequestHead head;
  return parser.parse_head(text, head);
}

std::string with_fields(const std::string& fields) {
  return "POST /a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}

TEST(MessageParser, reads_a_head) {
  const std::string text =
      "PATCH /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nX-Empty:\r\nX-Two: a  b \r\nExpect: "
      "100-Continue\r\n\r\n";
  MessageParser parser;
  RequestHead head;
  ASSERT_OK(parser.parse_head(text, head));
  EXPECT_EQ(head.method, api::Method::kPatch);
  EXPECT_EQ(head.target, "/a?b=c");
  EXPECT_TRUE(head.is_http_1_1);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_FALSE(head.is_chunked);
  EXPECT_EQ(head.content_length, 12U);
  ASSERT_EQ(head.fields.size(), 5U);
  EXPECT_EQ(head.fields[2].name, "X-Empty");
  EXPECT_EQ(head.fields[2].value, "");
  EXPECT_EQ(head.fields[3].value, "a  b");
}

TEST(MessageParser, forgets_the_head_before) {
  MessageParser parser;
  RequestHead head;
  ASSERT_OK(parser.parse_head(with_fields("Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n"), head));
  EXPECT_FALSE(head.keep_alive);
  ASSERT_OK(parser.parse_head(with_fields(""), head));
  EXPECT_EQ(head.content_length, 0U);
  EXPECT_FALSE(head.expects_continue);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.fields.size(), 1U);
}

TEST(MessageParser, knows_how_versions_keep_a_connection) {
  MessageParser parser;
  RequestHead head;
  ASSERT_OK(parser.parse_head("GET / HTTP/1.0\r\n\r\n", head));
  EXPECT_FALSE(head.is_http_1_1);
  EXPECT_FALSE(head.keep_alive);
  ASSERT_OK(parser.parse_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", head));
  EXPECT_TRUE(head.keep_alive);
  EXPECT_CODE(parse("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(parse("GET /\r\n\r\n"), ErrorCode::kInvalidArgument);
}

TEST(MessageParser, takes_unknown_methods_as_other) {
  MessageParser parser;
  RequestHead head;
  ASSERT_OK(parser.parse_head("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", head));
  EXPECT_EQ(head.method, api::Method::kOther);
}

TEST(MessageParser, refuses_every_doubtful_framing) {
  for (const char* fields : {
           "Content-Length: 5\r\nContent-Length: 5\r\n",
           "Content-Length: 5\r\nContent-Length: 6\r\n",
           "Content-Length: 5, 5\r\n",
           "Content-Length: +5\r\n",
           "Content-Length: -5\r\n",
           "Content-Length: 0x5\r\n",
           "Content-Length: 5 5\r\n",
           "Content-Length:\r\n",
           "Content-Length: 99999999999999999999\r\n",
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: chunked, identity\r\n",
           "Transfer-Encoding: identity\r\n",
           "Transfer-Encoding: xchunked\r\n",
           "Transfer-Encoding:\r\n",
           "Transfer-Encoding : chunked\r\n",
           "Content-Length : 5\r\n",
           "Host: other\r\n",
           "X: a\rb\r\n",
           "No colon\r\n",
           ": nameless\r\n",
           "X Y: z\r\n",
       }) {
    EXPECT_CODE(parse(with_fields(fields)), ErrorCode::kInvalidArgument) << fields;
  }
  EXPECT_CODE(parse(with_fields(std::string("X: a\0b\r\n", 8))), ErrorCode::kInvalidArgument);
  EXPECT_CODE(parse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(parse("GET / HTTP/1.1\r\n\r\n"), ErrorCode::kInvalidArgument) << "without Host";
}

TEST(MessageParser, decodes_chunks_whatever_the_pieces) {
  const std::string wire = "5\r\nhello\r\n1;ext=1\r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
    MessageParser parser;
    RequestHead head;
    ASSERT_OK(parser.parse_head(with_fields("Transfer-Encoding: chunked\r\n"), head));
    ASSERT_TRUE(head.is_chunked);
    std::string body;
    std::string pending;
    bool done = false;
    for (std::size_t at = 0; at < wire.size(); at += piece) {
      ASSERT_FALSE(done);
      pending += wire.substr(at, piece);
      const auto progress = parser.decode_chunks(pending, 100, body);
      ASSERT_OK(progress);
      pending.erase(0, progress->consumed);
      done = progress->done;
    }
    EXPECT_TRUE(done) << piece;
    EXPECT_TRUE(pending.empty()) << piece;
    EXPECT_EQ(body, "hello 0123456789") << piece;
  }
}

TEST(MessageParser, leaves_what_follows_the_last_chunk) {
  MessageParser parser;
  RequestHead head;
  ASSERT_OK(parser.parse_head(with_fields("Transfer-Encoding: chunked\r\n"), head));
  std::string body;
  const auto progress = parser.decode_chunks("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n", 10, body);
  ASSERT_OK(progress);
  EXPECT_TRUE(progress->done);
  EXPECT_EQ(progress->consumed, std::string_view("1\r\na\r\n0\r\n\r\n").size());
}

TEST(MessageParser, caps_a_chunked_body_while_it_is_read) {
  const auto decode = [](std::size_t cap) {
    MessageParser parser;
    RequestHead head;
    EXPECT_OK(parser.parse_head(with_fields("Transfer-Encoding: chunked\r\n"), head));
    std::string body;
    return parser.decode_chunks("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", cap, body).status();
  };
  EXPECT_OK(decode(7));
  EXPECT_OK(decode(6));
  EXPECT_CODE(decode(5), ErrorCode::kPayloadTooLarge);
}

TEST(MessageParser, refuses_broken_chunks) {
  for (const char* wire : {"x\r\n", "-1\r\na\r\n", "1\r\nab\r\n0\r\n\r\n", "1\nab", "FFFFFFFFFFFFFFFFFF\r\n", "\r\n",
                           "1 \r\na\r\n0\r\n\r\nrest of it", "0x1\r\na\r\n0\r\n\r\n"}) {
    MessageParser parser;
    RequestHead head;
    ASSERT_OK(parser.parse_head(with_fields("Transfer-Encoding: chunked\r\n"), head));
    std::string body;
    const auto progress = parser.decode_chunks(wire, 100, body);
    EXPECT_TRUE(!progress.ok() || !progress->done) << wire;
    EXPECT_TRUE(progress.ok() || progress.status().code() == ErrorCode::kInvalidArgument) << wire;
  }
}

}  // namespace
}  // namespace vibrato::server
