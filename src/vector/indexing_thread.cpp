#include "vector/indexing_thread.hpp"

#include <string>
#include <system_error>

namespace vibrato::vector {

Result<std::unique_ptr<IndexingThread>> IndexingThread::start(std::shared_ptr<HotSegment> segment) {
  std::unique_ptr<IndexingThread> indexing(new IndexingThread(std::move(segment)));
  try {
    indexing->thread_ = std::thread([raw = indexing.get()] { raw->run(); });
  } catch (const std::system_error& error) {
    return unavailable(std::string("cannot start a thread: ") + error.what());
  }
  return indexing;
}

IndexingThread::~IndexingThread() {
  stop();
}

void IndexingThread::rows_have_come() {
  if (segment_->needs_indexing()) {
    // With the lock a thread that has just found nothing to do is asleep when it is woken.
    const std::lock_guard lock(mutex_);
    wake_.notify_one();
  }
}

void IndexingThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true, std::memory_order_relaxed);
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void IndexingThread::run() {
  const auto wait = [this] {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_.load(std::memory_order_relaxed) || segment_->needs_indexing(); });
    return !stopping_.load(std::memory_order_relaxed);
  };
  while (wait()) {
    (void)segment_->index_step(segment_->batch_rows(), &stopping_);
  }
}

}  // namespace vibrato::vector
