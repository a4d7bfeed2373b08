// Requests whose handlers answer later.
#include <gtest/gtest.h>
#include <string>

#include "unit/server/exchange_fixture.hpp"

namespace vibrato::server {
namespace {

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
