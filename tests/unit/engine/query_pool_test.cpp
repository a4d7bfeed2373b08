#include "engine/query_pool.hpp"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <latch>

#include "support/status_matchers.hpp"

namespace vibrato::engine {
namespace {

TEST(QueryPool, runs_what_it_took_also_while_it_stops) {
  std::atomic<int> ran = 0;
  QueryPool pool(3, 200);
  for (int i = 0; i < 100; ++i) {
    ASSERT_OK(pool.submit([&ran] { ++ran; }));
  }
  pool.stop();
  EXPECT_EQ(ran, 100);
  EXPECT_CODE(pool.submit([&ran] { ++ran; }), ErrorCode::kUnavailable);
  pool.stop();
  EXPECT_EQ(ran, 100);
}

TEST(QueryPool, refuses_what_does_not_fit_its_queue) {
  QueryPool pool(1, 2);
  std::latch running(1);
  std::promise<void> release;
  ASSERT_OK(pool.submit([&] {
    running.count_down();
    release.get_future().wait();
  }));
  running.wait();
  std::atomic<int> ran = 0;
  ASSERT_OK(pool.submit([&ran] { ++ran; }));
  ASSERT_OK(pool.submit([&ran] { ++ran; }));
  EXPECT_CODE(pool.submit([&ran] { ++ran; }), ErrorCode::kOverloaded);
  release.set_value();
  pool.stop();
  EXPECT_EQ(ran, 2);
}

TEST(QueryPool, several_threads_work_at_once) {
  QueryPool pool(2, 2);
  std::latch both(2);  // Each waits for the other: one thread alone would never pass.
  ASSERT_OK(pool.submit([&both] { both.arrive_and_wait(); }));
  ASSERT_OK(pool.submit([&both] { both.arrive_and_wait(); }));
  pool.stop();
  EXPECT_TRUE(both.try_wait());
}

TEST(QueryPool, without_a_number_it_takes_as_many_threads_as_the_machine_has) {
  QueryPool pool(0, 1);
  std::promise<void> ran;
  ASSERT_OK(pool.submit([&ran] { ran.set_value(); }));
  ran.get_future().wait();
}

}  // namespace
}  // namespace vibrato::engine
