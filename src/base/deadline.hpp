// Until when a piece of work is worth its while. Long work looks at it every so many rows and ends early.
#pragma once

#include <cstdint>
#include <vibrato/status.hpp>

#include "base/clock.hpp"

namespace vibrato {

// Borrows the clock. Once it has passed it stays so, as the clock never goes back: whoever called work that ends early
// asks again. Thread-safety: as a value.
class Deadline {
 public:
  Deadline() = default;  // Never passes.
  // Passes at `at_ns` of the clock's monotonic time.
  Deadline(const Clock& clock, std::int64_t at_ns) : clock_(&clock), at_ns_(at_ns) {}

  [[nodiscard]] bool has_passed() const { return clock_ != nullptr && clock_->monotonic_ns() >= at_ns_; }
  // kTimeout once it has passed.
  [[nodiscard]] Status check() const {
    return has_passed() ? Status(ErrorCode::kTimeout, "the work was not done within the request's deadline")
                        : ok_status();
  }

 private:
  const Clock* clock_ = nullptr;
  std::int64_t at_ns_ = 0;
};

}  // namespace vibrato
