// Reads the frames of one segment forward and checks all that can be checked: checksums, and the order of the frames.
// Recovery, cursors and `wal-dump` share it, so that they agree on what is valid.
//
// The order: a sync group stands only between groups; LSNs rise by one inside a sync group and do not fall between
// them; record times do not fall; a group ends by its flag.
// Invariant: memory is bounded by one buffer and the largest record, whatever lengths the file claims.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>
#include <vibrato/result.hpp>

#include "format/log_layout.hpp"
#include "io/file_system.hpp"

namespace vibrato::wal {

// The end of a whole group (or of the header) in a segment, and what an append behind it needs to know.
struct SegmentPosition {
  std::uint64_t offset = 0;
  Lsn last_lsn;  // Of the last record before it, in this or an earlier segment.
  std::int64_t last_time_ms = 0;
  std::uint32_t chain = 0;

  friend bool operator==(const SegmentPosition&, const SegmentPosition&) = default;
};

// The position behind the header.
[[nodiscard]] SegmentPosition start_of(const format::LogSegmentHeader& header);

// Reads and checks the header at the start of the file, and that it is the one of `first_lsn`, the name's.
[[nodiscard]] Result<format::LogSegmentHeader> read_segment_header(const io::File& file, Lsn first_lsn);

// Thread-safety: one thread at a time. `file` outlives it.
class SegmentReader {
 public:
  // Reads the frames behind the header, up to offset `limit`, which may be raised later.
  SegmentReader(const io::File& file, const format::LogSegmentHeader& header, std::uint64_t limit);

  // The next frame; nothing at the limit. Its body stays valid until the next call.
  // Errors: kCorruption for bytes that are no valid next frame, with file, offset, expected and found, also when the
  // file ends inside a frame; kIoError. After an error offset() is where the frame should have begun.
  [[nodiscard]] Result<std::optional<format::LogFrame>> next();

  // Requires: limit >= offset().
  void raise_limit(std::uint64_t limit);

  // Behind the last frame read.
  [[nodiscard]] std::uint64_t offset() const { return at_.offset; }
  // The end of the last whole group read.
  [[nodiscard]] const SegmentPosition& group_end() const { return group_end_; }
  // The largest durable end that a sync group named: what is before was synced.
  [[nodiscard]] std::uint64_t durable_end() const { return durable_end_; }

 private:
  // Makes [offset(), offset() + count) available in the buffer, as far as the file has it.
  [[nodiscard]] Status fill(std::uint64_t count);
  [[nodiscard]] std::span<const std::byte> buffered() const;
  [[nodiscard]] Status check_order(const format::LogFrame& frame) const;
  void advance(const format::LogFrame& frame, std::uint64_t frame_bytes);

  const io::File& file_;
  std::uint32_t salt_;
  std::uint64_t limit_;
  SegmentPosition at_;
  SegmentPosition group_end_;
  std::uint64_t durable_end_;
  bool in_sync_group_ = false;  // A sync group was read, and at least its own frame.
  bool in_group_ = false;       // A record was read, and its group's last was not.
  Lsn sync_group_lsn_;          // What the first record behind a sync group must have; 0 afterwards.
  std::vector<std::byte> buffer_;
  std::uint64_t buffer_offset_ = 0;  // Where buffer_ starts in the file.
};

}  // namespace vibrato::wal
