#include "engine/query_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/parallel_for.hpp"

namespace vibrato::engine {

class QueryPool::Impl {
 public:
  Impl(std::uint32_t threads, std::uint32_t queue_max) : queue_max_(std::max<std::uint32_t>(queue_max, 1)) {
    const std::size_t wanted = threads == 0 ? hardware_threads() : threads;
    for (std::size_t i = 0; i < wanted; ++i) {
      try {
        threads_.emplace_back([this] { run(); });
      } catch (const std::system_error&) {
        break;  // The system refuses more threads; those that are there do the work.
      }
    }
    const std::lock_guard lock(mutex_);
    stopped_ = threads_.empty();
  }

  Status submit(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) {
        return unavailable("no more queries are taken: the server stops");
      }
      if (queue_.size() >= queue_max_) {
        return {ErrorCode::kOverloaded, "too many queries are waiting; try again later"};
      }
      queue_.push_back(std::move(work));
    }
    work_.notify_one();
    return ok_status();
  }

  void stop() {
    const std::lock_guard one_at_a_time(stop_mutex_);
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    threads_.clear();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      work_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
      if (queue_.empty()) {
        return;
      }
      std::function<void()> work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
      work = nullptr;  // What it holds goes before the lock is taken again.
      lock.lock();
    }
  }

  const std::size_t queue_max_;
  std::mutex mutex_;  // Guards the queue and stopped_.
  std::condition_variable work_;
  std::deque<std::function<void()>> queue_;
  bool stopped_ = false;
  std::mutex stop_mutex_;  // Guards threads_ once they run. Taken before mutex_.
  std::vector<std::thread> threads_;
};

QueryPool::QueryPool(std::uint32_t threads, std::uint32_t queue_max)
    : impl_(std::make_unique<Impl>(threads, queue_max)) {}

QueryPool::~QueryPool() {
  stop();
}

Status QueryPool::submit(std::function<void()> work) {
  return impl_->submit(std::move(work));
}

void QueryPool::stop() {
  impl_->stop();
}

}  // namespace vibrato::engine
