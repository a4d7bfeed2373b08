// Every failure that a client of `serve` can cause: the exact status, the envelope, the x-request-id.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "api/test_server.hpp"

namespace vibrato::test {
namespace {

struct Failure {
  std::string name;
  std::string request;
  int status;
  std::string code;
  bool closes = false;
};

const std::string kId = "x-request-id: my-id.7\r\n";

std::string raw_post(std::string_view fields, std::string_view rest = "") {
  return "POST /search HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" + kId + std::string(fields) + "\r\n" +
         std::string(rest);
}

std::vector<Failure> failures() {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  return {
      {"no_route", get("/nothing", kId), 404, "not_found"},
      {"no_route_of_v2_here", get("/v2/query", kId), 404, "not_found"},
      {"method", get("/search", kId), 405, "method_not_allowed"},
      {"unknown_method", "BREW /search HTTP/1.1\r\nHost: h\r\n" + kId + "\r\n", 405, "method_not_allowed"},
      {"no_key", get("/admin", kId), 401, "unauthenticated"},
      {"no_media_type", "POST /search HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n" + kId + "\r\n{}", 415,
       "unsupported_media_type"},
      {"wrong_media_type",
       "POST /ingest HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n" + kId + "\r\n{}", 415,
       "unsupported_media_type"},
      {"media_type_before_json", "POST /search HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n" + kId + "\r\n{", 415,
       "unsupported_media_type"},
      {"garbled_query", get("/health?a=%zz", kId), 400, "invalid_argument"},
      {"no_body", post_json("/search", "", kId), 400, "invalid_json"},
      {"not_json", post_json("/search", "{\"vector\":[1,2}", kId), 400, "invalid_json"},
      {"bad_utf8", post_json("/search", "{\"vector\":[1,2],\"x\":\"\xFF\"}", kId), 400, "invalid_json"},
      {"nan", post_json("/search", R"({"vector":[NaN,2]})", kId), 400, "invalid_json"},
      {"too_deep", post_json("/search", std::string(33, '[') + "1" + std::string(33, ']'), kId), 400, "invalid_json"},
      {"overflow", post_json("/search", R"({"vector":[1e999,2]})", kId), 400, "invalid_argument"},
      {"past_f32", post_json("/search", R"({"vector":[1e39,2]})", kId), 400, "invalid_argument"},
      {"k_0", post_json("/search", R"({"vector":[1,2],"k":0})", kId), 400, "invalid_argument"},
      {"k_1001", post_json("/search", R"({"vector":[1,2],"k":1001})", kId), 400, "invalid_argument"},
      {"dim", post_json("/search", R"({"vector":[1,2,3]})", kId), 400, "dim_mismatch"},
      {"no_models", post_json("/ingest", R"({"audio_path":"a.wav"})", kId), 503, "unavailable"},
      {"body_too_large", raw_post("Content-Length: 33554433\r\n"), 413, "payload_too_large", true},
      {"header_too_large", get("/health", kId + "X: " + std::string(9000, 'x') + "\r\n"), 431, "header_too_large",
       true},
      {"garbage", "\x16\x03\x01 hello\r\n\r\n", 400, "invalid_argument", true},
      {"bad_version", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", 400, "invalid_argument", true},
      {"no_host", "GET /health HTTP/1.1\r\n\r\n", 400, "invalid_argument", true},
      {"bare_line_feed", "GET /health HTTP/1.1\nHost: h\n\n", 400, "invalid_argument", true},
      {"folded_line", "GET /health HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400, "invalid_argument", true},
      {"space_before_colon", "GET /health HTTP/1.1\r\nHost : h\r\n\r\n", 400, "invalid_argument", true},
      {"two_lengths", raw_post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), 400, "invalid_argument", true},
      {"list_of_lengths", raw_post("Content-Length: 2, 2\r\n", "{}"), 400, "invalid_argument", true},
      {"length_and_chunked", raw_post("Content-Length: 2\r\n" + chunked, "0\r\n\r\n"), 400, "invalid_argument", true},
      {"chunked_and_length", raw_post(chunked + "Content-Length: 2\r\n", "0\r\n\r\n"), 400, "invalid_argument", true},
      {"other_coding", raw_post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400, "invalid_argument", true},
      {"bad_chunk", raw_post(chunked, "zz\r\n\r\n"), 400, "invalid_argument", true},
      {"chunked_1_0", "POST /search HTTP/1.0\r\nContent-Type: application/json\r\n" + chunked + "\r\n0\r\n\r\n", 400,
       "invalid_argument", true},
  };
}

class EveryFailure : public ::testing::TestWithParam<Failure> {};

TEST_P(EveryFailure, answers_its_status_in_the_envelope_with_the_request_id) {
  const Failure& failure = GetParam();
  TestServer server;
  HttpClient client(server.port());
  const auto answer = client.request(failure.request);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, failure.status);
  EXPECT_EQ(answer->header("content-type"), "application/json");
  const auto body = nlohmann::json::parse(answer->body);
  EXPECT_EQ(body["code"], failure.code);
  EXPECT_FALSE(body["error"].get<std::string>().empty());
  EXPECT_EQ(body.size(), 3U) << body;
  EXPECT_EQ(body["request_id"], answer->header("x-request-id"));
  if (failure.request.find(kId) != std::string::npos) {
    EXPECT_EQ(answer->header("x-request-id"), "my-id.7");
  } else {
    EXPECT_TRUE(answer->header("x-request-id").starts_with("req_"));
  }
  EXPECT_EQ(answer->header("connection"), failure.closes ? "close" : "");
  if (failure.closes) {
    EXPECT_TRUE(client.ended());
  } else {
    const auto next = client.request(get("/health/live"));
    ASSERT_TRUE(next.has_value()) << "the connection goes on";
    EXPECT_EQ(next->status, 200);
  }
}

INSTANTIATE_TEST_SUITE_P(Serve, EveryFailure, ::testing::ValuesIn(failures()),
                         [](const auto& test) { return test.param.name; });

TEST(Errors, a_wrong_method_is_told_the_right_ones) {
  TestServer server;
  HttpClient client(server.port());
  EXPECT_EQ(client.request(get("/search"))->header("allow"), "POST");
  EXPECT_EQ(client.request(post_json("/flush/status", ""))->header("allow"), "GET, HEAD");
}

TEST(Errors, a_413_is_readable_while_the_client_still_sends) {
  TestServer server({}, {.body_bytes_max = 1000});
  HttpClient client(server.port());
  // Far more than the sockets' buffers hold: without draining, sending fails and the answer is lost.
  const bool sent_all = client.send(post_json("/search", std::string(30'000'000, ' ')));
  EXPECT_TRUE(sent_all);
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 413);
  EXPECT_TRUE(client.ended());
}

TEST(Errors, a_chunked_body_past_the_cap_is_413_while_it_is_sent) {
  TestServer server({}, {.body_bytes_max = 100'000});
  HttpClient client(server.port());
  const std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  ASSERT_TRUE(
      client.send("POST /search HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n"));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.send(chunk));
  }
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 413);
}

