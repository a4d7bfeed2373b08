#include "server/session.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <poll.h>
#include <string>
#include <tuple>
#include <utility>

namespace vibrato::server {
namespace {

namespace asio = boost::asio;
using ErrorCodeAsio = boost::system::error_code;

constexpr auto kAwaitResult = asio::as_tuple(asio::use_awaitable);
constexpr std::int64_t kNsPerMs = 1'000'000;

// How long a stop goes on waiting for the answer to a client that has ended its side of the connection.
constexpr std::int64_t kPatienceWithEndedClientsNs = 1'000 * kNsPerMs;

// How often it is looked for clients that are gone though nobody writes to them.
constexpr std::int64_t kLookPeriodNs = 1'000 * kNsPerMs;

// What a client sends after an early error is read into this and dropped.
constexpr std::size_t kDrainBytes = 16 * limits::kKiB;

Stream::Buffers to_buffers(const std::array<std::string_view, 2>& pieces, std::size_t skip) {
  Stream::Buffers buffers;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::size_t skipped = skip < pieces[i].size() ? skip : pieces[i].size();
    buffers[i] = asio::const_buffer(pieces[i].data() + skipped, pieces[i].size() - skipped);
    skip -= skipped;
  }
  return buffers;
}

}  // namespace

void Session::start(Worker& worker, Socket socket) {
  auto session = std::make_shared<Session>(worker, std::move(socket));
  asio::co_spawn(
      worker.loop().get_executor(), [session]() { return session->run(); },
      [&worker](const std::exception_ptr& exception) {
        try {
          if (exception) {
            std::rethrow_exception(exception);
          }
        } catch (const std::exception& error) {
          worker.state().logger.error("a connection was dropped: {}", error.what());
        }
      });
}

Session::Session(Worker& worker, Socket socket)
    : worker_(worker),
      stream_(std::move(socket), worker.state().tls.get()),
      answer_timer_(worker.loop()),
      exchange_(worker.exchange_context(), *this) {
  refused_ = worker_.state().connections.fetch_add(1) >= worker_.state().options.connections_max;
  ErrorCodeAsio error;
  if (const auto peer = stream_.socket().remote_endpoint(error); !error) {
    exchange_.set_client_address(peer.address().to_string());
  }
  worker_.add(*this);
}

Session::~Session() {
  worker_.state().connections.fetch_sub(1);
  worker_.remove(*this);
}

void Session::check(std::int64_t now_ns, bool stopping) {
  if (stopping) {
    exchange_.stop_after_answer();
  }
  ErrorCodeAsio ignored;
  const bool over = (wait_ != Wait::kNone && now_ns >= deadline_ns_) || endless_client_left(now_ns);
  if (over || (stopping && ends_by_itself(now_ns))) {
    expired_ = true;
    stream_.socket().cancel(ignored);
    answer_timer_.cancel(ignored);
  }
}

// Nothing that is awaited would tell of it.
bool Session::endless_client_left(std::int64_t now_ns) {
  if (wait_ != Wait::kAnswer || answered_ || !exchange_.has_endless_answer() || now_ns < next_look_ns_) {
    return false;
  }
  next_look_ns_ = now_ns + kLookPeriodNs;
  client_left_ = client_has_ended();
  return client_left_;
}

bool Session::ends_by_itself(std::int64_t now_ns) {
  const std::int64_t stop_seen_ns = stop_seen_ns_.value_or(now_ns);
  stop_seen_ns_ = stop_seen_ns;
  ErrorCodeAsio ignored;
  if (wait_ == Wait::kIdle || wait_ == Wait::kRefused) {
    // A request whose first bytes are in the socket has begun, though nobody has read them.
    return stream_.socket().available(ignored) == 0;
  }
  if (wait_ == Wait::kStream) {
    return true;
  }
  if (wait_ != Wait::kAnswer || answered_) {
    return false;
  }
  // One that only sends no more may still read: it gets what comes within a moment.
  client_left_ = now_ns - stop_seen_ns >= kPatienceWithEndedClientsNs && client_has_ended();
  // Long admin work has an answer for clients that do not wait for its end.
  return client_left_ || exchange_.ends_at_stop();
}

bool Session::client_has_ended() {
  pollfd look{stream_.socket().native_handle(), POLLRDHUP, 0};
  return ::poll(&look, 1, 0) == 1;
}

void Session::cut_off() {
  if (stream_.socket().is_open()) {
    worker_.state().cut_off.fetch_add(1);
    ErrorCodeAsio ignored;
    stream_.socket().close(ignored);
    answer_timer_.cancel(ignored);
  }
}

void Session::answer_arrived() {
  answered_ = true;
  ErrorCodeAsio ignored;
  answer_timer_.cancel(ignored);
}

void Session::wait(Wait wait) {
  const bool same_request = wait == wait_ && (wait == Wait::kRequest || wait == Wait::kRefused);
  wait_ = wait;
  if (same_request) {
    return;
  }
  expired_ = false;
  if (wait == Wait::kAnswer) {
    deadline_ns_ = exchange_.answer_deadline_ns();
    return;
  }
  const HttpServerOptions& options = worker_.state().options;
  std::uint32_t timeout_ms = options.request_timeout_ms;
  if (wait == Wait::kHandshake) {
    timeout_ms = options.tls_handshake_timeout_ms;
  } else if (wait == Wait::kIdle || wait == Wait::kStream) {
    timeout_ms = options.keep_alive_idle_ms;
  } else if (wait == Wait::kDrain || wait == Wait::kRefused) {
    timeout_ms = options.drain_timeout_ms;
  }
  deadline_ns_ = worker_.state().clock.monotonic_ns() + std::int64_t{timeout_ms} * kNsPerMs;
}

