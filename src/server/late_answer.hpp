// The answer of a handler that answers later, on its way from whatever thread makes it to the I/O thread that sends it.
//
//   handler's side                                  I/O thread's side
//   Responder (api/responder.hpp)  ->  LateAnswer  ->  AnswerBox of the I/O thread  ->  AnswerWaiter
//
// Invariant: one answer a request. The first that is put counts, whatever comes later is dropped; once the I/O thread
// has abandoned it (deadline, closed connection, error of the handler), nothing of it is looked at any more.
// An answer that is put before the I/O thread begins to wait for it costs no wake-up, and many that arrive while a
// thread is busy cost one between them: a group commit wakes each I/O thread once, not once a request.
// All of it may outlive the server: a box that is closed takes answers and forgets them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vibrato/status.hpp>

#include "api/reply.hpp"
#include "api/responder.hpp"
#include "server/answer_box.hpp"
#include "server/reply_pipe.hpp"

namespace vibrato::server {

class LateAnswer final : public Arrival, public std::enable_shared_from_this<LateAnswer> {
 public:
  struct Content {
    bool dropped = false;  // Nobody answers any more.
    Status status;
    api::Reply reply;
    std::shared_ptr<ReplyPipe> stream;  // The body of the reply follows through it; null for one that is whole.
  };

  // `waiter` must live until the answer was taken or abandoned.
  LateAnswer(std::shared_ptr<AnswerBox> box, AnswerWaiter& waiter, std::int64_t deadline_ns)
      : box_(std::move(box)), waiter_(&waiter), deadline_ns_(deadline_ns) {}
  ~LateAnswer();
  LateAnswer(const LateAnswer&) = delete;
  LateAnswer& operator=(const LateAnswer&) = delete;

  // The handler's side. Its last copy answers `dropped` if nothing was put before.
  [[nodiscard]] api::ResponderPtr make_responder();

  // Thread-safety: the following may be called from any thread.
  // False if it is not looked at: an answer was there, or none is wanted any more.
  bool put(Content content);
  [[nodiscard]] api::ReplyStreamPtr begin_stream(api::Reply&& reply);
  void set_deadline_reply(api::Reply&& reply);
  [[nodiscard]] bool has_deadline_reply();
  [[nodiscard]] std::int64_t deadline_ns() const { return deadline_ns_; }

  // The following are for the I/O thread.
  // The answer if it is there; else the waiter is told when it is.
  [[nodiscard]] std::optional<Content> take();
  // Ends the waiting; answers what is to be sent at the deadline, if that was set.
  std::optional<api::Reply> abandon();
  void deliver() override;

 private:
  std::shared_ptr<AnswerBox> box_;
  AnswerWaiter* waiter_;  // Of the I/O thread; null once taken or abandoned.
  const std::int64_t deadline_ns_;

  std::mutex mutex_;
  bool closed_ = false;      // An answer was put, or none is wanted any more.
  bool is_awaited_ = false;  // The I/O thread waits to be told.
  std::optional<Content> content_;
  std::optional<api::Reply> deadline_reply_;
};

}  // namespace vibrato::server