TEST(Errors, bodies_past_the_bytes_in_flight_are_429_with_retry_after) {
  server::HttpServerOptions options;
  options.body_bytes_in_flight_max = 100'000;
  TestServer server(options);
  HttpClient client(server.port());
  ASSERT_TRUE(client.send(post_json("/search", std::string(200'000, ' '))));
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->header("retry-after"), "1");
  HttpClient next(server.port());
  EXPECT_EQ(next.request(post_json("/search", std::string(90'000, ' ')))->status, 400) << "the bytes were given back";
}

TEST(Errors, a_slow_head_and_a_slow_body_are_408) {
  server::HttpServerOptions options;
  options.request_timeout_ms = 200;
  TestServer server(options);
  for (const std::string& begun :
       {std::string("GET /health HTTP/1.1\r\nHo"), post_json("/search", "{}").substr(0, 89)}) {
    HttpClient client(server.port());
    const auto answer = client.request(begun);
    ASSERT_TRUE(answer.has_value()) << begun;
    EXPECT_EQ(answer->status, 408);
    EXPECT_EQ(nlohmann::json::parse(answer->body)["code"], "timeout");
    EXPECT_TRUE(client.ended());
  }
}

TEST(Errors, dripping_bytes_does_not_move_the_deadline) {
  server::HttpServerOptions options;
  options.request_timeout_ms = 300;
  TestServer server(options);
  HttpClient client(server.port());
  ASSERT_TRUE(client.send("GET /health HTTP/1.1\r\nX: "));
  // Sends on until the server has closed: it ends only because the deadline counts from the first byte.
  bool sending = true;
  for (int i = 0; i < 2000 && sending; ++i) {
    sending = client.send("x");
    ::usleep(10'000);
  }
  EXPECT_FALSE(sending);
}

// The client always has more in flight than the server has read, so that none of its reads waits.
TEST(Errors, draining_a_client_that_floods_ends) {
  server::HttpServerOptions options;
  options.drain_timeout_ms = 100;
  TestServer server(options);
  HttpClient client(server.port());
  const std::string flood(1 << 20, ' ');
  bool sending = client.send("POST /search HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n");
  for (int i = 0; i < 50'000 && sending; ++i) {
    sending = client.send(flood);
  }
  EXPECT_FALSE(sending);
}

TEST(Errors, the_deadline_of_a_request_holds_for_a_client_that_floods) {
  server::HttpServerOptions options;
  options.request_timeout_ms = 100;
  TestServer server(options);
  HttpClient client(server.port());
  // Each chunk is a byte and an extension that is dropped: the body stays below its cap for terabytes.
  const std::string chunk = "1;" + std::string(50'000, 'x') + "\r\n \r\n";
  std::string flood;
  for (int i = 0; i < 20; ++i) {
    flood += chunk;
  }
  bool sending = client.send(
      "POST /search HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 50'000 && sending; ++i) {
    sending = client.send(flood);
  }
  EXPECT_FALSE(sending);
}

TEST(Errors, an_idle_connection_is_closed_without_an_answer) {
  server::HttpServerOptions options;
  options.keep_alive_idle_ms = 100;
  TestServer server(options);
  HttpClient fresh(server.port());
  EXPECT_TRUE(fresh.ended());
  HttpClient used(server.port());
  ASSERT_TRUE(used.request(get("/health")).has_value());
  EXPECT_TRUE(used.ended());
}

TEST(Errors, connections_past_the_cap_are_429) {
  server::HttpServerOptions options;
  options.connections_max = 2;
  options.drain_timeout_ms = 100;
  TestServer server(options);
  auto first = std::make_unique<HttpClient>(server.port());
  HttpClient second(server.port());
  ASSERT_TRUE(first->request(get("/health")).has_value());
  ASSERT_TRUE(second.request(get("/health")).has_value());
  HttpClient third(server.port());
  const auto refused = third.request(get("/health"));
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(refused->header("retry-after"), "1");
  EXPECT_TRUE(third.ended());
  HttpClient silent(server.port());
  EXPECT_EQ(silent.read_answer()->status, 429) << "one that sends nothing is not waited for long";
  first->close();
  third.close();
  silent.close();
  int status = 0;
  for (int i = 0; i < 1000 && status != 200; ++i) {
    HttpClient again(server.port());
    const auto answer = again.request(get("/health"));
    status = answer.has_value() ? answer->status : 0;
  }
  EXPECT_EQ(status, 200) << "a place that is free again is given away";
}

}  // namespace
}  // namespace vibrato::test
