#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "support/status_matchers.hpp"
#include "unit/server/exchange_fixture.hpp"

namespace vibrato::server {
namespace {

// A route that streams: the test is both its reader and its writer.
class ExchangeStreamTest : public ExchangeTest {
 protected:
  ExchangeStreamTest() {
    routes_.add({.method = api::Method::kPost,
                 .pattern = "/take",
                 .body = api::BodyKind::kStream,
                 .body_bytes_max = std::string::npos,
                 .async_handler = [this](const api::Request& request, api::ResponderPtr responder) {
                   body_ = request.body_stream;
                   responders_.push_back(std::move(responder));
                   return refuses_ ? not_found("refused") : ok_status();
                 }});
    routes_.add({.pattern = "/give", .async_handler = [this](const api::Request&, const api::ResponderPtr& responder) {
                   stream_ = responder->begin_stream(text_reply(""));
                   return ok_status();
                 }});
  }

  void add_endless_route() {
    routes_.add({.pattern = "/follow",
                 .has_endless_answer = true,
                 .async_handler = [this](const api::Request&, const api::ResponderPtr& responder) {
                   stream_ = responder->begin_stream(text_reply(""));
                   return ok_status();
                 }});
  }

  std::string read() {
    std::string bytes;
    EXPECT_OK(body_->read(bytes));
    return bytes;
  }
  Step arrived() { return write_all(exchange_.answer_arrived()); }

