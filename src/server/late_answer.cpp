#include "server/late_answer.hpp"

#include <utility>

namespace vibrato::server {
namespace {

class LateResponder final : public api::Responder {
 public:
  explicit LateResponder(std::shared_ptr<LateAnswer> answer) : answer_(std::move(answer)) {}
  ~LateResponder() override { answer_->put({.dropped = true, .status = {}, .reply = {}, .stream = {}}); }
  LateResponder(const LateResponder&) = delete;
  LateResponder& operator=(const LateResponder&) = delete;

  void answer(const Status& status, api::Reply&& reply) override {
    answer_->put({.dropped = false, .status = status, .reply = std::move(reply), .stream = {}});
  }
  [[nodiscard]] api::ReplyStreamPtr begin_stream(api::Reply&& reply) override {
    return answer_->begin_stream(std::move(reply));
  }
  [[nodiscard]] std::int64_t deadline_ns() const override { return answer_->deadline_ns(); }
  void set_deadline_reply(api::Reply&& reply) override { answer_->set_deadline_reply(std::move(reply)); }

 private:
  std::shared_ptr<LateAnswer> answer_;
};

}  // namespace

// Nobody took it: whoever writes the body has to know.
LateAnswer::~LateAnswer() {
  if (content_.has_value() && content_->stream != nullptr) content_->stream->abandon();
}

api::ResponderPtr LateAnswer::make_responder() {
  return std::make_shared<LateResponder>(shared_from_this());
}

bool LateAnswer::put(Content content) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    closed_ = true;
    content_ = std::move(content);
    if (!is_awaited_) return true;
  }
  box_->put(shared_from_this());
  return true;
}

api::ReplyStreamPtr LateAnswer::begin_stream(api::Reply&& reply) {
  const auto pipe = std::make_shared<ReplyPipe>(box_);
  if (!put({.dropped = false, .status = {}, .reply = std::move(reply), .stream = pipe})) pipe->abandon();
  return ReplyPipe::make_writer(pipe);
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
  if (unwanted.has_value() && unwanted->stream != nullptr) unwanted->stream->abandon();
  return std::exchange(deadline_reply_, std::nullopt);
}

void LateAnswer::deliver() {
  if (waiter_ != nullptr) waiter_->answer_arrived();
}

}  // namespace vibrato::server
