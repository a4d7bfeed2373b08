#include "engine/io_throttle.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

namespace vibrato::engine {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

}  // namespace

IoThrottle::IoThrottle(std::uint64_t bytes_per_second, const Clock& clock)
    : bytes_per_second_(static_cast<std::int64_t>(
          std::min<std::uint64_t>(bytes_per_second, std::numeric_limits<std::int64_t>::max()))),
      clock_(clock) {}

void IoThrottle::take(std::uint64_t bytes) {
  if (bytes_per_second_ == 0) {
    return;
  }
  const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second_);
  std::unique_lock lock(mutex_);
  const std::int64_t now_ns = clock_.monotonic_ns();
  free_at_ns_ = std::max(free_at_ns_, now_ns - kNsPerSecond) + static_cast<std::int64_t>(seconds * kNsPerSecond);
  const std::int64_t free_at_ns = free_at_ns_;
  woken_.wait_for(lock, std::chrono::nanoseconds(std::max<std::int64_t>(free_at_ns - now_ns, 0)),
                  [&] { return urgent_ || stopped_ || clock_.monotonic_ns() >= free_at_ns; });
}

void IoThrottle::set_urgent(bool urgent) {
  {
    const std::lock_guard lock(mutex_);
    urgent_ = urgent;
    if (urgent) {
      free_at_ns_ = 0;  // What was written in a hurry is not made up for.
    }
  }
  woken_.notify_all();
}

void IoThrottle::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  woken_.notify_all();
}

}  // namespace vibrato::engine
