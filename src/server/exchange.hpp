// One connection's side of HTTP/1.1 without its socket: bytes in, bytes out, and what to do next. All rules of the
// protocol and all limits but time are here, so that they are tested without a network.
//
// The states of one request, in order:
//   1. idle: between requests; empty lines are skipped.
//   2. head: HeadScanner finds its end, MessageParser reads it, the route is matched, key and form are checked.
//      The head is copied aside, so that its views outlive the read buffer's moves. One that never becomes whole, or
//      is malformed, is answered by what can be told of it (early_head.hpp).
//   3. body: read where it lies in the read buffer (Content-Length) or decoded into body_ (chunked). `100 Continue` is
//      written first if the client waits for it.
//   4. answer: the handler runs, or the error's envelope is written. An error found at the head is answered at once
//      and the connection closed (drained first), unless the body is small: then it is read, dropped and the
//      connection goes on. A handler that answers later is waited for, up to a deadline of its own; the next request
//      is not read meanwhile, and the body stays charged to the budget.
//   5. back to 1, or close.
// Bodies and answers that are streamed (exchange_stream.cpp) take 3 and 4 at once: what arrives goes to the handler as
// far as it has room, and what the handler writes goes out between two reads.
// Requests of one connection are answered one after the other, in order. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <vibrato/status.hpp>

#include "api/reply.hpp"
#include "api/request.hpp"
#include "api/route_table.hpp"
#include "base/clock.hpp"
#include "base/logging.hpp"
#include "server/body_budget.hpp"
#include "server/body_pipe.hpp"
#include "server/head_scanner.hpp"
#include "server/http_server.hpp"
#include "server/late_answer.hpp"
#include "server/message_parser.hpp"
#include "server/mismatch_log.hpp"
#include "server/read_buffer.hpp"
#include "server/reply_pipe.hpp"
#include "server/request_ids.hpp"

namespace vibrato::server {

// What the exchanges of one I/O thread share. All of it outlives them.
struct ExchangeContext {
  const HttpServerOptions& options;
  const api::RouteTable& routes;
  const Clock& clock;
  const Logger& logger;
  BodyBudget& budget;
  RequestIds& ids;
  std::shared_ptr<AnswerBox> answers;  // Of the I/O thread.
  MismatchLog& mismatches;
};

class Exchange {
 public:
  enum class Step : std::uint8_t {
    kRead,    // Read into input_space(), then received() or end_of_input().
    kWrite,   // Write output() whole, then written().
    kAnswer,  // Wait until the waiter is told, then answer_arrived(); or until answer_deadline_ns(), then timed_out().
    kDrain,   // Shut down sending, read and drop for a bounded time, then close.
    kClose,   // Close at once.
  };

  // `waiter` is told on the I/O thread when a late answer is there; it outlives the exchange.
  Exchange(const ExchangeContext& context, AnswerWaiter& waiter);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // The address of the peer, as handlers see it. To be set before anything is received.
  void set_client_address(std::string address) { client_address_ = std::move(address); }
  [[nodiscard]] const std::string& client_address() const { return client_address_; }

  // Where the next bytes of the client go. Never empty after kRead.
  [[nodiscard]] std::span<char> input_space();
  [[nodiscard]] Step received(std::size_t count);
  // The client will send no more: what is complete is still answered.
  [[nodiscard]] Step end_of_input();
  // The late answer is there.
  [[nodiscard]] Step answer_arrived();
  // Never, for what is streamed. Requires: the last step was kAnswer.
  [[nodiscard]] std::int64_t answer_deadline_ns() const;
  // Whether a stop need not wait for more: what is said at the deadline says it all, or only half of a streamed body
  // has come, or what is streamed to the client has no end that could be waited for. Requires: the last step was
  // kAnswer, or kRead and streams_body().
  [[nodiscard]] bool ends_at_stop() const;
  // The answer that is streamed has no end of its own: it is over when the client goes.
  [[nodiscard]] bool has_endless_answer() const;
  // What is read belongs to a streamed body: it may take as long as bytes come.
  [[nodiscard]] bool streams_body() const { return state_ == State::kStream; }
  // The deadline has passed while bytes or an answer were awaited.
  [[nodiscard]] Step timed_out();
  // The first request gets this error once its head was read, and the connection ends; so does what never becomes a
  // request. Requires: nothing was read yet.
  void refuse(Status status) { refusal_ = std::move(status); }

  // Answers what came and cannot be read, then ends the connection. Requires: nothing was received.
  [[nodiscard]] Step answer_unread(const Status& status);

  // Head and body of the answer. Valid until written().
  [[nodiscard]] std::array<std::string_view, 2> output() const { return {head_out_, body_out_}; }
  [[nodiscard]] Step written();

  // True between requests: no byte of one has come.
  [[nodiscard]] bool idle() const { return state_ == State::kIdle; }
  // The next answer is the last.
  void stop_after_answer();

 private:
  enum class State : std::uint8_t { kIdle, kHead, kContinue, kBody, kLateAnswer, kStream, kAnswer };

  Step advance();
  void begin_head();
  Step read_head();
  Step begin_request(std::size_t head_bytes);
  void take_head(api::Method method, std::string_view target);
  Status route_request();
  Step plan_body();
  Step read_body();
  Step read_sized_body();
  Step read_chunked_body();
  Step cut_short(const Status& error);
  Step run_handler();
  Status call_handler();
  Step take_late_answer();
  Step take_content(LateAnswer::Content content);
  // exchange_stream.cpp
  Step begin_body_stream(bool client_waits);
  Step begin_reply_stream();
  Step next_stream_step();
  Step feed_body();
  [[nodiscard]] Status feed_some(bool& needs_more);
  Step write_piece();
  Step end_reply_stream();
  Step stream_timed_out();
  void end_streams();
  Step answer_early(const Status& error, std::string_view head);
  Step answer_error(const Status& error, bool close);
  Step answer();
  void finish_request();
  void record() const;

  ExchangeContext context_;
  AnswerWaiter& waiter_;
  std::string client_address_;
  ReadBuffer input_;
  BodyCharge charge_;
  HeadScanner scanner_;
  MessageParser parser_;
  State state_ = State::kIdle;
  bool input_ended_ = false;
  bool stopping_ = false;
  bool close_after_answer_ = false;
  Status refusal_;

  // The request at hand.
  std::string head_text_;
  RequestHead head_;
  std::string_view query_text_;  // Of the target, raw.
  api::RouteMatch match_;
  std::vector<api::Parameter> query_;
  api::Request request_;
  std::string request_id_;
  std::string chunked_body_;
  std::size_t body_in_input_ = 0;  // Bytes of input_ that are the body.
  Status head_error_;              // Found at the head; answered when the body is dropped.
  std::int64_t start_ns_ = 0;

  // What is streamed of it; null for nothing.
  std::shared_ptr<BodyPipe> body_pipe_;
  std::uint64_t body_left_ = 0;  // Of a body with a Content-Length.
  bool has_body_ended_ = true;   // Whole, or failed.
  std::shared_ptr<ReplyPipe> reply_pipe_;
  std::string piece_;
  bool sends_chunks_ = false;

  // Its answer.
  std::shared_ptr<LateAnswer> late_;  // Null unless the handler answers later and has not yet.
  api::Reply reply_;
  std::string head_out_;
  std::string_view body_out_;
};

}  // namespace vibrato::server
