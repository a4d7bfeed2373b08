// Errors that are answered before a request is routed: the envelope of their surface, CORS, the request's id.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "unit/server/exchange_fixture.hpp"

namespace vibrato::server {
namespace {

constexpr std::string_view kFields = "Host: h\r\nOrigin: https://a.example\r\nx-request-id: my-id\r\n";

// Heads that are refused before they are routed, as far as a client of `target` sends them.
std::vector<std::string> bad_heads(std::string_view target) {
  const std::string begin = "POST " + std::string(target) + " HTTP/1.1\r\n" + std::string(kFields);
  return {begin + "X: " + std::string(9000, 'x'), begin + "X: a\r\n b\r\n\r\n",
          begin + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", begin + "Bad field : x\r\n\r\n"};
}

class EarlyAnswer : public ExchangeTest {
 protected:
  // What a fresh exchange answers.
  std::string answer_to(std::string_view bytes) {
    Exchange exchange{ExchangeContext{options_, routes_, clock_, logger_, budget_, ids_, answers_, mismatches_},
                      nobody_};
    const std::span<char> space = exchange.input_space();
    std::copy_n(bytes.data(), bytes.size(), space.data());
    Step step = exchange.received(bytes.size());
    if (step == Step::kRead) step = exchange.timed_out();
    EXPECT_EQ(step, Step::kWrite);
    std::string text(exchange.output()[0]);
    text.append(exchange.output()[1]);
    EXPECT_EQ(exchange.written(), Step::kDrain);
    return text;
  }

 private:
  class Nobody final : public server::AnswerWaiter {
    void answer_arrived() override {}
  } nobody_;
};

TEST_F(EarlyAnswer, is_in_the_envelope_of_the_target) {
  for (const std::string& head : bad_heads("/v2/vectors?x=1")) {
    const std::string answer = answer_to(head);
    EXPECT_NE(answer.find(R"({"code":")"), std::string::npos) << answer;
    EXPECT_EQ(answer.find(R"("error":)"), std::string::npos) << answer;
    EXPECT_NE(answer.find("x-request-id: my-id\r\n"), std::string::npos) << answer;
  }
  for (const std::string& head : bad_heads("/v1/vector")) {
    EXPECT_NE(answer_to(head).find(R"({"error":")"), std::string::npos);
  }
}

TEST_F(EarlyAnswer, of_a_head_that_stalls_is_in_the_envelope_of_the_target) {
  const std::string answer = answer_to("GET /v2/query HTTP/1.1\r\nHos");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << answer;
  EXPECT_NE(answer.find(R"({"code":"timeout")"), std::string::npos) << answer;
  EXPECT_NE(answer_to("GET /v2/qu").find(R"({"code":"timeout")"), std::string::npos);
  EXPECT_NE(answer_to("GE").find(R"({"error":"timeout")"), std::string::npos);
}

TEST_F(EarlyAnswer, can_be_seen_by_pages_of_listed_origins_only) {
  for (const std::string& head : bad_heads("/v1/vector")) {
    EXPECT_EQ(answer_to(head).find("Access-Control"), std::string::npos);
  }
  options_.cors_origins.emplace_back("https://a.example");
  for (const std::string& head : bad_heads("/v1/vector")) {
    const std::string answer = answer_to(head);
    EXPECT_NE(answer.find("Access-Control-Allow-Origin: https://a.example\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("Vary: Origin\r\n"), std::string::npos);
  }
  const std::string stalled = "GET /v1/vector HTTP/1.1\r\n" + std::string(kFields) + "X: ";
  EXPECT_NE(answer_to(stalled).find("Access-Control-Allow-Origin: https://a.example\r\n"), std::string::npos);
}

TEST_F(EarlyAnswer, to_a_tls_handshake_says_what_the_port_speaks_and_the_log_has_it) {
  exchange_.set_client_address("192.0.2.1");
  EXPECT_EQ(feed(std::string("\x16\x03\x01\x02\x00\x01\x00", 7)), Step::kDrain);
  EXPECT_EQ(count_of("400 Bad Request"), 1U);
  EXPECT_EQ(count_of("this port speaks plain HTTP"), 1U);
  EXPECT_EQ(logged_, "a TLS handshake on the port for plain HTTP came from 192.0.2.1");
}

TEST(MismatchLog, speaks_once_in_a_while_and_says_how_many_it_passed_over) {
  test::FakeClock clock;
  std::vector<std::string> lines;
  const Logger logger(LogLevel::kWarning, [&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  MismatchLog log(clock, logger);
  for (int i = 0; i < 3; ++i) log.note("x", "a");
  EXPECT_EQ(lines, std::vector<std::string>{"x came from a"});
  clock.advance_ms(MismatchLog::kPauseNs / 1'000'000 - 1);
  log.note("x", "a");
  EXPECT_EQ(lines.size(), 1U);
  clock.advance_ms(1);
  log.note("y", "b");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1], "y came from b, and 3 others since the last such line");
  clock.advance_ms(MismatchLog::kPauseNs / 1'000'000);
  log.note("y", "b");
  EXPECT_EQ(lines.back(), "y came from b");
}

TEST_F(EarlyAnswer, to_a_head_request_has_no_body) {
  const std::string answer = answer_to("HEAD /hello HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(ExchangeTest, refuses_once_it_knows_to_whom_it_speaks) {
  options_.cors_origins.emplace_back("*");
  exchange_.refuse({ErrorCode::kOverloaded, "too many"});
  EXPECT_EQ(feed("POST /v2/query HTTP/1.1\r\n" + std::string(kFields) + "Content-Length: 3\r\n\r\n", 5), Step::kDrain);
  EXPECT_EQ(count_of("429 Too Many Requests"), 1U);
  EXPECT_EQ(count_of("Retry-After: 1"), 1U);
  EXPECT_EQ(count_of(R"({"code":"resource_exhausted")"), 1U);
  EXPECT_EQ(count_of("Access-Control-Allow-Origin: https://a.example\r\n"), 1U);
  EXPECT_EQ(count_of("x-request-id: my-id\r\n"), 1U);
}

TEST_F(ExchangeTest, refuses_what_never_becomes_a_request) {
  exchange_.refuse({ErrorCode::kOverloaded, "too many"});
  EXPECT_EQ(write_all(exchange_.timed_out()), Step::kDrain);
  EXPECT_EQ(count_of("429 Too Many Requests"), 1U);
}

TEST_F(ExchangeTest, refuses_a_bad_head_as_it_would_a_good_one) {
  exchange_.refuse({ErrorCode::kOverloaded, "too many"});
  EXPECT_EQ(feed("GET /v2/query HTTP/1.1\nHost: h\n\n"), Step::kDrain);
  EXPECT_EQ(count_of("429 Too Many Requests"), 1U);
  EXPECT_EQ(count_of(R"({"code":"resource_exhausted")"), 1U);
}

}  // namespace
}  // namespace vibrato::server
