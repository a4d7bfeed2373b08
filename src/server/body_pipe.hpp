// The way of a streamed body from the I/O thread that receives it to whoever reads it, at most
// limits::kStreamBufferBytes of it at a time: then the socket is not read until the reader has made room.
//
// Once the body has failed (the connection broke, nothing comes, the server stops) the reader gets the reason at its
// next read, whatever is waiting: work on half a body is of no use.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vibrato/status.hpp>

#include "api/streams.hpp"
#include "server/answer_box.hpp"

namespace vibrato::server {

class BodyPipe final : public api::BodyStream, public Arrival, public std::enable_shared_from_this<BodyPipe> {
 public:
  explicit BodyPipe(std::shared_ptr<AnswerBox> box) : box_(std::move(box)) {}

  // The reader's.
  [[nodiscard]] Status read(std::string& bytes) override;
  [[nodiscard]] Status check() const override;

  // The I/O thread's.
  // If false, `waiter` is told when there is room. It must live until abandon().
  [[nodiscard]] bool has_room(AnswerWaiter& waiter);
  // Requires: has_room().
  void put(std::string_view bytes);
  // Nothing more comes: ok if the body is whole. The first call counts, but that a stop may still fail a whole one.
  void end(const Status& status);
  void fail(const Status& status);
  // The connection is gone, or needs the body no more.
  void abandon();
  void deliver() override;

 private:
  const std::shared_ptr<AnswerBox> box_;
  AnswerWaiter* waiter_ = nullptr;  // The I/O thread's.

  mutable std::mutex mutex_;  // Guards the members below.
  std::condition_variable changed_;
  std::string bytes_;
  bool has_ended_ = false;
  Status failed_;
  bool is_awaited_ = false;
};

}  // namespace vibrato::server
