// The thread that builds indexes, at low priority. It begins with the first wake(), and sleeps while there is nothing
// to do; between two steps it rests for as long as the step took, so that saves find their turn.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vibrato/result.hpp>

namespace vibrato::doc {

class IndexThread {
 public:
  // `step`: does some work; false if there was none. After an error it is called again when wake() is.
  explicit IndexThread(std::function<Result<bool>()> step) : step_(std::move(step)) {}
  // Waits for a step that runs.
  ~IndexThread();
  IndexThread(const IndexThread&) = delete;
  IndexThread& operator=(const IndexThread&) = delete;

  // Thread-safety: from any thread.
  void wake();

 private:
  void run();

  const std::function<Result<bool>()> step_;
  std::mutex mutex_;  // Guards the members below.
  std::condition_variable changed_;
  bool is_woken_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace vibrato::doc
