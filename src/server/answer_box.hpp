// What other threads have for the I/O thread of a connection, on its way there: late answers, pieces of streamed ones,
// and the news that there is room for more of a streamed body.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

namespace vibrato::server {

// Whoever waits for something, on its I/O thread. It may be told more often than it waits.
class AnswerWaiter {
 public:
  virtual void answer_arrived() = 0;

 protected:
  ~AnswerWaiter() = default;
};

// Something that arrives. It is in the box at most once at a time.
class Arrival {
 public:
  // On the I/O thread; it may be put into the box again from then on.
  virtual void deliver() = 0;

 protected:
  ~Arrival() = default;

 private:
  friend class AnswerBox;
  std::shared_ptr<Arrival> next_;  // In the box, under its mutex.
};

// What waits for one I/O thread, first in, first out.
// Thread-safety: put() may be called from any thread, the rest from the I/O thread that owns it.
class AnswerBox {
 public:
  // `wake` makes the I/O thread call deliver() soon. It is called when the box stops being empty, from any thread.
  explicit AnswerBox(std::function<void()> wake) : wake_(std::move(wake)) {}
  ~AnswerBox();
  AnswerBox(const AnswerBox&) = delete;
  AnswerBox& operator=(const AnswerBox&) = delete;

  void put(std::shared_ptr<Arrival> arrival);
  // Tells the waiter of each.
  void deliver();
  // Forgets what is in it and what still comes; wake is not called after this returns.
  void close();

 private:
  std::mutex mutex_;
  std::function<void()> wake_;
  bool closed_ = false;
  std::shared_ptr<Arrival> first_;
  Arrival* last_ = nullptr;
};

}  // namespace vibrato::server
