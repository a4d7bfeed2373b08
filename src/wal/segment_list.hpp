// What cursors and the writer of a local log share: which segments are kept, how far each may be read, and whether
// damage was found. For LocalLog and its cursors.
// Invariant: of the newest segment only what is durable is shown.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"
#include "wal/recovery.hpp"

namespace vibrato::wal {

// Thread-safety: all methods may be called from many threads at once; locks are held for a copy only.
class SegmentList {
 public:
  SegmentList(io::FileSystem& fs, std::string folder, std::vector<Segment> segments);

  // How far the segment may be read, or where to go instead.
  struct Look {
    std::optional<Segment> segment;  // The one asked for; nothing when it was trimmed.
    std::optional<Segment> next;     // The oldest one kept above it.
  };
  [[nodiscard]] Look look(Lsn first_lsn) const;

  // The segment in which to look for the first record at or above `lsn`; nothing in a log without segments.
  // Errors: kGone when a record at or above `lsn` was trimmed.
  [[nodiscard]] Result<std::optional<Segment>> find(Lsn lsn) const;

  [[nodiscard]] std::vector<Segment> all() const;

  void set_newest_end(const SegmentPosition& durable_end);
  void add(const Segment& segment);
  // Requires: more than one segment.
  void remove_oldest();

  // Damage that a cursor met: the log takes no more appends.
  void report_damage(const Status& damage);
  [[nodiscard]] Status damage() const;

  [[nodiscard]] io::FileSystem& fs() const { return fs_; }
  [[nodiscard]] std::string path_of(Lsn first_lsn) const;

 private:
  io::FileSystem& fs_;
  const std::string folder_;
  mutable std::mutex mutex_;  // Guards the members below.
  std::vector<Segment> segments_;
  Status damage_;
};

}  // namespace vibrato::wal
