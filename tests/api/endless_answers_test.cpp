// Answers that end when the client goes or the server stops.
#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <thread>

#include "api/test_server.hpp"

namespace vibrato::test {
namespace {

constexpr std::string_view kFollow = "GET /follow HTTP/1.1\r\nHost: h\r\n\r\n";

api::ReplyStreamPtr follow(TestServer& server, HttpClient& client) {
  EXPECT_TRUE(client.send(kFollow));
  EXPECT_NE(client.read_until("\r\n\r\n").find(" 200 "), std::string::npos);
  return server.followed();
}

TEST(EndlessAnswers, pieces_come_when_they_are_written_and_a_stop_ends_the_answer_in_order) {
  TestServer server;
  HttpClient client(server.port());
  const api::ReplyStreamPtr stream = follow(server, client);
  ASSERT_NE(stream, nullptr);
  EXPECT_TRUE(stream->write("one"));
  EXPECT_EQ(client.read_until("one\r\n"), "3\r\none\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(stream->write("two"));
  EXPECT_EQ(client.read_until("two\r\n"), "3\r\ntwo\r\n");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(server.server().stop()) << "nothing had to be cut off";
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_TRUE(client.ended());
  EXPECT_FALSE(stream->write("three"));
}

TEST(EndlessAnswers, a_client_that_leaves_is_noticed_though_nothing_is_written) {
  TestServer server;
  HttpClient client(server.port());
  const api::ReplyStreamPtr stream = follow(server, client);
  ASSERT_NE(stream, nullptr);
  EXPECT_TRUE(stream->write(""));
  client.close();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool is_read = true;
  while (is_read && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    is_read = stream->write("");
  }
  EXPECT_FALSE(is_read);
}

TEST(EndlessAnswers, head_asks_for_the_head_alone) {
  TestServer server;
  HttpClient client(server.port());
  ASSERT_TRUE(client.send("HEAD /follow HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto answer = client.read_answer(true);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_FALSE(server.followed()->write("x"));
  const auto next = client.request("GET /thread HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->status, 200) << "the connection goes on";
}

}  // namespace
}  // namespace vibrato::test
