// The newest events, made into frames once for all streams that are near the end of the log.
//
// Invariant while it is active: it holds every event above floor() and up to end(), in order, and nothing else. floor()
// and end() are LSNs of records. Past its bound the oldest events give way, and the floor rises.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>

#include "events/event_frame.hpp"

namespace vibrato::events {

// Thread-safety: one thread owns it; floor() and is_active() may be called from any thread.
class EventRing {
 public:
  using Frames = std::deque<EventFramePtr>;

  explicit EventRing(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  [[nodiscard]] bool is_active() const { return floor_.load() != kInactive; }
  // Lsn::max() while it is not active.
  [[nodiscard]] Lsn floor() const { return Lsn(floor_.load()); }
  [[nodiscard]] Lsn end() const { return end_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_.load(); }

  // Empty, from `lsn` on.
  void start(Lsn lsn);
  // Empty, and not active.
  void clear();
  // Requires: is_active(), and frame->lsn > end().
  void add(EventFramePtr frame);
  // All events up to `lsn` were added. Requires: is_active().
  void set_end(Lsn lsn) { end_ = lsn; }

  // The first event above `after`. Requires: after >= floor().
  [[nodiscard]] Frames::const_iterator above(Lsn after) const;
  [[nodiscard]] Frames::const_iterator last() const { return frames_.end(); }
  // Whether it knows that the log has this record: false may be wrong.
  [[nodiscard]] bool knows(Lsn lsn) const;

 private:
  static constexpr std::uint64_t kInactive = Lsn::max().value();

  const std::size_t bytes_max_;
  std::atomic<std::uint64_t> floor_{kInactive};
  std::atomic<std::size_t> bytes_{0};
  Lsn end_;
  Frames frames_;
};

}  // namespace vibrato::events
