// The events of one stream as they are read from the log, a bounded piece at a time, from its position on.
//
// A stream begins behind an offset that its client names. If the log does not have that record, though it has later
// ones, the client saw a history that was taken back (a replay to an earlier LSN): that is a gap, as is what was
// trimmed. Both are told once, before the next event:
//   - trimmed: from the offset behind the position to the one in front of the oldest record that is kept;
//   - taken back: from the offset that the client named to the one in front of the next record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vibrato/result.hpp>

#include "events/event_filter.hpp"
#include "events/event_frame.hpp"
#include "wal/log.hpp"

namespace vibrato::events {

// Where a stream is. Invariant: once it is checked, `after` is 0, the LSN of a record, or in front of the oldest one.
struct StreamPosition {
  Lsn after;                // Everything up to here was sent, or is not for it.
  bool is_checked = false;  // Whether it is known that the log has, or had, this record.
};

// Not thread-safe. Holds one file of the log open.
class LogReplay {
 public:
  // `log` and `name` outlive it.
  LogReplay(wal::Log& log, const CollectionName& name, StreamPosition position)
      : log_(log), name_(name), position_(position) {}

  struct Piece {
    std::string text;
    std::uint64_t events = 0;
    std::uint64_t gaps = 0;
    bool is_at_end = false;  // There is nothing more up to the LSN asked for, or the position has reached `stop_at`.
  };
  // What follows the position, up to `visible`, until the text has `bytes_max` bytes or much was read; the position
  // moves on. Stops early once the position is at or above `stop_at`.
  // Errors: kCorruption, kIoError; the stream cannot go on.
  [[nodiscard]] Result<Piece> read(const EventFilter& filter, Lsn visible, Lsn stop_at, std::size_t bytes_max);

  [[nodiscard]] const StreamPosition& position() const { return position_; }

 private:
  [[nodiscard]] Status fill(const EventFilter& filter, Lsn visible, Lsn stop_at, std::size_t bytes_max, Piece& piece);
  // The next record, peeked at: nothing if there is none up to `visible`. Adds gaps to `piece` on the way.
  [[nodiscard]] Result<bool> look(Lsn visible, Piece& piece);
  [[nodiscard]] Result<bool> look_once(Lsn visible, Piece& piece);
  [[nodiscard]] Result<bool> check(Lsn visible, Piece& piece);
  [[nodiscard]] Status pass_gap(Piece& piece);
  void add_gap(Lsn from, Lsn to, Piece& piece);

  wal::Log& log_;
  const CollectionName& name_;
  StreamPosition position_;
  std::unique_ptr<wal::LogCursor> cursor_;
  std::optional<wal::StoredRecord> next_;  // Read and not used yet.
};

}  // namespace vibrato::events
