// Who waits until the effects up to an LSN can be read, with a deadline.
//
// Invariant: each `then` is called exactly once: with ok once its LSN is visible, kTimeout past its deadline,
// kUnavailable when the database stops.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>
#include <vibrato/status.hpp>

#include "base/ids.hpp"
#include "commit/visible_lsn.hpp"

namespace vibrato::engine {

// Thread-safety: all methods may be called from many threads at once. None calls a `then` under a lock.
class VisibilityWaiters {
 public:
  using Then = std::function<void(Status)>;

  // `visible` outlives it.
  explicit VisibilityWaiters(const commit::VisibleLsn& visible) : visible_(visible) {}

  // Calls `then` at once if `lsn` is visible. `deadline_ns` is of the monotonic clock.
  void add(Lsn lsn, std::int64_t deadline_ns, Then then);
  // Everything up to `lsn` has been published.
  void on_visible(Lsn lsn);
  // Ends those whose deadline is at or before `now_ns`.
  void expire(std::int64_t now_ns);
  // Ends all, and every later one that would have to wait.
  void stop();

  // The earliest deadline; nothing if nobody waits.
  [[nodiscard]] std::optional<std::int64_t> next_deadline_ns() const;

 private:
  struct Waiter {
    std::int64_t deadline_ns = 0;
    Then then;
  };

  const commit::VisibleLsn& visible_;
  mutable std::mutex mutex_;  // Guards the members below.
  std::multimap<Lsn, Waiter> waiters_;
  bool stopped_ = false;
};

}  // namespace vibrato::engine
