#include "server/exchange.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <utility>
#include <vibrato/check.hpp>

#include "api/errors.hpp"
#include "api/uri.hpp"
#include "server/cors.hpp"
#include "server/early_head.hpp"
#include "server/response_head.hpp"

namespace vibrato::server {
namespace {

// A TLS connection begins with it, and no request does. Source: RFC 8446, section 5.1.
constexpr char kTlsHandshake = '\x16';

// A refused request's body up to this size is read and dropped, so that its connection can go on.
constexpr std::size_t kDroppedBodyBytesMax = ReadBuffer::kBaseCapacity;

Status body_too_large(std::size_t bytes_max) {
  return {ErrorCode::kPayloadTooLarge,
          "the body is larger than the " + std::to_string(bytes_max) + " bytes that this route takes"};
}

Status body_bytes_used_up() {
  return {ErrorCode::kOverloaded, "too many bytes of request bodies are in flight; try again"};
}

}  // namespace

Exchange::Exchange(const ExchangeContext& context, AnswerWaiter& waiter)
    : context_(context), waiter_(waiter), charge_(context.budget) {}

Exchange::~Exchange() {
  if (late_ != nullptr) {
    late_->abandon();
  }
  end_streams();
}

std::span<char> Exchange::input_space() {
  return input_.space();
}

Exchange::Step Exchange::received(std::size_t count) {
  input_.commit(count);
  return advance();
}

Exchange::Step Exchange::end_of_input() {
  input_ended_ = true;
  return advance();
}

Exchange::Step Exchange::timed_out() {
  if (state_ == State::kIdle) {
    if (refusal_.ok()) {
      return Step::kClose;
    }
    begin_head();
  }
  if (state_ == State::kLateAnswer) {
    std::optional<api::Reply> reply = std::exchange(late_, nullptr)->abandon();
    if (!reply.has_value()) {
      return answer_error({ErrorCode::kTimeout, "no answer within the request's deadline"}, false);
    }
    reply_ = *std::move(reply);
    return answer();
  }
  if (state_ == State::kStream) {
    return stream_timed_out();
  }
  const Status late(ErrorCode::kTimeout, "the request did not arrive in time");
  return state_ == State::kHead ? answer_early(late, input_.data()) : cut_short(late);
}

Exchange::Step Exchange::answer_unread(const Status& status) {
  VIBRATO_CHECK(state_ == State::kIdle && input_.data().empty());
  begin_head();
  return answer_error(status, true);
}

Exchange::Step Exchange::advance() {
  while (state_ == State::kIdle) {
    const std::string_view data = input_.data();
    if (data.starts_with("\r\n")) {
      input_.consume(2);
    } else if (data.empty() || data == "\r") {
      return input_ended_ ? Step::kClose : Step::kRead;
    } else {
      begin_head();
    }
  }
  if (state_ == State::kStream) {
    return next_stream_step();
  }
  return state_ == State::kHead ? read_head() : read_body();
}

void Exchange::begin_head() {
  state_ = State::kHead;
  scanner_.reset();
  reply_.reset();
  request_ = {};
  match_.route = nullptr;
  head_error_ = ok_status();
  body_in_input_ = 0;
  context_.ids.make(request_id_);
  request_.request_id = request_id_;
  request_.client_address = client_address_;
  close_after_answer_ = false;
  head_.is_http_1_1 = head_.keep_alive = true;
  head_.is_chunked = head_.expects_continue = false;
  start_ns_ = context_.clock.monotonic_ns();
}

Exchange::Step Exchange::read_head() {
  if (input_.data().front() == kTlsHandshake && !context_.options.tls.has_value()) {
    context_.mismatches.note("a TLS handshake on the port for plain HTTP", client_address_);
    return answer_early(invalid_argument("malformed HTTP request: a TLS handshake, and this port speaks plain HTTP; "
                                         "use http:// in place of https://"),
                        {});
  }
  switch (scanner_.scan(input_.data(), context_.options.header_bytes_max)) {
    case HeadScanner::State::kDone:
      return begin_request(scanner_.head_bytes());
    case HeadScanner::State::kTooLarge:
      return answer_early(
          {ErrorCode::kHeaderTooLarge,
           "the request head is larger than " + std::to_string(context_.options.header_bytes_max) + " bytes"},
          input_.data().substr(0, context_.options.header_bytes_max));
    case HeadScanner::State::kMalformed:
      return answer_early(invalid_argument("malformed HTTP request: a bare line feed or a folded header line"),
                          input_.data().substr(0, context_.options.header_bytes_max));
    case HeadScanner::State::kNeedMore:
      break;
  }
  if (input_ended_) {
    return answer_early(invalid_argument("malformed HTTP request: the connection ended inside the head"),
                        input_.data());
  }
  return Step::kRead;
}

Exchange::Step Exchange::begin_request(std::size_t head_bytes) {
  head_text_.assign(input_.data().substr(0, head_bytes));
  input_.consume(head_bytes);
  if (const Status status = parser_.parse_head(head_text_, head_); !status.ok()) {
    return answer_early(status, head_text_);
  }
  take_head(head_.method, head_.target);
  if (!refusal_.ok()) {
    return answer_error(refusal_, true);
  }
  head_error_ = route_request();
  return plan_body();
}

// The request will not become whole. What was wrong with its head says more than how it ended.
Exchange::Step Exchange::cut_short(const Status& error) {
  return answer_error(head_error_.ok() ? error : head_error_, true);
}

// Puts what is known of the head into the request. Requires: head_.fields are those of it.
void Exchange::take_head(api::Method method, std::string_view target) {
  const api::Target parts = api::split_target(target);
  query_text_ = parts.query;
  request_.method = method;
  request_.path = parts.path;
  request_.headers = head_.fields;
  if (const auto id = request_.header("x-request-id"); id.has_value() && is_valid_request_id(*id)) {
    request_id_.assign(*id);
    request_.request_id = request_id_;
  }
}

// Steps 1 to 6 of the order of checks: route, key, role, query parameters, media type; then the body's cap.
Status Exchange::route_request() {
  context_.routes.match(request_.method, request_.path, match_);
  const bool is_known_path = match_.route != nullptr || !match_.allow.empty();
  if (is_known_path && is_allowed_origin(context_.options.cors_origins, request_) && is_preflight(request_)) {
    match_.route = &preflight_route();
    return ok_status();
  }
  if (match_.route == nullptr) {
    if (!match_.allow.empty()) {
      reply_.headers.emplace_back("Allow", match_.allow);
    }
    return match_.error;
  }
  request_.path_parameters = match_.parameters;
  VIBRATO_RETURN_IF_ERROR(context_.routes.authorize(request_, *match_.route, reply_));
  VIBRATO_RETURN_IF_ERROR(api::parse_query(query_text_, query_));
  request_.query_parameters = query_;
  VIBRATO_RETURN_IF_ERROR(context_.routes.check_form(request_, *match_.route));
  if (head_.content_length > match_.route->body_bytes_max) {
    return body_too_large(match_.route->body_bytes_max);
  }
  return ok_status();
}

Exchange::Step Exchange::plan_body() {
  const bool has_body = head_.is_chunked || head_.content_length > 0;
  const bool is_streamed = head_error_.ok() && match_.route->body == api::BodyKind::kStream;
  if (!has_body && !is_streamed) {
    return head_error_.ok() ? run_handler() : answer_error(head_error_, false);
  }
  const bool client_waits = head_.expects_continue && head_.is_http_1_1 && input_.data().empty();
  // Who may not come in is told at once, and not when a body that may never come is there.
  const bool may_not_enter =
      head_error_.code() == ErrorCode::kUnauthenticated || head_error_.code() == ErrorCode::kForbidden;
  const bool is_to_come = head_.is_chunked || input_.data().size() < head_.content_length;
  if (!head_error_.ok() && (head_.is_chunked || client_waits || head_.content_length > kDroppedBodyBytesMax ||
                            (may_not_enter && is_to_come))) {
    return answer_error(head_error_, true);
  }
  if (is_streamed) {
    return begin_body_stream(client_waits);
  }
  chunked_body_.clear();
  if (client_waits) {
    state_ = State::kContinue;
    head_out_.assign(kContinueHead);
    body_out_ = {};
    return Step::kWrite;
  }
  state_ = State::kBody;
  return read_body();
}

Exchange::Step Exchange::read_body() {
  const Step step = head_.is_chunked ? read_chunked_body() : read_sized_body();
  if (step == Step::kRead && input_ended_) {
    return cut_short(invalid_argument("malformed HTTP request: the connection ended inside the body"));
  }
  return step;
}

// The body lies whole in the read buffer, which grows as its bytes arrive: at most to twice of what is there.
Exchange::Step Exchange::read_sized_body() {
  const auto size = static_cast<std::size_t>(head_.content_length);
  const std::size_t present = input_.data().size();
  if (present < size) {
    if (present == input_.capacity()) {
      const std::size_t capacity = std::min(size, 2 * input_.capacity());
      if (!charge_.raise_to(capacity)) {
        return answer_error(body_bytes_used_up(), true);
      }
      input_.set_capacity(capacity);
    }
    return Step::kRead;
  }
  body_in_input_ = size;
  request_.body = input_.data().substr(0, size);
  return head_error_.ok() ? run_handler() : answer_error(head_error_, false);
}

Exchange::Step Exchange::read_chunked_body() {
  const std::size_t bytes_max = match_.route->body_bytes_max;
  // Decoding adds at most what is there; the charge comes before the growth.
  const std::size_t most = std::min(bytes_max, chunked_body_.size() + input_.data().size()) + api::kBodyPadding;
  if (most > chunked_body_.capacity()) {
    const std::size_t capacity = std::max(most, 2 * chunked_body_.capacity());
    if (!charge_.raise_to(capacity)) {
      return answer_error(body_bytes_used_up(), true);
    }
    chunked_body_.reserve(capacity);
  }
  const auto progress = parser_.decode_chunks(input_.data(), bytes_max, chunked_body_);
  if (!progress.ok()) {
    const bool too_large = progress.status().code() == ErrorCode::kPayloadTooLarge;
    return answer_error(too_large ? body_too_large(bytes_max) : progress.status(), true);
  }
  input_.consume(progress->consumed);
  if (!progress->done) {
    return input_.full() ? answer_error(invalid_argument("malformed HTTP request: a chunk's line is too long"), true)
                         : Step::kRead;
  }
  const std::size_t size = chunked_body_.size();
  chunked_body_.append(api::kBodyPadding, ' ');
  request_.body = std::string_view(chunked_body_).substr(0, size);
  return run_handler();
}

Exchange::Step Exchange::run_handler() {
  const Status status = call_handler();
  if (!status.ok()) {
    if (late_ != nullptr) {
      std::exchange(late_, nullptr)->abandon();
    }
    return answer_error(status, false);
  }
  return late_ == nullptr ? answer() : take_late_answer();
}

Status Exchange::call_handler() {
  const api::Route& route = *match_.route;
  try {
    if (route.handler) {
      return route.handler(request_, reply_);
    }
    const std::int64_t wait_ns = std::int64_t{context_.options.request_timeout_ms} * 1'000'000;
    late_ = std::make_shared<LateAnswer>(context_.answers, waiter_, context_.clock.monotonic_ns() + wait_ns);
    return route.async_handler(request_, late_->make_responder());
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kOverloaded, "no memory for this request"};
  } catch (const std::exception& error) {
    context_.logger.error("{} {} (request {}): {}", api::to_string(route.method), route.pattern, request_id_,
                          error.what());
    return {ErrorCode::kInternal, "internal error; the server's log has request " + request_id_};
  }
}

