// Bodies that are read while they arrive, and answers that are written while they are made. No sockets here.
//
// Both are bounded by limits::kStreamBufferBytes: a reader that is slow holds the sending client up, and a client that
// reads slowly holds up whoever writes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vibrato/status.hpp>

namespace vibrato::api {

// The body of a request whose route has BodyKind::kStream.
// Thread-safety: one thread reads; all else is the server's.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // Waits for bytes and puts them in place of `bytes`: none once the body has ended as it should.
  // Errors: kInvalidArgument (broken off, malformed), kTimeout (nothing comes), kUnavailable (the server stops).
  [[nodiscard]] virtual Status read(std::string& bytes) = 0;
  // Not ok once the work that the body is for should end: the errors of read(), as soon as they are known.
  [[nodiscard]] virtual Status check() const = 0;
};
using BodyStreamPtr = std::shared_ptr<BodyStream>;

// An answer whose head is on its way and whose body follows piece by piece. Dropped without finish(), it is cut off.
// Thread-safety: all methods may be called from any thread, one at a time.
class ReplyStream {
 public:
  virtual ~ReplyStream() = default;
  // False once nobody reads any more: nothing that is written comes to anybody. Never waits; whoever writes more than
  // a piece or two without when_room() fills the memory.
  virtual bool write(std::string&& bytes) = 0;
  // Calls `then` once: when all that was written is on its way, or nobody reads any more. It may be called at once, or
  // on the thread of the connection: it must be quick.
  virtual void when_room(std::function<void()> then) = 0;
  // The body is whole.
  virtual void finish() = 0;
  // The body will not become whole: the client sees the connection end inside of it.
  virtual void cut_off() = 0;
};
using ReplyStreamPtr = std::shared_ptr<ReplyStream>;

}  // namespace vibrato::api
