// The part of the exchange that streams.
//
// A streamed body: the handler is called as soon as the head is known; what arrives goes into the BodyPipe, and no more
// is read while that is full. A streamed answer: its head is written, then each piece as one chunk. Both may go on at
// once: what was written goes out whenever something was read, or the reader made room; a client that neither sends nor
// ends keeps it waiting, at most for the idle timeout. An answer that ends before the body ends the connection.
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/limits.hpp"
#include "server/cors.hpp"
#include "server/exchange.hpp"
#include "server/response_head.hpp"

namespace vibrato::server {
namespace {

constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace

std::int64_t Exchange::answer_deadline_ns() const {
  return state_ == State::kLateAnswer ? late_->deadline_ns() : std::numeric_limits<std::int64_t>::max();
}

bool Exchange::has_endless_answer() const {
  return state_ == State::kStream && reply_pipe_ != nullptr && match_.route != nullptr &&
         match_.route->has_endless_answer;
}

// An answer without an end of its own gets one, and what was written before is sent first.
bool Exchange::ends_at_stop() const {
  if (has_endless_answer()) {
    return false;
  }
  return state_ == State::kStream ? body_pipe_ == nullptr || !has_body_ended_ : late_->has_deadline_reply();
}

void Exchange::stop_after_answer() {
  stopping_ = true;
  if (body_pipe_ != nullptr) {
    body_pipe_->fail(unavailable("the server stops"));
  } else if (has_endless_answer()) {
    reply_pipe_->end(true);
  } else if (reply_pipe_ != nullptr) {
    reply_pipe_->abandon();
  }
}

Exchange::Step Exchange::begin_body_stream(bool client_waits) {
  if (!charge_.raise_to(limits::kStreamBufferBytes)) {
    return answer_error({ErrorCode::kOverloaded, "too many bytes of request bodies are in flight; try again"}, true);
  }
  body_pipe_ = std::make_shared<BodyPipe>(context_.answers);
  body_left_ = head_.content_length;
  has_body_ended_ = !head_.is_chunked && body_left_ == 0;
  if (has_body_ended_) {
    body_pipe_->end(ok_status());
  }
  request_.body_stream = body_pipe_;
  const Status status = call_handler();
  request_.body_stream = nullptr;
  if (!status.ok()) {
    if (late_ != nullptr) {
      std::exchange(late_, nullptr)->abandon();
    }
    return answer_error(status, false);
  }
  if (late_ == nullptr) {
    return answer();
  }
  if (client_waits) {
    state_ = State::kContinue;
    head_out_.assign(kContinueHead);
    body_out_ = {};
    return Step::kWrite;
  }
  state_ = State::kStream;
  return next_stream_step();
}

// What goes out comes before what comes in.
Exchange::Step Exchange::next_stream_step() {
  if (late_ != nullptr) {
    if (std::optional<LateAnswer::Content> content = late_->take(); content.has_value()) {
      return take_content(*std::move(content));
    }
  }
  if (reply_pipe_ != nullptr) {
    switch (reply_pipe_->take(waiter_, piece_)) {
      case ReplyPipe::Look::kBytes:
        return write_piece();
      case ReplyPipe::Look::kEnd:
        return end_reply_stream();
      case ReplyPipe::Look::kCut:
        return Step::kClose;
      case ReplyPipe::Look::kNothing:
        break;
    }
  }
  return feed_body();
}

Exchange::Step Exchange::feed_body() {
  while (!has_body_ended_) {
    if (!body_pipe_->has_room(waiter_)) {
      return Step::kAnswer;
    }
    bool needs_more = false;
    Status fed = feed_some(needs_more);
    if (fed.ok() && needs_more && input_ended_) {
      fed = invalid_argument("malformed HTTP request: the connection ended inside the body");
    }
    if (!fed.ok()) {
      body_pipe_->end(fed);
      has_body_ended_ = close_after_answer_ = true;
    } else if (needs_more) {
      return Step::kRead;
    }
  }
  return Step::kAnswer;
}

Status Exchange::feed_some(bool& needs_more) {
  const std::string_view data = input_.data();
  if (!head_.is_chunked) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), body_left_));
    body_pipe_->put(data.substr(0, count));
    input_.consume(count);
    body_left_ -= count;
    has_body_ended_ = body_left_ == 0;
  } else {
    chunked_body_.clear();
    VIBRATO_ASSIGN_OR_RETURN(const auto progress,
                             parser_.decode_chunks(data, std::numeric_limits<std::size_t>::max(), chunked_body_));
    body_pipe_->put(chunked_body_);
    input_.consume(progress.consumed);
    has_body_ended_ = progress.done;
    if (!progress.done && input_.full()) {
      return invalid_argument("malformed HTTP request: a chunk's line is too long");
    }
  }
  if (has_body_ended_) {
    body_pipe_->end(ok_status());
  }
  needs_more = !has_body_ended_;
  return ok_status();
}

Exchange::Step Exchange::begin_reply_stream() {
  state_ = State::kStream;
  sends_chunks_ = head_.is_http_1_1;
  close_after_answer_ |= stopping_ || !head_.keep_alive || !sends_chunks_;
  if (is_allowed_origin(context_.options.cors_origins, request_)) {
    add_cors_headers(request_, reply_);
  }
  write_response_head(reply_, request_id_, close_after_answer_ ? ConnectionHeader::kClose : ConnectionHeader::kNone,
                      sends_chunks_ ? BodyLength::kChunked : BodyLength::kUntilTheEnd, head_out_);
  body_out_ = {};
  if (request_.method == api::Method::kHead) {
    reply_pipe_->abandon();
    state_ = State::kAnswer;
    record();
  }
  return Step::kWrite;
}

Exchange::Step Exchange::write_piece() {
  if (!sends_chunks_) {
    head_out_.clear();
  } else {
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), piece_.size(), 16);
    head_out_.assign(digits.data(), end.ptr);
    head_out_ += "\r\n";
    piece_ += "\r\n";
  }
  body_out_ = piece_;
  return Step::kWrite;
}

Exchange::Step Exchange::end_reply_stream() {
  state_ = State::kAnswer;
  close_after_answer_ |= stopping_ || !has_body_ended_;
  head_out_.assign(sends_chunks_ ? kLastChunk : std::string_view{});
  body_out_ = {};
  record();
  return Step::kWrite;
}

Exchange::Step Exchange::stream_timed_out() {
  if (body_pipe_ == nullptr) {
    return Step::kClose;
  }
  if (!has_body_ended_) {
    body_pipe_->end(stopping_ ? unavailable("the server stops")
                              : Status(ErrorCode::kTimeout, "nothing of the body came for too long"));
    has_body_ended_ = close_after_answer_ = true;
  }
  return next_stream_step();
}

void Exchange::end_streams() {
  if (body_pipe_ != nullptr) {
    if (!has_body_ended_) {
      body_pipe_->fail(unavailable("the client is gone, or has its answer"));
    }
    std::exchange(body_pipe_, nullptr)->abandon();
  }
  if (reply_pipe_ != nullptr) {
    std::exchange(reply_pipe_, nullptr)->abandon();
  }
  has_body_ended_ = true;
  piece_ = {};
}

}  // namespace vibrato::server
