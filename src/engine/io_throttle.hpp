// Keeps background writes below a rate, so that playback from the same disk does not stutter.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/clock.hpp"

namespace vibrato::engine {

// Thread-safety: all methods may be called from many threads at once.
class IoThrottle {
 public:
  // bytes_per_second 0: no bound. `clock` outlives it.
  IoThrottle(std::uint64_t bytes_per_second, const Clock& clock);

  // Takes the bytes from what may be written now, and sleeps until there is enough. Up to a second's worth is saved up
  // while nothing is written.
  void take(std::uint64_t bytes);
  // While it holds take() does not sleep: writers of new rows wait for this work.
  void set_urgent(bool urgent);
  // Ends all sleeps, for good.
  void stop();

 private:
  const std::int64_t bytes_per_second_;
  const Clock& clock_;
  std::mutex mutex_;  // Guards the members below.
  std::condition_variable woken_;
  std::int64_t free_at_ns_ = 0;  // When what was taken so far has been written at the rate.
  bool urgent_ = false;
  bool stopped_ = false;
};

}  // namespace vibrato::engine
