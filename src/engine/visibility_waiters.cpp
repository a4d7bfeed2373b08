#include "engine/visibility_waiters.hpp"

#include <algorithm>
#include <utility>

namespace vibrato::engine {

void VisibilityWaiters::add(Lsn lsn, std::int64_t deadline_ns, Then then) {
  Status answer;
  {
    // Under the lock: a publication that this look misses has its on_visible() still to come.
    const std::lock_guard lock(mutex_);
    if (visible_.get() < lsn) {
      if (!stopped_) {
        waiters_.emplace(lsn, Waiter{deadline_ns, std::move(then)});
        return;
      }
      answer = unavailable("the server stops");
    }
  }
  then(std::move(answer));
}

void VisibilityWaiters::on_visible(Lsn lsn) {
  std::vector<Then> reached;
  {
    const std::lock_guard lock(mutex_);
    const auto end = waiters_.upper_bound(lsn);
    for (auto waiter = waiters_.begin(); waiter != end; ++waiter) {
      reached.push_back(std::move(waiter->second.then));
    }
    waiters_.erase(waiters_.begin(), end);
  }
  for (const Then& then : reached) {
    then(ok_status());
  }
}

void VisibilityWaiters::expire(std::int64_t now_ns) {
  std::vector<std::pair<Lsn, Then>> expired;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiters_, [&](auto& waiter) {
      const bool is_due = waiter.second.deadline_ns <= now_ns;
      if (is_due) {
        expired.emplace_back(waiter.first, std::move(waiter.second.then));
      }
      return is_due;
    });
  }
  for (const auto& [lsn, then] : expired) {
    then({ErrorCode::kTimeout, "LSN " + std::to_string(lsn.value()) + " did not become visible in time"});
  }
}

void VisibilityWaiters::stop() {
  std::multimap<Lsn, Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    waiters.swap(waiters_);
  }
  for (const auto& [lsn, waiter] : waiters) {
    waiter.then(unavailable("the server stops"));
  }
}

std::optional<std::int64_t> VisibilityWaiters::next_deadline_ns() const {
  const std::lock_guard lock(mutex_);
  std::optional<std::int64_t> earliest;
  for (const auto& [lsn, waiter] : waiters_) {
    earliest = std::min(earliest.value_or(waiter.deadline_ns), waiter.deadline_ns);
  }
  return earliest;
}

}  // namespace vibrato::engine
