// Threads for queries that take longer than an I/O thread may be kept: scans, reads from disk, exact counts.
// Invariant: what submit() took is run exactly once, also when the pool stops meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vibrato/status.hpp>

namespace vibrato::engine {

// Thread-safety: all methods may be called from many threads at once.
class QueryPool {
 public:
  // threads: 0 for as many as the machine has. queue_max: how many may wait (at least 1), those that run left out.
  QueryPool(std::uint32_t threads, std::uint32_t queue_max);
  ~QueryPool();  // As stop().
  QueryPool(const QueryPool&) = delete;
  QueryPool& operator=(const QueryPool&) = delete;

  // kOverloaded when the queue is full, kUnavailable once stopped; the work is not run then.
  [[nodiscard]] Status submit(std::function<void()> work);
  // Runs what is queued, then ends the threads. Idempotent. Not from the work of the pool.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::engine
