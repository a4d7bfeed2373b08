#include "server/http_server.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>
#include <vibrato/check.hpp>

#include "base/random.hpp"
#include "server/worker.hpp"

namespace vibrato::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kAwaitAccept = asio::as_tuple(asio::use_awaitable);

// After a failed accept (no file descriptors left): others may close some meanwhile.
constexpr std::chrono::milliseconds kAcceptPause{50};

Result<tcp::endpoint> parse_endpoint(const HttpServerOptions& options) {
  boost::system::error_code error;
  const std::string host = options.host == "localhost" ? "127.0.0.1" : options.host;
  const auto address = asio::ip::make_address(host, error);
  if (error) {
    return invalid_argument("host '" + options.host + "' is not an IP address");
  }
  return tcp::endpoint(address, options.port);
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpServerOptions options, api::RouteTable routes, const Clock& clock, const Logger& logger)
      : state_(std::move(options), std::move(routes), clock, logger) {
    const std::uint32_t machine = std::max(1U, std::thread::hardware_concurrency());
    const std::uint32_t threads = state_.options.threads == 0 ? machine : state_.options.threads;
    Random seeds(state_.options.request_id_seed);
    for (std::uint32_t i = 0; i < threads; ++i) {
      workers_.push_back(std::make_unique<Worker>(state_, seeds.next_u64()));
    }
    acceptor_.emplace(workers_.front()->loop());
  }

  Status listen() {
    if (state_.options.tls.has_value()) {
      VIBRATO_ASSIGN_OR_RETURN(TlsContextPtr tls, make_server_tls(*state_.options.tls));
      state_.tls.set(std::move(tls));
      state_.options.tls->private_key_pem.clear();
    }
    VIBRATO_ASSIGN_OR_RETURN(const tcp::endpoint endpoint, parse_endpoint(state_.options));
    boost::system::error_code error;
    acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return io_error("cannot listen on " + state_.options.host + ":" + std::to_string(state_.options.port) + ": " +
                      error.message());
    }
    port_ = acceptor_->local_endpoint(error).port();
    return ok_status();
  }

  void run() {
    asio::co_spawn(workers_.front()->loop(), accept(), asio::detached);
    for (const auto& worker : workers_) {
      threads_.emplace_back([&worker = *worker] { worker.run(); });
    }
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

  Status change_tls_identity(const TlsIdentity& identity) {
    if (state_.tls.get() == nullptr) {
      return invalid_argument("this server does not speak TLS");
    }
    VIBRATO_ASSIGN_OR_RETURN(TlsContextPtr tls, make_server_tls(identity));
    state_.tls.set(std::move(tls));
    return ok_status();
  }

  bool stop() {
    const std::lock_guard lock(stop_mutex_);
    if (!threads_.empty()) {
      close_acceptor();
      const std::int64_t deadline_ns =
          state_.clock.monotonic_ns() + std::int64_t{state_.options.stop_timeout_ms} * 1'000'000;
      for (const auto& worker : workers_) {
        asio::post(worker->loop(), [&worker = *worker, deadline_ns] { worker.stop(deadline_ns); });
      }
      for (std::thread& thread : threads_) {
        thread.join();
      }
      threads_.clear();
    }
    return state_.cut_off.load() == 0;
  }

 private:
  // Hands every connection to the worker with the fewest.
  asio::awaitable<void> accept() {
    asio::steady_timer pause(workers_.front()->loop());
    while (acceptor_->is_open()) {
      Worker& worker = **std::min_element(workers_.begin(), workers_.end(),
                                          [](const auto& a, const auto& b) { return a->load() < b->load(); });
      auto [error, socket] = co_await acceptor_->async_accept(worker.loop(), kAwaitAccept);
      if (!error) {
        worker.expect();
        asio::post(worker.loop(),
                   [&worker, accepted = std::move(socket)]() mutable { worker.adopt(std::move(accepted)); });
      } else if (acceptor_->is_open()) {
        state_.logger.warning("cannot accept a connection: {}", error.message());
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(kAwaitAccept);
      }
    }
  }

  // Returns when no connection will be handed out any more: what was, is in its worker's queue before its stop.
  void close_acceptor() {
    std::promise<void> closed;
    asio::post(workers_.front()->loop(), [&] {
      boost::system::error_code ignored;
      acceptor_->close(ignored);
      closed.set_value();
    });
    closed.get_future().wait();
  }

  ServerState state_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<tcp::acceptor> acceptor_;
  std::uint16_t port_ = 0;
  std::mutex stop_mutex_;
  std::vector<std::thread> threads_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  bool stopped = false;
  try {
    impl_->stop();
    stopped = true;
  } catch (...) {
    // A thread cannot be joined: nothing sane can follow.
  }
  VIBRATO_CHECK(stopped);
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, api::RouteTable routes,
                                                      const Clock& clock, const Logger& logger) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(routes), clock, logger);
  VIBRATO_RETURN_IF_ERROR(impl->listen());
  impl->run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const {
  return impl_->port();
}

Status HttpServer::change_tls_identity(const TlsIdentity& identity) {
  return impl_->change_tls_identity(identity);
}

bool HttpServer::stop() {
  return impl_->stop();
}

}  // namespace vibrato::server
