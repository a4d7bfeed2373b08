// The event log as the rest of the database sees it: append groups of records, sync, read from a position, trim.
// Nothing here says where the records are kept, so that a replicated log can take the place of the local one.
//
// Invariants that every implementation keeps:
//   - LSNs increase by one inside an append; between appends they may jump, never go back, and are never given twice,
//     also over crashes;
//   - a group is kept whole or not at all, and groups are kept in the order of their appends;
//   - what sync() answered ok for survives any crash; what it did not may be lost, from some group on to the end;
//   - cursors give durable records only, and every one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vibrato/result.hpp>

#include "base/ids.hpp"

namespace vibrato::wal {

// One mutation, without the LSN that the log gives it. What `type` and `body` mean is the models' business.
struct Record {
  std::uint16_t type = 0;
  CollectionNumber collection;
  std::int64_t time_ms = 0;  // Never below that of an earlier record.
  std::span<const std::byte> body;
};

// Records that are atomic together, in order. At least one.
using RecordGroup = std::span<const Record>;

struct LsnRange {
  Lsn first;
  Lsn last;

  friend bool operator==(const LsnRange&, const LsnRange&) = default;
};

// A record as it is read. `body` is borrowed from the cursor, until its next call.
struct StoredRecord {
  Lsn lsn;
  std::int64_t time_ms = 0;
  CollectionNumber collection;
  std::uint16_t type = 0;
  bool last_of_group = false;
  std::span<const std::byte> body;
};

// Reads forward. Thread-safety: one thread at a time; cursors run beside appends and syncs, and end before their log.
class LogCursor {
 public:
  virtual ~LogCursor() = default;
  // The next durable record; nothing when there is none yet: a later call may find one.
  // Errors, after which the cursor is done: kGone when the next record was trimmed meanwhile; kCorruption; kIoError.
  [[nodiscard]] virtual Result<std::optional<StoredRecord>> next() = 0;
};

// Where the log stands.
struct LogEnd {
  Lsn last_lsn;     // Of the last record appended; 0 before the first.
  Lsn next_lsn;     // What the next record gets.
  Lsn durable_lsn;  // Of the last record that is durable.
  std::int64_t last_time_ms = 0;
};

struct LogStats {
  std::uint64_t segment_count = 0;
  std::uint64_t bytes = 0;  // Of all segments, as far as they are written.
  Lsn oldest_lsn;           // No record below is kept.
  std::uint64_t appends = 0;
  std::uint64_t appended_records = 0;
  std::uint64_t appended_bytes = 0;
  std::uint64_t syncs = 0;
};

// Thread-safety: all methods may be called from many threads at once. Appends and syncs wait for each other, so one
// thread (the committer) should gather what many writers want and append it together.
class Log {
 public:
  virtual ~Log() = default;

  // Appends the groups, in order, and gives each record its LSN. Not durable before sync().
  // `expected_last_lsn` is end().last_lsn as the caller knows it; kConflict if another writer came between.
  // Errors: kInvalidArgument (an empty group, a time that goes back), kPayloadTooLarge, kDiskFull (nothing is
  // appended, the log goes on), kIoError (the same), kUnavailable and kCorruption (see health()). After an error none
  // of the groups is readable; after a failed sync inside, only the next opening knows what is left of them.
  [[nodiscard]] virtual Result<LsnRange> append(std::span<const RecordGroup> groups, Lsn expected_last_lsn) = 0;

  // Makes everything appended so far durable and returns the last durable LSN. The first failure stops the log for
  // good (see health()): nothing is known of what was appended since the last sync.
  [[nodiscard]] virtual Result<Lsn> sync() = 0;

  // A cursor whose first record is the first one at or above `lsn`.
  // Errors: kGone, naming the oldest kept LSN, when a record at or above `lsn` was trimmed.
  [[nodiscard]] virtual Result<std::unique_ptr<LogCursor>> read_from(Lsn lsn) = 0;

  // Allows the log to drop records up to and including `up_to`, as far as it can do so cheaply. Requires: whatever is
  // derived from them is durable elsewhere.
  [[nodiscard]] virtual Status trim(Lsn up_to) = 0;

  // Work that later appends would else wait for; to be called when there is nothing to commit.
  [[nodiscard]] virtual Status prepare() = 0;

  // Syncs and ends the log, so that the next opening finds it whole. Nothing can be appended afterwards.
  [[nodiscard]] virtual Status close() = 0;

  // ok while the log takes appends; otherwise why not, for good: kUnavailable after a failed sync or close(),
  // kCorruption when damage was found. Reading goes on in all cases, up to the damage.
  [[nodiscard]] virtual Status health() const = 0;

  [[nodiscard]] virtual LogEnd end() const = 0;
  [[nodiscard]] virtual LogStats stats() const = 0;
};

}  // namespace vibrato::wal
