// Clocks: the system's moves forward, the fake one moves when told.
#include "base/clock.hpp"

#include <gtest/gtest.h>

#include "support/fake_clock.hpp"

namespace vibrato {
namespace {

TEST(SystemClock, tells_a_date_after_2020_and_never_goes_back) {
  const SystemClock clock;
  EXPECT_GT(clock.now_ms(), 1'577'836'800'000);
  std::int64_t before = clock.monotonic_ns();
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t after = clock.monotonic_ns();
    ASSERT_GE(after, before);
    before = after;
  }
}

TEST(FakeClock, stands_still_until_it_is_moved) {
  test::FakeClock clock(1000);
  EXPECT_EQ(clock.now_ms(), 1000);
  const std::int64_t start_ns = clock.monotonic_ns();
  clock.advance_ms(5);
  EXPECT_EQ(clock.now_ms(), 1005);
  EXPECT_EQ(clock.monotonic_ns() - start_ns, 5'000'000);
}

TEST(FakeClock, setting_the_date_back_leaves_monotonic_time_alone) {
  test::FakeClock clock(1000);
  clock.advance_ms(5);
  const std::int64_t before_ns = clock.monotonic_ns();
  clock.set_now_ms(10);
  EXPECT_EQ(clock.now_ms(), 10);
  EXPECT_EQ(clock.monotonic_ns(), before_ns);
}

}  // namespace
}  // namespace vibrato
