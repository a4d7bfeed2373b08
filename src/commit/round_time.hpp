// What time it is for those who hide keys whose time is over, so that readers and writers agree.
//
// A round of the sequencer has one time, the records'. A reader that looked at the clock while that round runs could
// find a key gone which a write of the round, answered later, still finds there. So a reader's time never passes that
// of the round under way, and, should the clock go back, never falls behind that of the last record.
//
// How: the round announces a time it will not go below *before* it looks at the clock. A reader looks at the clock
// first, and at the announcement after it: if it sees none, its time is not above that of any later round.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/clock.hpp"

namespace vibrato::commit {

// Thread-safety: now_ms() from many threads at once; the others from one, the committer.
class RoundTime {
 public:
  explicit RoundTime(const Clock& clock) : clock_(clock) {}

  // For readers.
  [[nodiscard]] std::int64_t now_ms() const {
    const std::int64_t now = clock_.now_ms();
    const std::int64_t state = state_.load();
    const std::int64_t time = state >> 1;
    return (state & 1) != 0 ? time : std::max(now, time);
  }

  // The time of the round that begins; `last_ms` is that of the last record.
  [[nodiscard]] std::int64_t begin(std::int64_t last_ms) {
    const std::int64_t announced = std::max(clock_.now_ms(), last_ms);
    state_.store(running(announced));
    const std::int64_t time = std::max(clock_.now_ms(), announced);  // Should the clock go back just now.
    state_.store(running(time));
    return time;
  }
  // The round's records are visible, or will never be. `last_ms`: of the last record there is now.
  void end(std::int64_t last_ms) { state_.store(last_ms << 1); }

 private:
  static std::int64_t running(std::int64_t time_ms) { return (time_ms << 1) | 1; }

  const Clock& clock_;
  std::atomic<std::int64_t> state_{0};  // A time, shifted; the lowest bit says that a round is under way.
};

}  // namespace vibrato::commit
