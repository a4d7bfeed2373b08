// How far a long command is, on stderr: a bar that redraws itself on a terminal, plain lines into a pipe, or nothing.
// Redraws are limited by time, so update() may be called for every row.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <mutex>
#include <string>

#include "base/clock.hpp"

namespace vibrato::app {

enum class ProgressMode : std::uint8_t {
  kOff,
  kLines,  // A line every few seconds, without control characters.
  kBar,    // One line, redrawn in place.
};

// A bar on a terminal; elsewhere lines if they were asked for (--progress), else nothing.
[[nodiscard]] ProgressMode progress_mode(bool is_terminal, bool requested);

// Thread-safety: update() may be called from many threads at once.
class ProgressBar {
 public:
  // `label` is the activity ("building"), `unit` what is counted ("rows"). `err` and `clock` outlive the bar.
  ProgressBar(std::ostream& err, const Clock& clock, ProgressMode mode, std::string label, std::string unit);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `done` of `total` units; total 0 means that it is not known.
  void update(std::uint64_t done, std::uint64_t total);
  // Where the total is not known but the share that is done is, for instance of the input's bytes.
  void update_share(std::uint64_t done, double share);
  // The last line: what was done, how long it took, how fast.
  void finish(std::uint64_t done);
  // Ends a drawn line, so that an error message that follows starts on its own. The destructor does so too.
  void interrupt();

 private:
  void draw(std::uint64_t done, std::uint64_t total, double share);
  [[nodiscard]] std::string describe(std::uint64_t done, std::uint64_t total, double share, double seconds) const;
  [[nodiscard]] double elapsed_seconds() const;

  std::ostream& err_;
  const Clock& clock_;
  const ProgressMode mode_;
  const std::string label_;
  const std::string unit_;
  const std::int64_t start_ns_;
  std::mutex mutex_;  // Guards what follows and the writes to err_.
  std::int64_t next_draw_ns_;
  bool line_is_open_ = false;
};

}  // namespace vibrato::app
