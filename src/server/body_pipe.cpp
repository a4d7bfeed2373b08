#include "server/body_pipe.hpp"

#include <utility>
#include <vibrato/check.hpp>
#include <vibrato/result.hpp>

#include "base/limits.hpp"

namespace vibrato::server {

Status BodyPipe::read(std::string& bytes) {
  bytes.clear();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !bytes_.empty() || has_ended_ || !failed_.ok(); });
    VIBRATO_RETURN_IF_ERROR(failed_);
    bytes.swap(bytes_);
    if (!std::exchange(is_awaited_, false)) return ok_status();
  }
  box_->put(shared_from_this());
  return ok_status();
}

Status BodyPipe::check() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

bool BodyPipe::has_room(AnswerWaiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (bytes_.size() < limits::kStreamBufferBytes / 2 || !failed_.ok()) return true;
  waiter_ = &waiter;
  is_awaited_ = true;
  return false;
}

void BodyPipe::put(std::string_view bytes) {
  {
    const std::lock_guard lock(mutex_);
    VIBRATO_CHECK(!has_ended_);
    if (!failed_.ok()) return;
    bytes_ += bytes;
  }
  changed_.notify_one();
}

void BodyPipe::end(const Status& status) {
  if (!status.ok()) {
    fail(status);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
  }
  changed_.notify_one();
}

void BodyPipe::fail(const Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (failed_.ok()) failed_ = status;
    bytes_ = {};
  }
  changed_.notify_one();
}

void BodyPipe::abandon() {
  waiter_ = nullptr;
  const std::lock_guard lock(mutex_);
  is_awaited_ = false;
}

void BodyPipe::deliver() {
  if (waiter_ != nullptr) waiter_->answer_arrived();
}

}  // namespace vibrato::server
