#include "engine/visibility_waiters.hpp"

#include <gtest/gtest.h>
#include <optional>

#include "support/status_matchers.hpp"

namespace vibrato::engine {
namespace {

class VisibilityWaitersTest : public ::testing::Test {
 protected:
  VisibilityWaiters::Then into(std::optional<Status>& answer) {
    return [&answer](Status status) {
      EXPECT_FALSE(answer.has_value());
      answer = std::move(status);
    };
  }
  void publish(std::uint64_t lsn) {
    visible_.publish(Lsn(lsn));
    waiters_.on_visible(Lsn(lsn));
  }

  commit::VisibleLsn visible_;
  VisibilityWaiters waiters_{visible_};
  std::optional<Status> first_;
  std::optional<Status> second_;
};

TEST_F(VisibilityWaitersTest, each_waits_for_its_own_lsn) {
  waiters_.add(Lsn(5), 100, into(first_));
  waiters_.add(Lsn(7), 100, into(second_));
  publish(4);
  EXPECT_FALSE(first_.has_value());
  publish(5);
  ASSERT_TRUE(first_.has_value());
  EXPECT_OK(*first_);
  EXPECT_FALSE(second_.has_value());
  publish(9);
  ASSERT_TRUE(second_.has_value());
  std::optional<Status> third;
  waiters_.add(Lsn(9), 100, into(third));
  ASSERT_TRUE(third.has_value());
  EXPECT_OK(*third);
}

TEST_F(VisibilityWaitersTest, past_the_deadline_it_is_a_timeout) {
  waiters_.add(Lsn(5), 200, into(first_));
  waiters_.add(Lsn(6), 100, into(second_));
  EXPECT_EQ(waiters_.next_deadline_ns(), 100);
  waiters_.expire(99);
  EXPECT_FALSE(second_.has_value());
  waiters_.expire(100);
  ASSERT_TRUE(second_.has_value());
  EXPECT_CODE(*second_, ErrorCode::kTimeout);
  EXPECT_EQ(waiters_.next_deadline_ns(), 200);
  publish(5);
  EXPECT_OK(*first_);
  EXPECT_EQ(waiters_.next_deadline_ns(), std::nullopt);
}

TEST_F(VisibilityWaitersTest, a_stop_ends_all_and_lets_nobody_wait) {
  waiters_.add(Lsn(5), 200, into(first_));
  waiters_.stop();
  ASSERT_TRUE(first_.has_value());
  EXPECT_CODE(*first_, ErrorCode::kUnavailable);
  waiters_.add(Lsn(5), 200, into(second_));
  ASSERT_TRUE(second_.has_value());
  EXPECT_CODE(*second_, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace vibrato::engine
