#include "server/answer_box.hpp"

#include <utility>

namespace vibrato::server {

AnswerBox::~AnswerBox() {
  close();
}

void AnswerBox::put(std::shared_ptr<Arrival> arrival) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  Arrival* const added = arrival.get();
  const bool was_empty = first_ == nullptr;
  (was_empty ? first_ : last_->next_) = std::move(arrival);
  last_ = added;
  // Under the lock, so that close() may be followed by the end of what wake_ speaks to.
  if (was_empty) wake_();
}

void AnswerBox::deliver() {
  std::shared_ptr<Arrival> arrival;
  {
    const std::lock_guard lock(mutex_);
    arrival = std::exchange(first_, nullptr);
    last_ = nullptr;
  }
  while (arrival != nullptr) {
    // Out of the chain first: once delivered it may be put into the box again, by any thread.
    std::shared_ptr<Arrival> next = std::exchange(arrival->next_, nullptr);
    arrival->deliver();
    arrival = std::move(next);
  }
}

void AnswerBox::close() {
  std::shared_ptr<Arrival> forgotten;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    forgotten = std::exchange(first_, nullptr);
    last_ = nullptr;
  }
  // One by one: a long chain must not end by recursion.
  while (forgotten != nullptr) {
    forgotten = std::exchange(forgotten->next_, nullptr);
  }
}

}  // namespace vibrato::server