// A handler that knew its answer at once has put it before it returned.
Exchange::Step Exchange::take_late_answer() {
  std::optional<LateAnswer::Content> content = late_->take();
  if (!content.has_value()) {
    state_ = State::kLateAnswer;
    return Step::kAnswer;
  }
  return take_content(*std::move(content));
}

Exchange::Step Exchange::take_content(LateAnswer::Content content) {
  late_.reset();
  if (content.dropped) {
    return answer_error({ErrorCode::kInternal, "internal error: the request was dropped without an answer"}, false);
  }
  reply_ = std::move(content.reply);
  if (content.stream != nullptr) {
    reply_pipe_ = std::move(content.stream);
    return begin_reply_stream();
  }
  return content.status.ok() ? answer() : answer_error(content.status, false);
}

Exchange::Step Exchange::answer_arrived() {
  VIBRATO_CHECK(state_ == State::kLateAnswer || state_ == State::kStream);
  return state_ == State::kStream ? next_stream_step() : take_late_answer();
}

// `head` begins with what has come of the head. Where a message ends is unknown here: the connection does too.
Exchange::Step Exchange::answer_early(const Status& error, std::string_view head) {
  const EarlyHead early = read_early_head(head, head_.fields);
  take_head(early.method, early.target);
  return answer_error(refusal_.ok() ? error : refusal_, true);
}

