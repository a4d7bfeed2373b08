// Which records the log may drop. Pure: the caller brings sizes and time, and passes the answer to Log::trim.
#pragma once

#include <cstdint>
#include <span>

#include "base/ids.hpp"

namespace vibrato::wal {

// A segment of the log, oldest first in lists.
struct SegmentInfo {
  Lsn first_lsn;
  Lsn last_lsn;  // Of its last record; below first_lsn while it has none.
  std::int64_t last_time_ms = 0;
  std::uint64_t bytes = 0;
};

struct Retention {
  std::uint64_t retain_bytes = 0;  // Older segments may go once newer ones are that large together.
  std::int64_t retain_ms = 0;      // Segments may go once their last record is older.
};

// The largest LSN that may be trimmed: the last one of the newest segment of which all records are covered (are
// durable elsewhere, up to `covered_lsn`) and that is past either bound, as are all before it. 0 for nothing.
// The newest segment always stays.
[[nodiscard]] Lsn trimmable_lsn(std::span<const SegmentInfo> segments, const Retention& retention, Lsn covered_lsn,
                                std::int64_t now_ms);

}  // namespace vibrato::wal
