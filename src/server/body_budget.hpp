// The cap on body bytes in flight, over all connections of a server. A connection charges what it allocates beyond its
// fixed read buffer (limits: connections x ReadBuffer::kBaseCapacity), as the bytes arrive, not as they are announced.
#pragma once

#include <atomic>
#include <cstddef>

namespace vibrato::server {

// Thread-safety: all methods may be called from many threads at once.
class BodyBudget {
 public:
  explicit BodyBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Takes `bytes`, or takes nothing and returns false if that would pass the cap.
  [[nodiscard]] bool try_take(std::size_t bytes) {
    std::size_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (bytes > bytes_max_ - taken) {
        return false;
      }
    } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
    return true;
  }

  void give_back(std::size_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  [[nodiscard]] std::size_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> taken_{0};
};

// What one connection has taken; gives it back when it ends. Not thread-safe.
class BodyCharge {
 public:
  explicit BodyCharge(BodyBudget& budget) : budget_(budget) {}
  ~BodyCharge() { release(); }
  BodyCharge(const BodyCharge&) = delete;
  BodyCharge& operator=(const BodyCharge&) = delete;

  // Raises the charge to `bytes` in all. False: nothing changed, the budget is used up.
  [[nodiscard]] bool raise_to(std::size_t bytes) {
    if (bytes > bytes_ && !budget_.try_take(bytes - bytes_)) {
      return false;
    }
    bytes_ = bytes > bytes_ ? bytes : bytes_;
    return true;
  }

  void release() {
    budget_.give_back(bytes_);
    bytes_ = 0;
  }

 private:
  BodyBudget& budget_;
  std::size_t bytes_ = 0;
};

}  // namespace vibrato::server
