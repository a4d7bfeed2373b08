// Asks whether long work is to go on, on behalf of the threads that share it.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vibrato/status.hpp>

namespace vibrato::vector {

// `keep_going` is asked by one thread at a time; once it has said no, no more. It may be empty, and outlives this.
// Thread-safety: all methods may be called from many threads at once.
class StopWatch {
 public:
  explicit StopWatch(const std::function<Status()>& keep_going) : keep_going_(keep_going) {}

  [[nodiscard]] bool should_stop() {
    if (keep_going_ == nullptr || stopped_.load(std::memory_order_acquire)) {
      return keep_going_ != nullptr;
    }
    const std::lock_guard lock(mutex_);
    if (status_.ok()) {
      status_ = keep_going_();
      stopped_.store(!status_.ok(), std::memory_order_release);
    }
    return !status_.ok();
  }
  [[nodiscard]] Status status() {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  const std::function<Status()>& keep_going_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  Status status_;
};

}  // namespace vibrato::vector
