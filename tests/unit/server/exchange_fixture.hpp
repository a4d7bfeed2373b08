// An exchange with a client that is a string in and a string out, over made routes. For the tests of the exchange.
#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/logging.hpp"
#include "server/exchange.hpp"
#include "support/fake_clock.hpp"

namespace vibrato::server {

using Step = Exchange::Step;

inline api::Route echo_route(std::string pattern, std::size_t body_bytes_max) {
  return {.method = api::Method::kPost,
          .pattern = std::move(pattern),
          .body = api::BodyKind::kNone,
          .body_bytes_max = body_bytes_max,
          .handler = [](const api::Request& request, api::Reply& reply) {
            reply.body.append("[").append(request.body).append("]");
            return ok_status();
          }};
}

inline api::RouteTable made_routes() {
  api::RouteTable routes(api::Surface::kDatabase);
  routes.add(echo_route("/echo", 1000));
  routes.add(echo_route("/large", 10'000'000));
  routes.add({.pattern = "/hello", .handler = [](const api::Request&, api::Reply& reply) {
                reply.body = "hello";
                return ok_status();
              }});
  api::Route guarded = echo_route("/guarded", 1000);
  guarded.role = api::Role::kQuery;
  routes.add(std::move(guarded));
  routes.set_authorizer([](api::Request& request, const api::Route&, api::Reply&) {
    return request.header("x-api-key") == "right" ? ok_status() : Status(ErrorCode::kUnauthenticated, "no key");
  });
  routes.add({.pattern = "/throws",
              .handler = [](const api::Request&, api::Reply&) -> Status { throw std::runtime_error("secret"); }});
  return routes;
}

inline api::Reply text_reply(std::string body) {
  api::Reply reply;
  reply.body = std::move(body);
  return reply;
}

// An exchange with a client that is a string in and a string out.
class ExchangeTest : public ::testing::Test, private AnswerWaiter {
 protected:
  // As the I/O thread does at its end: answers that nobody fetched hold the box, and it them.
  ~ExchangeTest() override { answers_->close(); }

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
      records_.push_back(std::string(record.pattern).append(" ").append(std::to_string(record.status)));
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
  MismatchLog mismatches_{clock_, logger_};
  int wake_ups_ = 0;
  int arrivals_ = 0;
  std::shared_ptr<AnswerBox> answers_ = std::make_shared<AnswerBox>([this] { ++wake_ups_; });
  std::vector<api::ResponderPtr> responders_;
  Exchange exchange_{ExchangeContext{options_, routes_, clock_, logger_, budget_, ids_, answers_, mismatches_}, *this};
  std::string output_;

 private:
  void answer_arrived() override { ++arrivals_; }
};

inline std::string post(std::string_view path, std::string_view body, std::string_view fields = "") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline constexpr std::string_view kGet = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

}  // namespace vibrato::server
