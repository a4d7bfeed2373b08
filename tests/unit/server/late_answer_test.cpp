#include "server/late_answer.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace vibrato::server {
namespace {

class CountingWaiter final : public AnswerWaiter {
 public:
  void answer_arrived() override { ++arrivals; }
  int arrivals = 0;
};

struct Waiting {
  explicit Waiting(const std::shared_ptr<AnswerBox>& box)
      : answer(std::make_shared<LateAnswer>(box, waiter, 0)), responder(answer->make_responder()) {
    EXPECT_FALSE(answer->take().has_value());
  }
  CountingWaiter waiter;
  std::shared_ptr<LateAnswer> answer;
  api::ResponderPtr responder;
};

class LateAnswerTest : public ::testing::Test {
 protected:
  ~LateAnswerTest() override {
    if (box_ != nullptr) {
      box_->close();
    }
  }

  std::atomic<int> wake_ups_ = 0;
  std::shared_ptr<AnswerBox> box_ = std::make_shared<AnswerBox>([this] { ++wake_ups_; });
};

TEST_F(LateAnswerTest, many_answers_cost_one_wake_up) {
  std::vector<std::unique_ptr<Waiting>> waiting;
  for (int i = 0; i < 100; ++i) waiting.push_back(std::make_unique<Waiting>(box_));
  for (const auto& one : waiting) one->responder->answer(ok_status(), {});
  EXPECT_EQ(wake_ups_, 1);
  box_->deliver();
  for (const auto& one : waiting) EXPECT_EQ(one->waiter.arrivals, 1);
  Waiting next(box_);
  next.responder->answer(ok_status(), {});
  EXPECT_EQ(wake_ups_, 2) << "an empty box wakes again";
}

TEST_F(LateAnswerTest, a_closed_box_forgets_what_comes) {
  Waiting before(box_);
  Waiting after(box_);
  before.responder->answer(ok_status(), {});
  box_->close();
  after.responder->answer(ok_status(), {});
  after.responder.reset();
  box_->deliver();
  EXPECT_EQ(before.waiter.arrivals + after.waiter.arrivals, 0);
  EXPECT_EQ(wake_ups_, 1);
}

TEST_F(LateAnswerTest, a_responder_may_outlive_waiter_and_box) {
  auto waiting = std::make_unique<Waiting>(box_);
  const api::ResponderPtr responder = std::move(waiting->responder);
  EXPECT_FALSE(waiting->answer->abandon().has_value());
  waiting.reset();
  box_.reset();
  responder->answer(ok_status(), {});
  EXPECT_EQ(wake_ups_, 0);
}

TEST_F(LateAnswerTest, answers_of_many_threads_all_arrive_once) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::vector<std::unique_ptr<Waiting>> waiting;
  for (int i = 0; i < kThreads * kEach; ++i) waiting.push_back(std::make_unique<Waiting>(box_));
  std::atomic<int> running = kThreads;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        api::Reply reply;
        reply.status = t;
        waiting[static_cast<std::size_t>(t * kEach + i)]->responder->answer(ok_status(), std::move(reply));
      }
      --running;
    });
  }
  while (running > 0) box_->deliver();
  for (std::thread& thread : threads) thread.join();
  box_->deliver();
  for (int i = 0; i < kThreads * kEach; ++i) {
    Waiting& one = *waiting[static_cast<std::size_t>(i)];
    ASSERT_EQ(one.waiter.arrivals, 1) << i;
    const auto content = one.answer->take();
    ASSERT_TRUE(content.has_value());
    EXPECT_EQ(content->reply.status, i / kEach);
  }
}

}  // namespace
}  // namespace vibrato::server