  bool refuses_ = false;
  api::BodyStreamPtr body_;
  api::ReplyStreamPtr stream_;
};

constexpr std::string_view kGive = "GET /give HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(ExchangeStreamTest, a_body_comes_piece_by_piece) {
  EXPECT_EQ(feed("POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc"), Step::kRead);
  EXPECT_TRUE(exchange_.streams_body());
  EXPECT_EQ(read(), "abc");
  EXPECT_EQ(feed("de"), Step::kRead);
  EXPECT_EQ(read(), "de");
  EXPECT_EQ(feed("f" + std::string(kGet)), Step::kAnswer);
  EXPECT_EQ(read(), "f");
  EXPECT_EQ(read(), "") << "the end";
  responders_[0]->answer(ok_status(), text_reply("taken"));
  EXPECT_EQ(arrived(), Step::kRead);
  EXPECT_LT(output_.find("taken"), output_.find("hello")) << "the next request is answered behind it";
  EXPECT_EQ(budget_.taken(), 0U);
}

TEST_F(ExchangeStreamTest, a_chunked_body_is_decoded_whatever_its_pieces) {
  for (const std::size_t piece : {1U, 3U, 1000U}) {
    const Step step = feed(
        "POST /take HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", piece);
    EXPECT_EQ(step, Step::kAnswer);
    EXPECT_EQ(read(), "abcde") << piece;
    EXPECT_EQ(read(), "");
    responders_.back()->answer(ok_status(), text_reply("taken"));
    EXPECT_EQ(arrived(), Step::kRead);
  }
}

TEST_F(ExchangeStreamTest, a_slow_reader_holds_the_client_up) {
  const std::string body(4 * limits::kStreamBufferBytes, 'x');
  std::string_view rest = body;
  Step step = feed("POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  std::size_t read_bytes = 0;
  int waits = 0;
  while (!rest.empty() || step != Step::kAnswer) {
    while (step == Step::kRead) {
      const std::size_t count = std::min<std::size_t>(rest.size(), 10'000);
      step = feed(rest.substr(0, count));
      rest.remove_prefix(count);
    }
    const std::string bytes = read();
    EXPECT_LE(bytes.size(), limits::kStreamBufferBytes);
    read_bytes += bytes.size();
    answers_->deliver();
    waits += std::exchange(arrivals_, 0);
    step = arrived();
  }
  while (read_bytes < body.size()) {
    read_bytes += read().size();
  }
  EXPECT_GE(waits, 3) << "told that there is room";
  EXPECT_EQ(read(), "");
}

TEST_F(ExchangeStreamTest, a_body_past_the_bytes_in_flight_is_refused) {
  ASSERT_TRUE(budget_.try_take(600'000));
  EXPECT_EQ(feed("POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc"), Step::kDrain);
  EXPECT_EQ(count_of("429 Too Many Requests"), 1U);
}

TEST_F(ExchangeStreamTest, a_body_that_breaks_off_fails_the_reader) {
  EXPECT_EQ(feed("POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc"), Step::kRead);
  EXPECT_EQ(exchange_.end_of_input(), Step::kAnswer);
  std::string bytes;
  EXPECT_CODE(body_->read(bytes), ErrorCode::kInvalidArgument);
  EXPECT_CODE(body_->check(), ErrorCode::kInvalidArgument);
  responders_[0]->answer(body_->check(), {});
  EXPECT_EQ(arrived(), Step::kDrain);
  EXPECT_EQ(count_of("400 Bad Request"), 1U);
}

TEST_F(ExchangeStreamTest, a_client_that_sends_nothing_is_told_408) {
  EXPECT_EQ(feed("POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc"), Step::kRead);
  EXPECT_EQ(exchange_.timed_out(), Step::kAnswer);
  EXPECT_CODE(body_->check(), ErrorCode::kTimeout);
  responders_[0]->answer(body_->check(), {});
  EXPECT_EQ(arrived(), Step::kDrain);
  EXPECT_EQ(count_of("408 Request Timeout"), 1U);
}

TEST_F(ExchangeStreamTest, a_stop_fails_the_reader_of_a_whole_body_too) {
  EXPECT_EQ(feed(post("/take", "abc")), Step::kAnswer);
  EXPECT_FALSE(exchange_.ends_at_stop()) << "its answer is waited for";
  exchange_.stop_after_answer();
  EXPECT_CODE(body_->check(), ErrorCode::kUnavailable);
}

TEST_F(ExchangeStreamTest, a_connection_that_goes_fails_the_reader) {
  class Nobody final : public server::AnswerWaiter {
    void answer_arrived() override {}
  } nobody;
  {
    Exchange exchange{ExchangeContext{options_, routes_, clock_, logger_, budget_, ids_, answers_, mismatches_},
                      nobody};
    const std::string text = "POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc";
    std::copy(text.begin(), text.end(), exchange.input_space().begin());
    EXPECT_EQ(exchange.received(text.size()), Step::kRead);
    EXPECT_OK(body_->check());
  }
  EXPECT_CODE(body_->check(), ErrorCode::kUnavailable);
}

TEST_F(ExchangeStreamTest, an_error_at_the_head_is_answered_before_the_body_is_sent) {
  refuses_ = true;
  EXPECT_EQ(feed("POST /take HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 600000\r\n\r\n"),
            Step::kDrain);
  EXPECT_EQ(count_of("404 Not Found"), 1U);
  EXPECT_EQ(count_of("100 Continue"), 0U);
  refuses_ = false;
}

TEST_F(ExchangeStreamTest, lets_the_client_go_on) {
  EXPECT_EQ(feed("POST /take HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"), Step::kRead);
  EXPECT_EQ(count_of("100 Continue"), 1U);
  EXPECT_EQ(feed("abc"), Step::kAnswer);
  EXPECT_EQ(read(), "abc");
}

TEST_F(ExchangeStreamTest, an_answer_goes_out_in_chunks) {
  EXPECT_EQ(feed(kGive), Step::kAnswer);
  EXPECT_EQ(count_of("Transfer-Encoding: chunked\r\n"), 1U);
  EXPECT_EQ(count_of("Content-Length"), 0U);
  EXPECT_TRUE(stream_->write("hello there"));
  answers_->deliver();
  EXPECT_EQ(arrivals_, 1);
  EXPECT_EQ(arrived(), Step::kAnswer);
  EXPECT_TRUE(output_.ends_with("\r\n\r\nb\r\nhello there\r\n")) << output_;
  EXPECT_TRUE(stream_->write("!"));
  stream_->finish();
  EXPECT_FALSE(stream_->write("?"));
  EXPECT_EQ(arrived(), Step::kRead);
  EXPECT_TRUE(output_.ends_with("1\r\n!\r\n0\r\n\r\n")) << output_;
  EXPECT_EQ(records_, (std::vector<std::string>{"/give 200"}));
  EXPECT_EQ(feed(kGet), Step::kRead) << "the connection goes on";
}

TEST_F(ExchangeStreamTest, an_answer_that_is_cut_off_ends_the_connection) {
  EXPECT_EQ(feed(kGive), Step::kAnswer);
  stream_->write("abc");
  stream_ = nullptr;  // Nobody finishes it.
  EXPECT_EQ(arrived(), Step::kClose);
  EXPECT_EQ(count_of("abc"), 1U);
  EXPECT_EQ(count_of("0\r\n\r\n"), 0U);
}

TEST_F(ExchangeStreamTest, the_writer_learns_when_there_is_room_and_when_nobody_reads) {
  EXPECT_EQ(feed(kGive), Step::kAnswer);
  int room = 0;
  stream_->write("abc");
  stream_->when_room([&] { ++room; });
  EXPECT_EQ(room, 0);
  EXPECT_EQ(arrived(), Step::kAnswer);
  EXPECT_EQ(room, 1);
  stream_->write("def");
  stream_->when_room([&] { ++room; });
  exchange_.stop_after_answer();
  EXPECT_TRUE(exchange_.ends_at_stop());
  EXPECT_EQ(room, 2);
  EXPECT_FALSE(stream_->write("ghi"));
  EXPECT_EQ(exchange_.timed_out(), Step::kClose);
}

TEST_F(ExchangeStreamTest, http_1_0_reads_until_the_end_of_the_connection) {
  EXPECT_EQ(feed("GET /give HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), Step::kAnswer);
  stream_->write("abc");
  stream_->finish();
  EXPECT_EQ(arrived(), Step::kDrain);
  EXPECT_EQ(count_of("Transfer-Encoding"), 0U);
  EXPECT_EQ(count_of("Connection: close"), 1U);
  EXPECT_TRUE(output_.ends_with("\r\n\r\nabc"));
}

TEST_F(ExchangeStreamTest, head_has_no_body) {
  EXPECT_EQ(feed("HEAD /give HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kGet)), Step::kRead);
  EXPECT_FALSE(stream_->write("abc"));
  EXPECT_EQ(count_of("hello"), 1U);
}

TEST_F(ExchangeStreamTest, answers_while_the_body_still_comes) {
  EXPECT_EQ(feed("POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc"), Step::kRead);
  stream_ = responders_[0]->begin_stream(text_reply(""));
  stream_->write("1\n");
  EXPECT_EQ(feed("de"), Step::kRead);
  EXPECT_TRUE(output_.ends_with("2\r\n1\n\r\n")) << output_;
  EXPECT_EQ(feed("f"), Step::kAnswer);
  stream_->write("done\n");
  stream_->finish();
  EXPECT_EQ(arrived(), Step::kRead);
  EXPECT_EQ(count_of("done"), 1U);
}

TEST_F(ExchangeStreamTest, an_answer_that_ends_before_the_body_ends_the_connection) {
  EXPECT_EQ(feed("POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc"), Step::kRead);
  responders_[0]->answer(invalid_argument("line 1"), {});
  EXPECT_EQ(feed("d"), Step::kDrain);
  EXPECT_EQ(count_of("400 Bad Request"), 1U);
  EXPECT_EQ(count_of("Connection: close"), 1U);
}

TEST_F(ExchangeStreamTest, a_stop_gives_an_endless_answer_its_end_behind_what_was_written) {
  add_endless_route();
  EXPECT_EQ(feed("GET /follow HTTP/1.1\r\nHost: h\r\n\r\n"), Step::kAnswer);
  EXPECT_TRUE(exchange_.has_endless_answer());
  EXPECT_TRUE(stream_->write("abc"));
  exchange_.stop_after_answer();
  EXPECT_FALSE(exchange_.ends_at_stop()) << "its end is on the way";
  EXPECT_FALSE(stream_->write("def"));
  EXPECT_EQ(arrived(), Step::kDrain);
  EXPECT_TRUE(output_.ends_with("3\r\nabc\r\n0\r\n\r\n")) << output_;
}

TEST_F(ExchangeStreamTest, an_empty_piece_finds_out_whether_somebody_reads) {
  add_endless_route();
  EXPECT_EQ(feed("GET /follow HTTP/1.1\r\nHost: h\r\n\r\n"), Step::kAnswer);
  const std::string before = output_;
  EXPECT_TRUE(stream_->write(""));
  EXPECT_EQ(output_, before);
  EXPECT_EQ(exchange_.timed_out(), Step::kClose);
}

}  // namespace
}  // namespace vibrato::server
