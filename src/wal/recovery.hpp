// Finds out what a log folder holds, without changing anything: which segments, where the log ends, whether what
// follows the end is a torn tail or damage. LocalLog acts on the answer; `wal-dump` only looks.
//
// The rules, in the order they are applied:
//   1. A segment newer than the one that the state file names was never appended to (the state file is replaced before
//      the first append): it is the remains of a rotation, and holds nothing. One that no rotation of this log can
//      have made (it was closed; LSNs out of reach of the state file's mark; another store's header) is damage.
//   2. Headers chain: each names the segment before it, its end in bytes and its last LSN. A missing segment, a header
//      that does not read, or a file that is not as long as the next header says is damage.
//   3. Frames of all but the newest segment were durable before the next segment was made: an invalid one is damage.
//   4. In the newest segment of a log that was closed, all frames up to the end in the state file are valid, and
//      nothing follows. Anything else is damage.
//   5. In the newest segment of a log that was not closed, the first invalid frame is damage if any valid sync group
//      behind it names a durable end past the last whole group before it. Otherwise nothing from there on was ever
//      synced, so nothing was acknowledged: a torn tail.
// Damage ends the log where the last whole group before it ends: the exact prefix.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "format/log_layout.hpp"
#include "io/file_system.hpp"
#include "wal/segment_reader.hpp"

namespace vibrato::wal {

// One segment. `end` is the end of its last whole group.
struct Segment {
  format::LogSegmentHeader header;
  SegmentPosition end;
};

struct Examination {
  std::optional<format::LogState> state;
  std::vector<Segment> segments;  // Oldest first; up to the damage, if there is any.
  // Of the newest segment: the size of its file, and up to where its sync groups prove that it is durable.
  std::uint64_t newest_file_bytes = 0;
  std::uint64_t newest_durable_end = 0;
  std::optional<Lsn> unused_segment;  // Rule 1.
  Status torn;    // Why the newest segment ends where it does, when bytes follow that are not zeros; ok otherwise.
  Status damage;  // kCorruption with file, offset, expected and found; ok otherwise.
};

// Whether `folder` holds a state file or a segment of a log. Errors: kIoError.
[[nodiscard]] Result<bool> has_log(io::FileSystem& fs, const std::string& folder);

// Frames of segments whose records all lie below `check_from` are not read: whoever reads them later checks them. The
// newest segment is always read.
// Errors: kNotFound without the folder, kIoError, kInvalidArgument for a version that this build does not know.
// Damage is no error.
[[nodiscard]] Result<Examination> examine(io::FileSystem& fs, const std::string& folder, Lsn check_from);

}  // namespace vibrato::wal
