// Copies a part of a log into another folder, as a log that was closed at a chosen record: what a snapshot carries, and
// what a replay to an earlier moment begins with. Sources are folders that nobody appends to, or of which only records
// that are durable are asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "io/file_system.hpp"

namespace vibrato::wal {

struct LogCopyRequest {
  std::vector<std::string> sources;  // Folders of one log; of a segment that several have, the first one's is taken.
  std::string target;                // A folder that is there and empty.
  Lsn after;                         // Records above it must be in the copy.
  Lsn up_to;       // No record above it is, but for closing_type. At most the last record of the sources, unless 0.
  Lsn high_water;  // LSNs up to it were given out; the copy goes on above. At least `up_to`.
  // Records of this type end groups and belong to what is in front of them: where only such are left of the group that
  // `up_to` is in, they are taken too, although they are above it.
  std::optional<std::uint16_t> closing_type;
  bool may_link = true;  // False when somebody else could change the sources' files later.
};

struct LogCopyReport {
  Lsn last_lsn;  // Of the last whole group at or below `up_to`: where the copy ends.
  std::uint64_t bytes = 0;
  std::vector<std::string> files;  // Names in `target`, the state file included.
};

// Segments that are taken whole are hard-linked where the file system can (they never change any more), the one that
// holds `up_to` is copied up to there. All is durable when it answers ok, but for the folder's name in its parent.
// Errors: kGone when the sources do not reach from `after` to `up_to`, naming the record that is missed; kCorruption;
// kIoError; kDiskFull.
[[nodiscard]] Result<LogCopyReport> copy_log(io::FileSystem& fs, const LogCopyRequest& request);

// Whether the log in `folder` goes on where the copy in `copy` ends: it holds that end, byte for byte, or begins right
// behind it. A log that was taken back to before that end, and went on from there, does not. Reads one segment.
// Errors: kCorruption, kInvalidArgument, kIoError, of either; kNotFound for a copy without a state file.
[[nodiscard]] Result<bool> goes_on_from(io::FileSystem& fs, const std::string& folder, const std::string& copy);

// The records that a log folder holds: (after, last]; `after` is the end of what was trimmed. Of a damaged log they end
// where the last whole group before the damage does.
struct LogExtent {
  Lsn after;
  Lsn last;
  Lsn high_water;
};
// Reads all of the log. Errors: as examine(); kNotFound without a log.
[[nodiscard]] Result<LogExtent> log_extent(io::FileSystem& fs, const std::string& folder);

}  // namespace vibrato::wal
