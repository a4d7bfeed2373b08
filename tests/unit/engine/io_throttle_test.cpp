#include "engine/io_throttle.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "support/fake_clock.hpp"

namespace vibrato::engine {
namespace {

// The clock stands still, so a take() that has to wait ends only when somebody ends it.
TEST(IoThrottle, what_was_saved_up_is_free_and_the_rest_waits_until_it_is_urgent_or_over) {
  std::atomic<int> ended = 0;
  test::FakeClock clock;
  clock.advance_ms(10'000);
  IoThrottle throttle(1000, clock);
  throttle.take(1000);  // A second's worth.
  std::thread hurried([&] {
    throttle.take(1'000'000'000);
    ++ended;
  });
  EXPECT_EQ(ended, 0) << "nothing but an end of the wait lets it go";
  throttle.set_urgent(true);
  hurried.join();
  EXPECT_EQ(ended, 1);
  throttle.take(1'000'000'000);
  throttle.set_urgent(false);
  std::thread stopped([&] {
    throttle.take(1'000'000'000);
    ++ended;
  });
  EXPECT_EQ(ended, 1);
  throttle.stop();
  stopped.join();
  EXPECT_EQ(ended, 2);
}

TEST(IoThrottle, without_a_rate_nothing_waits) {
  const test::FakeClock clock;
  IoThrottle throttle(0, clock);
  throttle.take(UINT64_MAX);
  EXPECT_EQ(clock.monotonic_ns(), 0) << "it came back although no time passes";
}

}  // namespace
}  // namespace vibrato::engine