Exchange::Step Exchange::answer_error(const Status& error, bool close) {
  close_after_answer_ |= close;
  context_.routes.write_error(error, request_.path, request_id_, reply_);
  if (http_status(error.code()) == 500) {
    context_.logger.error("{} {} (request {}): {}", api::to_string(request_.method), request_.path, request_id_,
                          error.message());
  }
  return answer();
}

// A body of which nobody reads the rest ends the connection.
Exchange::Step Exchange::answer() {
  state_ = State::kAnswer;
  close_after_answer_ |= body_pipe_ != nullptr && !has_body_ended_;
  close_after_answer_ |= stopping_ || !head_.keep_alive;
  if (is_allowed_origin(context_.options.cors_origins, request_)) {
    add_cors_headers(request_, reply_);
  }
  auto connection = ConnectionHeader::kNone;
  if (close_after_answer_) {
    connection = ConnectionHeader::kClose;
  } else if (!head_.is_http_1_1) {
    connection = ConnectionHeader::kKeepAlive;
  }
  write_response_head(reply_, request_id_, connection, BodyLength::kKnown, head_out_);
  body_out_ = request_.method == api::Method::kHead ? std::string_view{} : reply_.body;
  record();
  return Step::kWrite;
}

void Exchange::record() const {
  if (context_.options.on_request) {
    context_.options.on_request({.method = request_.method,
                                 .pattern = match_.route == nullptr ? std::string_view{} : match_.route->pattern,
                                 .status = reply_.status,
                                 .duration_ns = context_.clock.monotonic_ns() - start_ns_,
                                 .request_id = request_id_});
  }
}

Exchange::Step Exchange::written() {
  if (state_ == State::kContinue) {
    state_ = body_pipe_ != nullptr ? State::kStream : State::kBody;
    return advance();
  }
  if (state_ == State::kStream) {
    return next_stream_step();
  }
  finish_request();
  if (close_after_answer_) {
    return Step::kDrain;
  }
  return advance();
}

void Exchange::finish_request() {
  constexpr std::size_t kKeptReplyBytes = 256 * limits::kKiB;
  end_streams();
  input_.consume(body_in_input_);
  if (input_.capacity() > ReadBuffer::kBaseCapacity && input_.data().size() <= ReadBuffer::kBaseCapacity) {
    input_.set_capacity(ReadBuffer::kBaseCapacity);
  }
  if (head_.is_chunked) {
    chunked_body_ = {};
  }
  if (input_.capacity() == ReadBuffer::kBaseCapacity) {
    charge_.release();
  }
  if (reply_.body.capacity() > kKeptReplyBytes) {
    reply_.body = {};
  }
  state_ = State::kIdle;
}

}  // namespace vibrato::server
