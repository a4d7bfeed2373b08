// The answer of a handler that does not know it yet: a write waits for the log, a long search for a thread.
//
// Invariant: answered exactly once. One that is dropped without an answer answers `internal`. A connection that has
// gone, or a request that has passed its deadline, takes no answer any more: calling is still allowed and does nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vibrato/status.hpp>

#include "api/reply.hpp"
#include "api/streams.hpp"

namespace vibrato::api {

// Thread-safety: all methods may be called from any thread.
class Responder {
 public:
  virtual ~Responder() = default;
  // A status that is not ok becomes the envelope of the request's surface; of the reply its headers and error_details
  // are used then.
  virtual void answer(const Status& status, Reply&& reply) = 0;
  // Answers with the head of `reply`, whose body follows through the stream. It counts as the answer.
  [[nodiscard]] virtual ReplyStreamPtr begin_stream(Reply&& reply) = 0;
  // When the request's deadline passes, of the monotonic clock.
  [[nodiscard]] virtual std::int64_t deadline_ns() const = 0;
  // What is answered at the deadline instead of 408. For long admin work: 202.
  virtual void set_deadline_reply(Reply&& reply) = 0;
};
using ResponderPtr = std::shared_ptr<Responder>;

}  // namespace vibrato::api
