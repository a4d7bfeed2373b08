#include "server/late_answer.hpp"

#include <utility>

namespace vibrato::server {
namespace {

class LateResponder final : public api::Responder {
 public:
  explicit LateResponder(std::shared_ptr<LateAnswer> answer) : answer_(std::move(answer)) {}
  ~LateResponder() override { answer_->put({.dropped = true, .status = {}, .reply = {}}); }
  LateResponder(const LateResponder&) = delete;
  LateResponder& operator=(const LateResponder&) = delete;

  void answer(const Status& status, api::Reply&& reply) override {
    answer_->put({.dropped = false, .status = status, .reply = std::move(reply)});
  }
  [[nodiscard]] std::int64_t deadline_ns() const override { return answer_->deadline_ns(); }
  void set_deadline_reply(api::Reply&& reply) override { answer_->set_deadline_reply(std::move(reply)); }

 private:
  std::shared_ptr<LateAnswer> answer_;
};

}  // namespace

AnswerBox::~AnswerBox() {
  close();
}

void AnswerBox::put(std::shared_ptr<LateAnswer> answer) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  LateAnswer* const added = answer.get();
  const bool was_empty = first_ == nullptr;
  (was_empty ? first_ : last_->next_) = std::move(answer);
  last_ = added;
  // Under the lock, so that close() may be followed by the end of what wake_ speaks to.
  if (was_empty) wake_();
}

void AnswerBox::deliver() {
  std::shared_ptr<LateAnswer> answer;
  {
    const std::lock_guard lock(mutex_);
    answer = std::exchange(first_, nullptr);
    last_ = nullptr;
  }
  while (answer != nullptr) {
    answer->deliver();
    answer = std::exchange(answer->next_, nullptr);
  }
}

void AnswerBox::close() {
  std::shared_ptr<LateAnswer> forgotten;
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

api::ResponderPtr LateAnswer::make_responder() {
  return std::make_shared<LateResponder>(shared_from_this());
}

void LateAnswer::put(Content content) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    content_ = std::move(content);
    if (!is_awaited_) return;
  }
  box_->put(shared_from_this());
}

void LateAnswer::set_deadline_reply(api::Reply&& reply) {
  const std::lock_guard lock(mutex_);
  if (!closed_) deadline_reply_ = std::move(reply);
}

bool LateAnswer::has_deadline_reply() {
  const std::lock_guard lock(mutex_);
  return deadline_reply_.has_value();
}

std::optional<LateAnswer::Content> LateAnswer::take() {
  const std::lock_guard lock(mutex_);
  if (content_.has_value()) {
    waiter_ = nullptr;
  } else {
    is_awaited_ = true;
  }
  return std::exchange(content_, std::nullopt);
}

std::optional<api::Reply> LateAnswer::abandon() {
  waiter_ = nullptr;
  // What was put and nobody takes is destroyed outside the lock.
  std::optional<Content> unwanted;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  unwanted.swap(content_);
  return std::exchange(deadline_reply_, std::nullopt);
}

void LateAnswer::deliver() {
  if (waiter_ != nullptr) waiter_->answer_arrived();
}

}  // namespace vibrato::server
