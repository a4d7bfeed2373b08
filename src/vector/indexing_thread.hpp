// A thread that indexes one hot segment as its rows come, for a segment that stands alone (SingleFile). Collections
// have their rows indexed by shared background threads instead.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vibrato/result.hpp>

#include "vector/hot_segment.hpp"

namespace vibrato::vector {

// Thread-safety: rows_have_come may be called from many threads at once.
class IndexingThread {
 public:
  // Errors: kUnavailable (no thread). Keeps the segment alive.
  [[nodiscard]] static Result<std::unique_ptr<IndexingThread>> start(std::shared_ptr<HotSegment> segment);
  // As stop().
  ~IndexingThread();
  IndexingThread(const IndexingThread&) = delete;
  IndexingThread& operator=(const IndexingThread&) = delete;

  // After an append: wakes the thread if enough rows wait.
  void rows_have_come();
  // Ends the thread after the row it is at; rows that it did not index are scanned by each search. Not from two threads
  // at once. For who is about to drop a segment: its last reader then need not wait for the thread.
  void stop();

 private:
  explicit IndexingThread(std::shared_ptr<HotSegment> segment) : segment_(std::move(segment)) {}
  void run();

  std::shared_ptr<HotSegment> segment_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace vibrato::vector
