#include "server/worker.hpp"

#include <boost/asio/post.hpp>
#include <exception>
#include <utility>
#include <vector>

#include "server/session.hpp"

namespace vibrato::server {

Worker::Worker(ServerState& state, std::uint64_t request_id_seed)
    : state_(state),
      ids_(request_id_seed),
      loop_(1),
      answers_(std::make_shared<AnswerBox>([this] { wake(); })),
      context_{state.options, state.routes, state.clock, state.logger, state.budget, ids_, answers_, state.mismatches},
      timer_(loop_) {}

// Handlers may still answer after this: their answers lead nowhere.
Worker::~Worker() {
  answers_->close();
}

void Worker::wake() noexcept {
  try {
    boost::asio::post(loop_, [this] { answers_->deliver(); });
  } catch (const std::exception&) {
    // No memory for it: the next sweep delivers.
  }
}

void Worker::run() {
  schedule_sweep();
  for (;;) {
    try {
      loop_.run();
      return;
    } catch (const std::exception& error) {
      state_.logger.error("an I/O thread caught: {}", error.what());
    }
  }
}

void Worker::adopt(Socket socket) {
  arriving_.fetch_sub(1, std::memory_order_relaxed);
  Session::start(*this, std::move(socket));
}

void Worker::add(Session& session) {
  sessions_.insert(&session);
  load_.store(sessions_.size(), std::memory_order_relaxed);
}

void Worker::remove(Session& session) {
  sessions_.erase(&session);
  load_.store(sessions_.size(), std::memory_order_relaxed);
  if (finished()) {
    timer_.cancel();
  }
}

void Worker::stop(std::int64_t deadline_ns) {
  stopping_ = true;
  stop_deadline_ns_ = deadline_ns;
  sweep();
  if (finished()) {
    timer_.cancel();
  }
}

void Worker::schedule_sweep() {
  timer_.expires_after(kSweepPeriod);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || finished()) {
      return;
    }
    sweep();
    schedule_sweep();
  });
}

void Worker::sweep() {
  answers_->deliver();
  const std::int64_t now_ns = state_.clock.monotonic_ns();
  const bool cut_off = stopping_ && now_ns >= stop_deadline_ns_;
  for (Session* session : sessions_) {
    if (cut_off) {
      session->cut_off();
    } else {
      session->check(now_ns, stopping_);
    }
  }
}

}  // namespace vibrato::server
