#include "server/exchange.hpp"

#include <gtest/gtest.h>
#include <string>

#include "unit/server/exchange_fixture.hpp"

namespace vibrato::server {
namespace {

TEST_F(ExchangeTest, answers_a_request_whatever_its_pieces) {
  const std::string text = post("/echo", "abc") + std::string(kGet);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 1000U}) {
    output_.clear();
    EXPECT_EQ(feed(text, piece), Step::kRead);
    EXPECT_EQ(count_of("HTTP/1.1 200 OK\r\n"), 2U) << piece;
    EXPECT_LT(output_.find("[abc]"), output_.find("hello")) << "in order";
    EXPECT_TRUE(exchange_.idle());
  }
}

TEST_F(ExchangeTest, skips_empty_lines_before_a_request) {
  EXPECT_EQ(feed("\r\n\r\n" + std::string(kGet), 1), Step::kRead);
  EXPECT_EQ(count_of("200 OK"), 1U);
}

TEST_F(ExchangeTest, writes_a_complete_head) {
  feed("GET /hello HTTP/1.1\r\nHost: h\r\nx-request-id: abc-1\r\n\r\n");
  EXPECT_EQ(
      output_,
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\nx-request-id: abc-1\r\n\r\nhello");
  EXPECT_EQ(records_, (std::vector<std::string>{"/hello 200"}));
}

TEST_F(ExchangeTest, makes_a_request_id_where_the_clients_is_not_fit) {
  for (const std::string& id :
       {std::string("two words"), std::string(129, 'x'), std::string("caf\xC3\xA9"), std::string()}) {
    output_.clear();
    feed("GET /hello HTTP/1.1\r\nHost: h\r\nx-request-id: " + id + "\r\n\r\n");
    EXPECT_EQ(count_of("x-request-id: req_"), 1U) << id;
  }
  output_.clear();
  feed("GET /hello HTTP/1.1\r\nHost: h\r\nx-request-id: " + std::string(128, 'x') + "\r\n\r\n");
  EXPECT_EQ(count_of("x-request-id: " + std::string(128, 'x')), 1U);
}

TEST_F(ExchangeTest, closes_when_the_client_asks) {
  EXPECT_EQ(feed("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + std::string(kGet)), Step::kDrain);
  EXPECT_EQ(count_of("Connection: close"), 1U);
  EXPECT_EQ(count_of("200 OK"), 1U) << "what comes behind is not answered";
}

TEST_F(ExchangeTest, speaks_http_1_0) {
  EXPECT_EQ(feed("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), Step::kRead);
  EXPECT_EQ(count_of("Connection: keep-alive"), 1U);
  EXPECT_EQ(feed("GET /hello HTTP/1.0\r\n\r\n"), Step::kDrain);
}

TEST_F(ExchangeTest, answers_head_without_a_body) {
  EXPECT_EQ(feed("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n"), Step::kRead);
  EXPECT_EQ(count_of("Content-Length: 5"), 1U);
  EXPECT_TRUE(output_.ends_with("\r\n\r\n"));
}

TEST_F(ExchangeTest, caps_the_head) {
  const std::string fields = "GET /hello HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n";
  const auto request = [&](std::size_t bytes) {
    return "GET /hello HTTP/1.1\r\nHost: h\r\nX: " + std::string(bytes - fields.size(), 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(feed(request(limits::kHeaderBytesMax - 1)), Step::kRead);
  EXPECT_EQ(feed(request(limits::kHeaderBytesMax)), Step::kRead);
  EXPECT_EQ(count_of("200 OK"), 2U);
  EXPECT_EQ(feed(request(limits::kHeaderBytesMax + 1)), Step::kDrain);
  EXPECT_EQ(count_of("431 Request Header Fields Too Large"), 1U);
  EXPECT_EQ(count_of(R"("error":"header_too_large")"), 1U);
}

TEST_F(ExchangeTest, caps_the_body_and_goes_on_if_it_is_small) {
  EXPECT_EQ(feed(post("/echo", std::string(999, 'x'))), Step::kRead);
  EXPECT_EQ(feed(post("/echo", std::string(1000, 'x'))), Step::kRead);
  EXPECT_EQ(count_of("200 OK"), 2U);
  EXPECT_EQ(feed(post("/echo", std::string(1001, 'x')) + std::string(kGet)), Step::kRead);
  EXPECT_EQ(count_of("413 Payload Too Large"), 1U);
  EXPECT_EQ(count_of("200 OK"), 3U) << "the request behind it is answered";
}

TEST_F(ExchangeTest, answers_a_large_body_past_its_cap_before_reading_it) {
  EXPECT_EQ(feed("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n"), Step::kDrain);
  EXPECT_EQ(count_of("413 Payload Too Large"), 1U);
  EXPECT_EQ(count_of("Connection: close"), 1U);
}

TEST_F(ExchangeTest, reads_a_body_larger_than_its_buffer_and_shrinks_again) {
  std::string body(500'000, 'x');
  body[499'999] = 'y';
  for (int i = 0; i < 3; ++i) {
    output_.clear();
    EXPECT_EQ(feed(post("/large", body) + std::string(kGet), 10'000), Step::kRead);
    EXPECT_EQ(count_of("200 OK"), 2U);
    EXPECT_NE(output_.find("[" + body + "]"), std::string::npos);
    EXPECT_EQ(budget_.taken(), 0U);
  }
}

TEST_F(ExchangeTest, refuses_bodies_past_the_bytes_in_flight_as_they_arrive) {
  ASSERT_TRUE(budget_.try_take(800'000));
  EXPECT_EQ(feed(post("/large", std::string(300'000, 'x')), 10'000), Step::kDrain);
  EXPECT_EQ(count_of("429 Too Many Requests"), 1U);
  EXPECT_EQ(count_of("Retry-After: 1\r\n"), 1U);
}

TEST_F(ExchangeTest, refuses_chunked_bodies_past_the_bytes_in_flight) {
  ASSERT_TRUE(budget_.try_take(900'000));
  const std::string chunk = "2710\r\n" + std::string(10'000, 'x') + "\r\n";
  std::string text = "POST /large HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) {
    text += chunk;
  }
  EXPECT_EQ(feed(text, 10'000), Step::kDrain);
  EXPECT_EQ(count_of("429 Too Many Requests"), 1U);
}

TEST_F(ExchangeTest, decodes_chunked_bodies_whatever_their_pieces) {
  const std::string text =
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" +
      std::string(kGet);
  for (const std::size_t piece : {1U, 2U, 5U, 1000U}) {
    output_.clear();
    EXPECT_EQ(feed(text, piece), Step::kRead);
    EXPECT_EQ(count_of("[abcde]"), 1U) << piece;
    EXPECT_EQ(count_of("hello"), 1U) << piece;
    EXPECT_EQ(budget_.taken(), 0U);
  }
}

TEST_F(ExchangeTest, caps_a_chunked_body_while_it_is_read) {
  const auto chunked = [](std::size_t bytes) {
    std::string text = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t i = 0; i < bytes; ++i) {
      text += "1\r\nx\r\n";
    }
    return text + "0\r\n\r\n";
  };
  EXPECT_EQ(feed(chunked(999)), Step::kRead);
  EXPECT_EQ(feed(chunked(1000)), Step::kRead);
  EXPECT_EQ(count_of("200 OK"), 2U);
  EXPECT_EQ(feed(chunked(1001)), Step::kDrain);
  EXPECT_EQ(count_of("413 Payload Too Large"), 1U);
}

TEST_F(ExchangeTest, sends_100_continue_only_if_it_will_read_the_body) {
  const std::string waits = "Expect: 100-continue\r\n";
  EXPECT_EQ(feed("POST /echo HTTP/1.1\r\nHost: h\r\n" + waits + "Content-Length: 3\r\n\r\n"), Step::kRead);
  EXPECT_EQ(output_, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(feed("abc"), Step::kRead);
  EXPECT_EQ(count_of("[abc]"), 1U);
  output_.clear();
  EXPECT_EQ(feed(post("/echo", "abc", waits)), Step::kRead) << "the body is there already";
  EXPECT_EQ(count_of("100 Continue"), 0U);
  output_.clear();
  EXPECT_EQ(feed("POST /nowhere HTTP/1.1\r\nHost: h\r\n" + waits + "Content-Length: 3\r\n\r\n"), Step::kDrain);
  EXPECT_EQ(count_of("100 Continue"), 0U);
  EXPECT_EQ(count_of("404 Not Found"), 1U);
}

TEST_F(ExchangeTest, refuses_who_may_not_enter_without_waiting_for_the_body) {
  EXPECT_EQ(feed(post("/guarded", "abc", "x-api-key: right\r\n")), Step::kRead);
  EXPECT_EQ(count_of("[abc]"), 1U);
  EXPECT_EQ(feed(post("/guarded", "abc") + std::string(kGet)), Step::kRead)
      << "the body is there: the connection goes on";
  EXPECT_EQ(count_of("401 Unauthorized"), 1U);
  EXPECT_EQ(count_of("hello"), 1U);
  EXPECT_EQ(feed("POST /guarded HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab"), Step::kDrain);
  EXPECT_EQ(count_of("401 Unauthorized"), 2U);
}

TEST_F(ExchangeTest, answers_errors_of_the_router_and_goes_on) {
  EXPECT_EQ(feed(post("/nowhere", "x") + post("/hello", "x") + std::string(kGet)), Step::kRead);
  EXPECT_EQ(count_of("404 Not Found"), 1U);
  EXPECT_EQ(count_of("405 Method Not Allowed"), 1U);
  EXPECT_EQ(count_of("Allow: GET, HEAD\r\n"), 1U);
  EXPECT_EQ(count_of("200 OK"), 1U);
  EXPECT_EQ(records_, (std::vector<std::string>{" 404", " 405", "/hello 200"}));
}

TEST_F(ExchangeTest, uses_the_envelope_of_the_path) {
  feed("GET /v2/x HTTP/1.1\r\nHost: h\r\nx-request-id: q\r\n\r\n");
  EXPECT_EQ(count_of(R"({"code":"not_found","message":"no route has this path","request_id":"q"})"), 1U);
  feed("GET /v1/x HTTP/1.1\r\nHost: h\r\nx-request-id: q\r\n\r\n");
  EXPECT_EQ(count_of(R"({"error":"not_found","message":"no route has this path","request_id":"q"})"), 1U);
}

TEST_F(ExchangeTest, answers_malformed_requests_and_closes) {
  EXPECT_EQ(feed("garbage\r\n\r\n"), Step::kDrain);
  EXPECT_EQ(count_of("400 Bad Request"), 1U);
  EXPECT_EQ(count_of("Connection: close"), 1U);
  EXPECT_EQ(count_of(R"("request_id":"req_)"), 1U);
}

TEST_F(ExchangeTest, hides_what_a_handler_threw_and_logs_it) {
  EXPECT_EQ(feed("GET /throws HTTP/1.1\r\nHost: h\r\nx-request-id: q7\r\n\r\n" + std::string(kGet)), Step::kRead);
  EXPECT_EQ(count_of("500 Internal Server Error"), 1U);
  EXPECT_EQ(count_of("secret"), 0U);
  EXPECT_NE(logged_.find("secret"), std::string::npos);
  EXPECT_NE(logged_.find("q7"), std::string::npos);
  EXPECT_EQ(count_of("200 OK"), 1U);
}

TEST_F(ExchangeTest, answers_what_is_complete_when_the_client_stops_sending) {
  EXPECT_EQ(feed(kGet), Step::kRead);
  EXPECT_EQ(exchange_.end_of_input(), Step::kClose);
}

TEST_F(ExchangeTest, answers_a_request_that_is_cut_short) {
  feed("GET /hello HT");
  EXPECT_EQ(write_all(exchange_.end_of_input()), Step::kDrain);
  EXPECT_EQ(count_of("400 Bad Request"), 1U);
}

TEST_F(ExchangeTest, answers_a_body_that_is_cut_short) {
  feed("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");
  EXPECT_EQ(write_all(exchange_.end_of_input()), Step::kDrain);
  EXPECT_EQ(count_of("400 Bad Request"), 1U);
}

TEST_F(ExchangeTest, closes_an_idle_connection_silently_at_its_deadline) {
  feed(kGet);
  output_.clear();
  EXPECT_EQ(exchange_.timed_out(), Step::kClose);
  EXPECT_TRUE(output_.empty());
}

TEST_F(ExchangeTest, answers_408_to_a_slow_request) {
  feed("GET /hello HTTP/1.1\r\n");
  EXPECT_EQ(write_all(exchange_.timed_out()), Step::kDrain);
  EXPECT_EQ(count_of("408 Request Timeout"), 1U);
  EXPECT_EQ(count_of(R"("error":"timeout")"), 1U);
}

TEST_F(ExchangeTest, tells_the_first_error_if_a_refused_body_never_comes) {
  feed("POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
  EXPECT_TRUE(output_.empty()) << "a small body is waited for";
  EXPECT_EQ(write_all(exchange_.timed_out()), Step::kDrain);
  EXPECT_EQ(count_of("404 Not Found"), 1U);
}

TEST_F(ExchangeTest, closes_after_the_answer_at_hand_when_told_to_stop) {
  feed("GET /hello HTTP/1.1\r\n");
  exchange_.stop_after_answer();
  EXPECT_EQ(feed("Host: h\r\n\r\n" + std::string(kGet)), Step::kDrain);
  EXPECT_EQ(count_of("200 OK"), 1U);
  EXPECT_EQ(count_of("Connection: close"), 1U);
}

TEST_F(ExchangeTest, does_not_let_a_chunk_line_grow_without_end) {
  EXPECT_EQ(feed("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(100'000, 'x')),
            Step::kDrain);
  EXPECT_EQ(count_of("400 Bad Request"), 1U);
}

}  // namespace
}  // namespace vibrato::server
