#include "doc/index_thread.hpp"

#include <chrono>
#include <system_error>
#include <utility>

#include "base/thread_priority.hpp"

namespace vibrato::doc {

IndexThread::~IndexThread() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void IndexThread::wake() {
  const std::lock_guard lock(mutex_);
  is_woken_ = true;
  if (!thread_.joinable() && !is_stopping_) {
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
      return;  // Finds answer without the index, and one of them asks again.
    }
  }
  changed_.notify_all();
}

void IndexThread::run() {
  lower_thread_priority();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_woken_ || is_stopping_; });
    is_woken_ = false;
    for (bool has_more = true; has_more && !is_stopping_;) {
      lock.unlock();
      const auto begin = std::chrono::steady_clock::now();
      const Result<bool> worked = step_();
      const auto took = std::chrono::steady_clock::now() - begin;
      lock.lock();
      has_more = worked.ok() && *worked;
      if (has_more) {
        changed_.wait_for(lock, took, [this] { return is_stopping_; });
      }
    }
    if (is_stopping_) {
      return;
    }
  }
}

}  // namespace vibrato::doc
