// One I/O thread: its event loop, the sessions that live on it, and the sweep that ends what takes too long.
//
// Deadlines are not timers of each operation: a session notes when its wait must end, and every kSweepPeriod the
// worker cancels the waits that are over. So a request costs no timer.
// For the .cpp files of this folder only: Asio is a heavy header.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <utility>

#include "server/exchange.hpp"
#include "server/stream.hpp"

namespace vibrato::server {

class Session;

// What the workers of one server share. Outlives them.
struct ServerState {
  ServerState(HttpServerOptions server_options, api::RouteTable route_table, const Clock& server_clock,
              const Logger& server_logger)
      : options(std::move(server_options)),
        routes(std::move(route_table)),
        clock(server_clock),
        logger(server_logger),
        budget(options.body_bytes_in_flight_max),
        mismatches(server_clock, server_logger) {}

  HttpServerOptions options;
  api::RouteTable routes;
  const Clock& clock;
  const Logger& logger;
  BodyBudget budget;
  MismatchLog mismatches;
  CurrentTls tls;
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> cut_off{0};  // Sessions that stop() did not wait for.
};

class Worker {
 public:
  static constexpr std::chrono::milliseconds kSweepPeriod{50};

  Worker(ServerState& state, std::uint64_t request_id_seed);
  ~Worker();

  [[nodiscard]] boost::asio::io_context& loop() { return loop_; }
  [[nodiscard]] const ExchangeContext& exchange_context() const { return context_; }
  [[nodiscard]] ServerState& state() { return state_; }
  // Sessions alive and connections on their way here; may be called from any thread.
  [[nodiscard]] std::size_t load() const {
    return load_.load(std::memory_order_relaxed) + arriving_.load(std::memory_order_relaxed);
  }
  // Announces a connection that adopt() will get: it counts from now on, so that the next one goes elsewhere.
  void expect() { arriving_.fetch_add(1, std::memory_order_relaxed); }

  // Runs the loop on the calling thread until stop() was called and all sessions are gone.
  void run();

  // The following are for the worker's own thread.
  // Starts a session on an accepted socket of this loop. Requires: expect() was called for it.
  void adopt(Socket socket);
  // Ends idle sessions now, the others after their answer, all that are left at `deadline_ns` of the clock.
  void stop(std::int64_t deadline_ns);
  [[nodiscard]] bool stopping() const { return stopping_; }
  void add(Session& session);
  void remove(Session& session);

 private:
  void schedule_sweep();
  void sweep();
  // Lets the loop deliver what is in the box of late answers. May be called from any thread.
  void wake() noexcept;
  [[nodiscard]] bool finished() const { return stopping_ && sessions_.empty(); }

  ServerState& state_;
  RequestIds ids_;
  boost::asio::io_context loop_;
  std::shared_ptr<AnswerBox> answers_;
  ExchangeContext context_;
  boost::asio::steady_timer timer_;
  std::unordered_set<Session*> sessions_;
  std::atomic<std::size_t> load_{0};      // The size of sessions_, for other threads.
  std::atomic<std::size_t> arriving_{0};  // Expected and not yet adopted.
  bool stopping_ = false;
  std::int64_t stop_deadline_ns_ = 0;
};

}  // namespace vibrato::server
