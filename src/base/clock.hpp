// Time as a dependency: whoever needs it takes a Clock&, so that tests decide what time it is (tests/support).
// Invariant: monotonic_ns never goes back; now_ms may, when the machine's clock is set.
#pragma once

#include <cstdint>

namespace vibrato {

// Thread-safety: all methods may be called from many threads at once.
class Clock {
 public:
  virtual ~Clock() = default;

  // Milliseconds since 1970-01-01 UTC.
  [[nodiscard]] virtual std::int64_t now_ms() const = 0;
  // Nanoseconds since an arbitrary start, for durations and deadlines.
  [[nodiscard]] virtual std::int64_t monotonic_ns() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const override;
  [[nodiscard]] std::int64_t monotonic_ns() const override;
};

}  // namespace vibrato
