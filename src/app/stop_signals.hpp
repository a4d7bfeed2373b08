// SIGTERM and SIGINT as something a command can wait for. Until it is made, they end the process as usual (so that a
// long preparation can be interrupted); from then on they only wake wait(). SIGHUP likewise for a command that asks
// for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <vibrato/result.hpp>

namespace vibrato::app {

// At most one at a time in a process. The destructor brings the old handling back.
class StopSignals {
 public:
  enum class Hangup : std::uint8_t { kAsUsual, kReload };

  [[nodiscard]] static Result<StopSignals> install(Hangup hangup = Hangup::kAsUsual);
  ~StopSignals();
  StopSignals(StopSignals&& other) noexcept;
  StopSignals& operator=(StopSignals&&) = delete;

  // Returns when one of them has come since install(); at once if it already has.
  void wait();
  enum class Event : std::uint8_t { kStop, kReload, kTimeout };
  // What has come first since install() or the last call, waiting at most so long. A stop stays: it comes again.
  [[nodiscard]] Event wait_for(std::chrono::milliseconds timeout);
  // Wakes a waiter as a stop signal does. May be called from any thread.
  static void stop_now();
  // Whether a stop has come, without waiting.
  [[nodiscard]] bool arrived() const;

 private:
  explicit StopSignals(int read_end) : read_end_(read_end) {}

  int read_end_;  // Of the pipe that the handler writes to; -1 after a move.
  bool takes_hangup_ = false;
};

}  // namespace vibrato::app
