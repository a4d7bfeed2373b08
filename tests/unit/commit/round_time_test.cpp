#include "commit/round_time.hpp"

#include <gtest/gtest.h>

#include "support/fake_clock.hpp"

namespace vibrato::commit {
namespace {

// Goes back by a second each time somebody looks.
class FallingClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const override { return now_ms_ -= 1000; }
  [[nodiscard]] std::int64_t monotonic_ns() const override { return 0; }

 private:
  mutable std::int64_t now_ms_ = 100'000;
};

TEST(RoundTime, a_reader_is_never_ahead_of_the_round_under_way_nor_behind_the_last_record) {
  test::FakeClock clock(5000);
  RoundTime time(clock);
  EXPECT_EQ(time.now_ms(), 5000);
  EXPECT_EQ(time.begin(4000), 5000);
  clock.set_now_ms(6000);
  EXPECT_EQ(time.now_ms(), 5000);
  time.end(5000);
  EXPECT_EQ(time.now_ms(), 6000);
  clock.set_now_ms(1000);
  EXPECT_EQ(time.now_ms(), 5000);
  EXPECT_EQ(time.begin(5000), 5000);
  time.end(5000);
}

TEST(RoundTime, a_round_does_not_go_below_the_time_it_announced) {
  FallingClock clock;
  RoundTime time(clock);
  EXPECT_EQ(time.begin(0), 99'000) << "what it saw first, and readers may have used";
}

}  // namespace
}  // namespace vibrato::commit
