// A clock that stands still until a test moves it.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"

namespace vibrato::test {

// Thread-safety: all methods may be called from many threads at once.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(std::int64_t now_ms = 1'700'000'000'000) : now_ms_(now_ms) {}

  [[nodiscard]] std::int64_t now_ms() const override { return now_ms_.load(); }
  [[nodiscard]] std::int64_t monotonic_ns() const override { return monotonic_ns_.load(); }

  // Time passes: both readings move.
  void advance_ms(std::int64_t duration_ms) {
    now_ms_ += duration_ms;
    monotonic_ns_ += duration_ms * 1'000'000;
  }
  // Somebody sets the machine's clock, perhaps backwards: only now_ms moves.
  void set_now_ms(std::int64_t now_ms) { now_ms_ = now_ms; }

 private:
  std::atomic<std::int64_t> now_ms_;
  std::atomic<std::int64_t> monotonic_ns_{0};
};

}  // namespace vibrato::test
