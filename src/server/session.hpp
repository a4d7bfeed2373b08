// One connection from accept to close: a coroutine that moves bytes between the socket and its Exchange.
//
// Lives on its worker's thread alone. It waits in at most one operation at a time; the worker's sweep cancels that
// wait when its deadline has passed, and the coroutine finds out why it was woken.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "server/exchange.hpp"
#include "server/worker.hpp"

namespace vibrato::server {

class Session final : public std::enable_shared_from_this<Session>, private AnswerWaiter {
 public:
  // Runs a session on `worker`'s loop; it owns itself until it ends.
  static void start(Worker& worker, Socket socket);

  Session(Worker& worker, Socket socket);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Cancels the wait if its deadline is over, or if the server stops and no request has begun.
  void check(std::int64_t now_ns, bool stopping);
  // Closes the socket under the running operation.
  void cut_off();

 private:
  using Step = Exchange::Step;
  using Timer =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                        boost::asio::io_context::executor_type>;
  // What the session waits for.
  enum class Wait : std::uint8_t { kNone, kHandshake, kRefused, kIdle, kRequest, kStream, kAnswer, kWrite, kDrain };

  boost::asio::awaitable<void> run();
  // What comes first; nothing if the connection is of no use.
  boost::asio::awaitable<std::optional<Step>> open();
  [[nodiscard]] std::optional<Step> handshake_failed(const boost::system::error_code& error);
  boost::asio::awaitable<Step> read();
  boost::asio::awaitable<Step> write();
  boost::asio::awaitable<Step> await_answer();
  boost::asio::awaitable<void> drain();
  boost::asio::awaitable<void> close();
  // Whether a stop need not wait for what is awaited.
  [[nodiscard]] bool ends_by_itself(std::int64_t now_ns);
  // Whether an answer without an end is awaited, and its client is gone.
  [[nodiscard]] bool endless_client_left(std::int64_t now_ns);
  // Whether the client has ended its side of the connection, some of which nobody has read.
  [[nodiscard]] bool client_has_ended();
  [[nodiscard]] Step read_failed(bool ended);
  void answer_arrived() override;
  // Begins to wait. A request's deadline counts from its first byte, not from each wait; that of a refused one from
  // the first wait for it.
  void wait(Wait wait);

  Worker& worker_;
  Stream stream_;
  Timer answer_timer_;  // Never runs out: the wait for a late answer is ended by cancelling it.
  Exchange exchange_;
  bool answered_ = false;
  Wait wait_ = Wait::kNone;
  std::int64_t deadline_ns_ = 0;
  std::optional<std::int64_t> stop_seen_ns_;
  std::int64_t next_look_ns_ = 0;
  bool expired_ = false;
  bool client_left_ = false;  // Nobody is there to take the answer.
  bool broken_ = false;       // The connection failed, or its client ended it in disorder.
  bool refused_ = false;
};

}  // namespace vibrato::server
