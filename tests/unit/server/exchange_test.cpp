#include "server/exchange.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/logging.hpp"
#include "support/fake_clock.hpp"

namespace vibrato::server {
namespace {

using Step = Exchange::Step;

api::Route echo_route(std::string pattern, std::size_t body_bytes_max) {
  return {.method = api::Method::kPost,
          .pattern = std::move(pattern),
          .body = api::BodyKind::kNone,
          .body_bytes_max = body_bytes_max,
          .handler = [](const api::Request& request, api::Reply& reply) {
            reply.body = "[" + std::string(request.body) + "]";
            return ok_status();
          }};
}

api::RouteTable made_routes() {
  api::RouteTable routes(api::Surface::kDatabase);
  routes.add(echo_route("/echo", 1000));
  routes.add(echo_route("/large", 10'000'000));
  routes.add({.pattern = "/hello", .handler = [](const api::Request&, api::Reply& reply) {
                reply.body = "hello";
                return ok_status();
              }});
  routes.add({.pattern = "/throws",
              .handler = [](const api::Request&, api::Reply&) -> Status { throw std::runtime_error("secret"); }});
  return routes;
}

api::Reply text_reply(std::string body) {
  api::Reply reply;
  reply.body = std::move(body);
  return reply;
}

// An exchange with a client that is a string in and a string out.
class ExchangeTest : public ::testing::Test, private AnswerWaiter {
 protected:
  // Gives `bytes` in pieces; keeps what is written in output_. Returns the step that stops it.
  Step feed(std::string_view bytes, std::size_t piece = 1 << 20) {
    Step step = Step::kRead;
    while (!bytes.empty() && step == Step::kRead) {
      const std::span<char> space = exchange_.input_space();
      EXPECT_FALSE(space.empty());
      const std::size_t count = std::min({piece, bytes.size(), space.size()});
      std::copy_n(bytes.data(), count, space.data());
      bytes.remove_prefix(count);
      step = write_all(exchange_.received(count));
    }
    return step;
  }

  Step write_all(Step step) {
    while (step == Step::kWrite) {
      for (const std::string_view part : exchange_.output()) {
        output_ += part;
      }
      step = exchange_.written();
    }
    return step;
  }

  [[nodiscard]] std::size_t count_of(std::string_view text) const {
    std::size_t count = 0;
    for (std::size_t at = output_.find(text); at != std::string::npos; at = output_.find(text, at + 1)) {
      ++count;
    }
    return count;
  }

  HttpServerOptions options_ = [this] {
    HttpServerOptions options;
    options.on_request = [this](const RequestRecord& record) {
      records_.push_back(std::string(record.pattern) + " " + std::to_string(record.status));
      durations_ns_.push_back(record.duration_ns);
    };
    return options;
  }();
  std::vector<std::string> records_;
  std::vector<std::int64_t> durations_ns_;
  std::string logged_;
  api::RouteTable routes_ = [this] {
    api::RouteTable routes = made_routes();
    routes.add({.method = api::Method::kPost,
                .pattern = "/late",
                .body_bytes_max = 1'000'000,
                .async_handler = [this](const api::Request& request, api::ResponderPtr responder) {
                  client_address_ = request.client_address;
                  if (request.body == "throw") throw std::runtime_error("secret");
                  if (request.body == "at once") responder->answer(ok_status(), text_reply("at once"));
                  responders_.push_back(std::move(responder));
                  return request.body == "refuse" ? invalid_argument("refused") : ok_status();
                }});
    return routes;
  }();
  std::string client_address_;
  test::FakeClock clock_;
  Logger logger_{LogLevel::kInfo, [this](LogLevel, std::string_view message) { logged_ += message; }};
  BodyBudget budget_{1'000'000};
  RequestIds ids_{7};
  int wake_ups_ = 0;
  int arrivals_ = 0;
  std::shared_ptr<AnswerBox> answers_ = std::make_shared<AnswerBox>([this] { ++wake_ups_; });
  std::vector<api::ResponderPtr> responders_;
  Exchange exchange_{ExchangeContext{options_, routes_, clock_, logger_, budget_, ids_, answers_}, *this};
  std::string output_;