asio::awaitable<std::optional<Session::Step>> Session::open() {
  ErrorCodeAsio error;
  stream_.socket().non_blocking(true, error);
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), error);
  if (worker_.stopping()) {
    exchange_.stop_after_answer();
  }
  if (!stream_.has_tls()) {
    co_return Step::kRead;
  }
  // A handshake is too costly for saying no.
  if (refused_) {
    co_return std::nullopt;
  }
  wait(Wait::kHandshake);
  std::tie(error) = co_await stream_.handshake();
  wait_ = Wait::kNone;
  co_return error ? handshake_failed(error) : Step::kRead;
}

// OpenSSL has said nothing to a client whose first bytes are no TLS: that client can still be told, in plain HTTP.
std::optional<Session::Step> Session::handshake_failed(const ErrorCodeAsio& error) {
  worker_.state().logger.debug("a TLS handshake failed: {}", error.message());
  const auto code = static_cast<std::uint32_t>(error.value());
  const int reason = error.category() == asio::error::get_ssl_category() ? ERR_GET_REASON(code) : 0;
  if (reason != SSL_R_HTTP_REQUEST && reason != SSL_R_WRONG_VERSION_NUMBER) {
    return std::nullopt;
  }
  worker_.state().mismatches.note(
      reason == SSL_R_HTTP_REQUEST ? "a plain HTTP request on the TLS port" : "what is no TLS on the TLS port",
      exchange_.client_address());
  stream_.drop_tls();
  return exchange_.answer_unread(
      invalid_argument("a plain HTTP request, and this port speaks TLS; use https:// in place of http://"));
}

asio::awaitable<void> Session::run() {
  const std::optional<Step> first = co_await open();
  if (!first.has_value()) {
    co_return;
  }
  if (refused_) {
    exchange_.refuse({ErrorCode::kOverloaded, "too many connections; try again"});
  }
  Step step = *first;
  for (;;) {
    switch (step) {
      case Step::kRead:
        step = co_await read();
        break;
      case Step::kWrite:
        step = co_await write();
        break;
      case Step::kAnswer:
        step = co_await await_answer();
        break;
      case Step::kDrain:
        co_await drain();
        co_return;
      case Step::kClose:
        co_await close();
        co_return;
    }
  }
}

asio::awaitable<Session::Step> Session::read() {
  if (exchange_.streams_body()) {
    wait(Wait::kStream);
  } else {
    wait(refused_ ? Wait::kRefused : exchange_.idle() ? Wait::kIdle : Wait::kRequest);
  }
  const std::span<char> space = exchange_.input_space();
  const auto [error, count] = co_await stream_.read_some(space);
  if (error) {
    co_return read_failed(error == asio::error::eof);
  }
  const Step step = exchange_.received(count);
  // A client that sends so fast that no read has to wait leaves the sweep nothing to cancel.
  const bool over = step == Step::kRead && wait_ != Wait::kIdle && expired_;
  co_return over ? exchange_.timed_out() : step;
}

Session::Step Session::read_failed(bool ended) {
  if (ended) {
    return exchange_.end_of_input();
  }
  broken_ = !expired_;
  return expired_ ? exchange_.timed_out() : Step::kClose;
}

asio::awaitable<Session::Step> Session::write() {
  const auto output = exchange_.output();
  ErrorCodeAsio error;
  const std::size_t sent = stream_.write_now(to_buffers(output, 0), error);
  if (!error && sent < output[0].size() + output[1].size()) {
    wait(Wait::kWrite);
    std::tie(error, std::ignore) = co_await stream_.write(to_buffers(output, sent));
  }
  wait_ = Wait::kNone;
  broken_ = static_cast<bool>(error);
  co_return error ? Step::kClose : exchange_.written();
}

// Answers and deadlines come on this thread, so none can slip in between the look and the wait.
asio::awaitable<Session::Step> Session::await_answer() {
  wait(Wait::kAnswer);
  answered_ = false;
  answer_timer_.expires_at(Timer::time_point::max());
  co_await answer_timer_.async_wait(kAwaitResult);
  wait_ = Wait::kNone;
  if (!stream_.socket().is_open() || (client_left_ && !answered_)) {
    co_return Step::kClose;
  }
  co_return answered_ ? exchange_.answer_arrived() : exchange_.timed_out();
}

asio::awaitable<void> Session::drain() {
  ErrorCodeAsio error;
  wait(Wait::kDrain);
  if (stream_.has_tls()) {
    // What a client still sends is no end of TLS: the socket drops it below.
    co_await stream_.end_tls();
  }
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) {
    co_return;
  }
  std::string dropped(kDrainBytes, '\0');
  while (!error && !expired_) {
    std::tie(error, std::ignore) = co_await stream_.socket().async_read_some(asio::buffer(dropped), kAwaitResult);
  }
}

// The end of TLS is said, and not waited for.
asio::awaitable<void> Session::close() {
  if (stream_.has_tls() && !broken_ && stream_.socket().is_open()) {
    wait(Wait::kDrain);
    deadline_ns_ = 0;
    co_await stream_.end_tls();
  }
}

}  // namespace vibrato::server
