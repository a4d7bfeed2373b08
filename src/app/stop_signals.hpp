// SIGTERM and SIGINT as something a command can wait for. Until it is made, they end the process as usual (so that a
// long preparation can be interrupted); from then on they only wake wait().
#pragma once

#include <vibrato/result.hpp>

namespace vibrato::app {

// At most one at a time in a process. The destructor brings the old handling back.
class StopSignals {
 public:
  [[nodiscard]] static Result<StopSignals> install();
  ~StopSignals();
  StopSignals(StopSignals&& other) noexcept;
  StopSignals& operator=(StopSignals&&) = delete;

  // Returns when one of them has come since install(); at once if it already has.
  void wait();
  // Whether one has come, without waiting.
  [[nodiscard]] bool arrived() const;

 private:
  explicit StopSignals(int read_end) : read_end_(read_end) {}

  int read_end_;  // Of the pipe that the handler writes to; -1 after a move.
};

}  // namespace vibrato::app