 private:
  void answer_arrived() override { ++arrivals_; }
};

std::string post(std::string_view path, std::string_view body, std::string_view fields = "") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

constexpr std::string_view kGet = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

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

TEST_F(ExchangeTest, refuses_before_it_reads) {
  EXPECT_EQ(write_all(exchange_.refuse({ErrorCode::kOverloaded, "too many"})), Step::kDrain);
  EXPECT_EQ(count_of("429 Too Many Requests"), 1U);
  EXPECT_EQ(count_of("Retry-After: 1"), 1U);
}

TEST_F(ExchangeTest, does_not_let_a_chunk_line_grow_without_end) {
  EXPECT_EQ(feed("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(100'000, 'x')),
            Step::kDrain);
  EXPECT_EQ(count_of("400 Bad Request"), 1U);
}

TEST_F(ExchangeTest, waits_for_a_late_answer_and_goes_on) {
  EXPECT_EQ(feed(post("/late", "x") + std::string(kGet)), Step::kAnswer);
  EXPECT_TRUE(output_.empty());
  EXPECT_EQ(wake_ups_, 0);
  clock_.advance_ms(5);
  responders_[0]->answer(ok_status(), text_reply("late"));
  EXPECT_EQ(wake_ups_, 1);
  EXPECT_EQ(arrivals_, 0) << "only deliver() tells";
  answers_->deliver();
  EXPECT_EQ(arrivals_, 1);
  EXPECT_EQ(write_all(exchange_.answer_arrived()), Step::kRead);
  EXPECT_LT(output_.find("late"), output_.find("hello")) << "pipelined requests stay in order";
  EXPECT_EQ(records_, (std::vector<std::string>{"/late 200", "/hello 200"}));
  EXPECT_EQ(durations_ns_[0], 5'000'000);
}

TEST_F(ExchangeTest, an_answer_inside_the_handlers_call_costs_no_wake_up) {
  EXPECT_EQ(feed(post("/late", "at once")), Step::kRead);
  EXPECT_EQ(count_of("at once"), 1U);
  EXPECT_EQ(wake_ups_, 0);
  responders_.clear();
  EXPECT_EQ(wake_ups_, 0) << "nothing is answered twice";
}

TEST_F(ExchangeTest, the_first_late_answer_counts) {
  feed(post("/late", "x"));
  responders_[0]->answer({ErrorCode::kDiskFull, "no space"}, {});
  responders_[0]->answer(ok_status(), text_reply("second"));
  responders_.clear();
  answers_->deliver();
  EXPECT_EQ(write_all(exchange_.answer_arrived()), Step::kRead);
  EXPECT_EQ(count_of("507 Insufficient Storage"), 1U);
  EXPECT_EQ(count_of("second"), 0U);
  EXPECT_EQ(arrivals_, 1);
}

TEST_F(ExchangeTest, keeps_headers_and_details_of_a_late_error) {
  feed(post("/late", "x"));
  api::Reply reply;
  reply.headers.emplace_back("Retry-After", "7");
  reply.error_details = R"({"limit":3})";
  responders_[0]->answer({ErrorCode::kOverloaded, "full"}, std::move(reply));
  answers_->deliver();
  EXPECT_EQ(write_all(exchange_.answer_arrived()), Step::kRead);
  EXPECT_EQ(count_of("Retry-After: 7\r\n"), 1U);
  EXPECT_EQ(count_of(R"("details":{"limit":3})"), 1U);
}

TEST_F(ExchangeTest, a_dropped_responder_is_an_internal_error) {
  feed(post("/late", "x"));
  responders_.clear();
  answers_->deliver();
  EXPECT_EQ(arrivals_, 1);
  EXPECT_EQ(write_all(exchange_.answer_arrived()), Step::kRead);
  EXPECT_EQ(count_of("500 Internal Server Error"), 1U);
}

TEST_F(ExchangeTest, an_error_of_an_async_handler_is_answered_at_once) {
  EXPECT_EQ(feed(post("/late", "refuse")), Step::kRead);
  EXPECT_EQ(count_of("400 Bad Request"), 1U);
  responders_[0]->answer(ok_status(), text_reply("too late"));
  EXPECT_EQ(feed(post("/late", "throw")), Step::kRead);
  EXPECT_EQ(count_of("500 Internal Server Error"), 1U);
  EXPECT_EQ(count_of("secret"), 0U);
  EXPECT_EQ(wake_ups_, 0);
}

TEST_F(ExchangeTest, answers_408_at_the_deadline_and_takes_no_answer_afterwards) {
  EXPECT_EQ(feed(post("/late", "x")), Step::kAnswer);
  EXPECT_EQ(exchange_.answer_deadline_ns(), std::int64_t{options_.request_timeout_ms} * 1'000'000);
  EXPECT_EQ(write_all(exchange_.timed_out()), Step::kRead) << "the connection goes on";
  EXPECT_EQ(count_of("408 Request Timeout"), 1U);
  responders_[0]->answer(ok_status(), text_reply("too late"));
  answers_->deliver();
  EXPECT_EQ(arrivals_, 0);
  EXPECT_EQ(wake_ups_, 0);
}

TEST_F(ExchangeTest, an_answer_that_loses_the_race_with_the_deadline_is_forgotten) {
  feed(post("/late", "x"));
  responders_[0]->answer(ok_status(), text_reply("too late"));
  EXPECT_EQ(write_all(exchange_.timed_out()), Step::kRead);
  answers_->deliver();
  EXPECT_EQ(arrivals_, 0);
  EXPECT_EQ(count_of("too late"), 0U);
}

TEST_F(ExchangeTest, answers_what_was_set_for_the_deadline) {
  feed(post("/late", "x"));
  api::Reply running = text_reply("running");
  running.status = 202;
  responders_[0]->set_deadline_reply(std::move(running));
  EXPECT_EQ(write_all(exchange_.timed_out()), Step::kRead);
  EXPECT_EQ(count_of("202 Accepted"), 1U);
  EXPECT_EQ(count_of("running"), 1U);
  EXPECT_EQ(records_, (std::vector<std::string>{"/late 202"}));
}

TEST_F(ExchangeTest, charges_a_body_until_its_late_answer) {
  feed(post("/late", std::string(300'000, 'x')));
  EXPECT_GE(budget_.taken(), 300'000U);
  responders_[0]->answer(ok_status(), {});
  EXPECT_GE(budget_.taken(), 300'000U);
  answers_->deliver();
  EXPECT_EQ(write_all(exchange_.answer_arrived()), Step::kRead);
  EXPECT_EQ(budget_.taken(), 0U);
}

TEST_F(ExchangeTest, closes_after_a_late_answer_when_told_to_stop_meanwhile) {
  feed(post("/late", "x"));
  exchange_.stop_after_answer();
  responders_[0]->answer(ok_status(), {});
  answers_->deliver();
  EXPECT_EQ(write_all(exchange_.answer_arrived()), Step::kDrain);
  EXPECT_EQ(count_of("Connection: close"), 1U);
}

TEST_F(ExchangeTest, tells_handlers_the_address_of_the_client) {
  exchange_.set_client_address("192.0.2.7");
  feed(post("/late", "at once"));
  EXPECT_EQ(client_address_, "192.0.2.7");
}

}  // namespace
}  // namespace vibrato::server
