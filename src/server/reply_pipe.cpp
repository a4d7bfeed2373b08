#include "server/reply_pipe.hpp"

#include <utility>

namespace vibrato::server {
namespace {

class Writer final : public api::ReplyStream {
 public:
  explicit Writer(std::shared_ptr<ReplyPipe> pipe) : pipe_(std::move(pipe)) {}
  ~Writer() override { pipe_->end(false); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  bool write(std::string&& bytes) override { return pipe_->write(std::move(bytes)); }
  void when_room(std::function<void()> then) override { pipe_->when_room(std::move(then)); }
  void finish() override { pipe_->end(true); }
  void cut_off() override { pipe_->end(false); }

 private:
  std::shared_ptr<ReplyPipe> pipe_;
};

}  // namespace

api::ReplyStreamPtr ReplyPipe::make_writer(std::shared_ptr<ReplyPipe> pipe) {
  return std::make_shared<Writer>(std::move(pipe));
}

bool ReplyPipe::write(std::string&& bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kOpen) return false;
    if (bytes_.empty()) {
      bytes_ = std::move(bytes);
    } else {
      bytes_ += bytes;
    }
    if (bytes_.empty() || !std::exchange(is_awaited_, false)) return true;
  }
  box_->put(shared_from_this());
  return true;
}

void ReplyPipe::when_room(std::function<void()> then) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kOpen && !bytes_.empty()) {
      room_ = std::move(then);
      return;
    }
  }
  then();
}

void ReplyPipe::end(bool is_whole) {
  std::function<void()> unwanted;  // It may hold the writer: it goes without the lock.
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kOpen) return;
    state_ = is_whole ? State::kWhole : State::kCut;
    unwanted.swap(room_);
    if (!std::exchange(is_awaited_, false)) return;
  }
  box_->put(shared_from_this());
}

ReplyPipe::Look ReplyPipe::take(AnswerWaiter& waiter, std::string& bytes) {
  std::function<void()> room;
  bytes.clear();
  {
    const std::lock_guard lock(mutex_);
    if (bytes_.empty()) {
      if (state_ == State::kWhole) return Look::kEnd;
      if (state_ != State::kOpen) return Look::kCut;
      waiter_ = &waiter;
      is_awaited_ = true;
      return Look::kNothing;
    }
    bytes.swap(bytes_);
    room.swap(room_);
  }
  if (room) room();
  return Look::kBytes;
}

void ReplyPipe::abandon() {
  std::function<void()> room;
  waiter_ = nullptr;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kAbandoned;
    is_awaited_ = false;
    bytes_ = {};
    room.swap(room_);
  }
  if (room) room();
}

void ReplyPipe::deliver() {
  if (waiter_ != nullptr) waiter_->answer_arrived();
}

}  // namespace vibrato::server
