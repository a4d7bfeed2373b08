#include "server/http_client.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "support/status_matchers.hpp"

namespace vibrato::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Takes one connection on a free port, reads a request to the end of its body, answers with given bytes.
class OneAnswerServer {
 public:
  explicit OneAnswerServer(std::string answer, bool hang = false) : answer_(std::move(answer)), hang_(hang) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { answer_one(); });
  }
  ~OneAnswerServer() {
    join();
    ::close(listener_);
  }
  OneAnswerServer(const OneAnswerServer&) = delete;
  OneAnswerServer& operator=(const OneAnswerServer&) = delete;

  HttpAddress address() const { return {"127.0.0.1", port_, ""}; }
  const std::string& request() {
    join();
    return request_;
  }

 private:
  void answer_one() {
    const int connection = ::accept(listener_, nullptr, nullptr);
    char buffer[4096];
    ssize_t count = 0;
    while (!request_.ends_with("}") && (count = ::recv(connection, buffer, sizeof(buffer), 0)) > 0) {
      request_.append(buffer, static_cast<std::size_t>(count));
    }
    [[maybe_unused]] const ssize_t sent = ::send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    // A hanging server says nothing more and waits for the client to give up.
    while (hang_ && ::recv(connection, buffer, sizeof(buffer), 0) > 0) {
    }
    ::close(connection);
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  std::string answer_;
  bool hang_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::string request_;
  std::thread thread_;
};

TEST(HttpAddress, host_port_and_prefix_are_read) {
  const auto plain = parse_http_address("http://localhost");
  ASSERT_OK(plain);
  EXPECT_EQ(plain->host, "localhost");
  EXPECT_EQ(plain->port, 80);
  EXPECT_EQ(plain->path_prefix, "");
  const auto full = parse_http_address("http://10.0.0.1:8080/api/v1//");
  ASSERT_OK(full);
  EXPECT_EQ(full->host, "10.0.0.1");
  EXPECT_EQ(full->port, 8080);
  EXPECT_EQ(full->path_prefix, "/api/v1");
  const auto ipv6 = parse_http_address("http://[::1]:81");
  ASSERT_OK(ipv6);
  EXPECT_EQ(ipv6->host, "::1");
  EXPECT_EQ(ipv6->port, 81);
}

TEST(HttpAddress, what_is_no_address_is_refused) {
  for (const char* url : {"", "localhost:8080", "ftp://a", "http://", "http:///x", "http://a:", "http://a:0",
                          "http://a:65536", "http://a:8x", "http://[::1", "http://[::1]8", "http://u@a", "http://a/?q",
                          "http://a/ b", "http://a/\r\nx: y", "http://a:-1", "http://[]:1"}) {
    EXPECT_CODE(parse_http_address(url), ErrorCode::kInvalidArgument) << url;
  }
}

TEST(HttpAddress, https_has_a_port_of_its_own) {
  const auto plain = parse_http_address("http://a");
  ASSERT_OK(plain);
  EXPECT_FALSE(plain->has_tls);
  EXPECT_EQ(plain->port, 80);
  const auto tls = parse_http_address("https://a/b");
  ASSERT_OK(tls);
  EXPECT_TRUE(tls->has_tls);
  EXPECT_EQ(tls->port, 443);
  EXPECT_EQ(parse_http_address("https://a:8443")->port, 8443);
}

TEST(HttpClient, sends_the_key_with_each_request) {
  OneAnswerServer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  HttpClient client(server.address(), {.key = "vbk_1.secret"});
  ASSERT_OK(client.request(api::Method::kPut, "/x", "{}"));
  EXPECT_THAT(server.request(), StartsWith("PUT /x HTTP/1.1\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("\r\nAuthorization: Bearer vbk_1.secret\r\n"));
}

TEST(HttpClient, sends_no_key_that_would_end_its_line) {
  HttpClient client({"127.0.0.1", 1, ""}, {.key = "a\r\nX: y"});
  EXPECT_CODE(client.request(api::Method::kGet, "/"), ErrorCode::kInvalidArgument);
}

TEST(PostJson, sends_a_json_body_and_returns_any_status) {
  OneAnswerServer server("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello");
  HttpAddress address = server.address();
  address.path_prefix = "/api";
  const auto reply = post_json(address, "/search", R"({"k":1})");
  ASSERT_OK(reply);
  EXPECT_EQ(reply->status, 404);
  EXPECT_EQ(reply->body, "hello");
  EXPECT_THAT(server.request(), StartsWith("POST /api/search HTTP/1.1\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("Host: 127.0.0.1:" + std::to_string(address.port) + "\r\n"));
  EXPECT_TRUE(server.request().ends_with("\r\n\r\n{\"k\":1}"));
}

TEST(PostJson, nobody_listening_is_unavailable) {
  HttpAddress address;
  {
    OneAnswerServer server("");
    address = server.address();
    EXPECT_CODE(post_json(address, "/", "{}"), ErrorCode::kIoError);
  }
  const auto reply = post_json(address, "/", "{}");
  EXPECT_CODE(reply, ErrorCode::kUnavailable);
  EXPECT_THAT(reply.status().message(), HasSubstr("cannot connect to 127.0.0.1:"));
}

TEST(PostJson, a_server_that_never_answers_times_out) {
  OneAnswerServer server("HTTP/1.1 200 OK\r\n", true);
  EXPECT_CODE(post_json(server.address(), "/", "{}", {.timeout_ms = 50}), ErrorCode::kTimeout);
}

TEST(PostJson, garbled_and_cut_answers_are_errors) {
  for (const char* answer : {"", "hello", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
                             "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    OneAnswerServer server(answer);
    EXPECT_CODE(post_json(server.address(), "/", "{}"), ErrorCode::kIoError) << answer;
  }
}

TEST(PostJson, an_answer_past_the_limit_is_refused_at_the_limit) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x');
  for (const std::size_t limit : {99U, 100U, 101U}) {
    OneAnswerServer server(answer);
    EXPECT_EQ(post_json(server.address(), "/", "{}", {.body_bytes_max = limit}).ok(), limit >= 100) << limit;
  }
}

}  // namespace
}  // namespace vibrato::server
