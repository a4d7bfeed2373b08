// The way of a streamed answer from whoever makes it to the I/O thread that sends it.
//
// Invariant: what was written is taken in order and once. After finish(), cut_off() or abandon() nothing is added.
// It may outlive the connection: what is written then is dropped, and the writer is told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "api/streams.hpp"
#include "server/answer_box.hpp"

namespace vibrato::server {

class ReplyPipe final : public Arrival, public std::enable_shared_from_this<ReplyPipe> {
 public:
  explicit ReplyPipe(std::shared_ptr<AnswerBox> box) : box_(std::move(box)) {}

  // What a handler holds: when its last copy goes, the answer is cut off unless it is finished.
  [[nodiscard]] static api::ReplyStreamPtr make_writer(std::shared_ptr<ReplyPipe> pipe);

  // The writer's; as api::ReplyStream.
  bool write(std::string&& bytes);
  void when_room(std::function<void()> then);
  void end(bool is_whole);

  // The I/O thread's.
  enum class Look : std::uint8_t { kBytes, kEnd, kCut, kNothing };
  // kNothing: `waiter` is told when there is something. It must live until abandon(), or until kEnd or kCut was
  // answered.
  [[nodiscard]] Look take(AnswerWaiter& waiter, std::string& bytes);
  // Nobody reads any more.
  void abandon();
  void deliver() override;

 private:
  enum class State : std::uint8_t { kOpen, kWhole, kCut, kAbandoned };

  const std::shared_ptr<AnswerBox> box_;
  AnswerWaiter* waiter_ = nullptr;  // The I/O thread's.

  std::mutex mutex_;  // Guards the members below.
  State state_ = State::kOpen;
  bool is_awaited_ = false;
  std::string bytes_;
  std::function<void()> room_;
};

}  // namespace vibrato::server
