#include "server/session.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <string>
#include <tuple>
#include <utility>

namespace vibrato::server {
namespace {

namespace asio = boost::asio;
using ErrorCodeAsio = boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::int64_t kNsPerMs = 1'000'000;

// What a client sends after an early error is read into this and dropped.
constexpr std::size_t kDrainBytes = 16 * limits::kKiB;

std::array<asio::const_buffer, 2> to_buffers(const std::array<std::string_view, 2>& pieces, std::size_t skip) {
  std::array<asio::const_buffer, 2> buffers;
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
      socket_(std::move(socket)),
      answer_timer_(worker.loop()),
      exchange_(worker.exchange_context(), *this) {
  refused_ = worker_.state().connections.fetch_add(1) >= worker_.state().options.connections_max;
  ErrorCodeAsio error;
  if (const auto peer = socket_.remote_endpoint(error); !error) {
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
  const bool over = wait_ != Wait::kNone && now_ns >= deadline_ns_;
  // A request whose first bytes are in the socket has begun, though nobody has read them.
  if (over || (stopping && wait_ == Wait::kIdle && socket_.available(ignored) == 0)) {
    expired_ = true;
    socket_.cancel(ignored);
    answer_timer_.cancel(ignored);
  }
}

void Session::cut_off() {
  if (socket_.is_open()) {
    worker_.state().cut_off.fetch_add(1);
    ErrorCodeAsio ignored;
    socket_.close(ignored);
    answer_timer_.cancel(ignored);
  }
}

void Session::answer_arrived() {
  answered_ = true;
  ErrorCodeAsio ignored;
  answer_timer_.cancel(ignored);
}

void Session::wait(Wait wait) {
  const bool same_request = wait == Wait::kRequest && wait_ == Wait::kRequest;
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
  if (wait == Wait::kIdle) {
    timeout_ms = options.keep_alive_idle_ms;
  } else if (wait == Wait::kDrain) {
    timeout_ms = options.drain_timeout_ms;
  }
  deadline_ns_ = worker_.state().clock.monotonic_ns() + std::int64_t{timeout_ms} * kNsPerMs;
}

asio::awaitable<void> Session::run() {
  ErrorCodeAsio error;
  socket_.non_blocking(true, error);
  socket_.set_option(asio::ip::tcp::no_delay(true), error);
  if (worker_.stopping()) {
    exchange_.stop_after_answer();
  }
  Step step = refused_ ? exchange_.refuse({ErrorCode::kOverloaded, "too many connections; try again"}) : Step::kRead;
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
        co_return;
    }
  }
}

asio::awaitable<Session::Step> Session::read() {
  wait(exchange_.idle() ? Wait::kIdle : Wait::kRequest);
  const std::span<char> space = exchange_.input_space();
  const auto [error, count] = co_await socket_.async_read_some(asio::buffer(space.data(), space.size()), kAwait);
  if (error) {
    co_return read_failed(error == asio::error::eof);
  }
  const Step step = exchange_.received(count);
  // A client that sends so fast that no read has to wait leaves the sweep nothing to cancel.
  const bool over = step == Step::kRead && wait_ == Wait::kRequest && expired_;
  co_return over ? exchange_.timed_out() : step;
}

Session::Step Session::read_failed(bool ended) {
  if (ended) {
    return exchange_.end_of_input();
  }
  return expired_ ? exchange_.timed_out() : Step::kClose;
}

std::size_t Session::write_now(bool& failed) {
  ErrorCodeAsio error;
  const std::size_t count = socket_.write_some(to_buffers(exchange_.output(), 0), error);
  failed = error && error != asio::error::would_block && error != asio::error::try_again;
  return failed ? 0 : count;
}

asio::awaitable<Session::Step> Session::write() {
  bool failed = false;
  const std::size_t sent = write_now(failed);
  if (failed) {
    co_return Step::kClose;
  }
  const auto output = exchange_.output();
  if (sent < output[0].size() + output[1].size()) {
    wait(Wait::kWrite);
    const auto [error, count] = co_await asio::async_write(socket_, to_buffers(output, sent), kAwait);
    if (error) {
      co_return Step::kClose;
    }
  }
  wait_ = Wait::kNone;
  co_return exchange_.written();
}

// Answers and deadlines come on this thread, so none can slip in between the look and the wait.
asio::awaitable<Session::Step> Session::await_answer() {
  wait(Wait::kAnswer);
  answered_ = false;
  answer_timer_.expires_at(Timer::time_point::max());
  co_await answer_timer_.async_wait(kAwait);
  wait_ = Wait::kNone;
  if (!socket_.is_open()) {
    co_return Step::kClose;
  }
  co_return answered_ ? exchange_.answer_arrived() : exchange_.timed_out();
}

asio::awaitable<void> Session::drain() {
  ErrorCodeAsio error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) {
    co_return;
  }
  wait(Wait::kDrain);
  std::string dropped(kDrainBytes, '\0');
  while (!error && !expired_) {
    std::tie(error, std::ignore) = co_await socket_.async_read_some(asio::buffer(dropped), kAwait);
  }
}

}  // namespace vibrato::server
