// The newest segment of the log: appends, zeros written ahead, cutting back, syncing. For LocalLog only, which decides
// what an error means.
//
// Zeros are written ahead of the end so that the sync of an append has no new size and no new blocks to record: on
// ext4 that is a third of its time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vibrato/result.hpp>

#include "format/log_layout.hpp"
#include "io/file_system.hpp"
#include "wal/segment_reader.hpp"

namespace vibrato::wal {

// Thread-safety: one thread at a time.
class SegmentWriter {
 public:
  // Creates the file, or empties what a rotation that failed left, and writes the header. Nothing is durable yet.
  [[nodiscard]] static Result<std::unique_ptr<SegmentWriter>> create(io::FileSystem& fs, const std::string& path,
                                                                     const format::LogSegmentHeader& header);
  // Opens a segment that ends at `end`. Call cut_and_rewrite() unless the file is known to end there.
  [[nodiscard]] static Result<std::unique_ptr<SegmentWriter>> open(io::FileSystem& fs, const std::string& path,
                                                                   const format::LogSegmentHeader& header,
                                                                   const SegmentPosition& end);

  // Writes `frames` at the end, which then is `new_end`. After an error the end is what it was, and the bytes behind
  // it are unknown: cut_back() before anything else.
  [[nodiscard]] Status append(std::span<const std::byte> frames, const SegmentPosition& new_end);

  // Ends the file at end() and makes that durable, with all before it.
  [[nodiscard]] Status cut_back();

  // As cut_back(), after writing [from, end) once more as it is read. What a failed sync left is marked clean in the
  // page cache though no disk has it: reads show it, and a later sync would not write it.
  [[nodiscard]] Status cut_and_rewrite(std::uint64_t from);

  // Makes everything appended durable.
  [[nodiscard]] Status sync();

  // When at most `left_bytes` of zeros lie behind the end: writes zeros until `bytes` do, but none past `limit_bytes`
  // of the file. Answers whether it wrote. A full disk is no error: appends find out by themselves. After an error the
  // bytes behind the end are unknown, as after append().
  [[nodiscard]] Result<bool> write_zeros_ahead(std::uint64_t bytes, std::uint64_t left_bytes,
                                               std::uint64_t limit_bytes);

  [[nodiscard]] const format::LogSegmentHeader& header() const { return header_; }
  [[nodiscard]] const SegmentPosition& end() const { return end_; }
  [[nodiscard]] const SegmentPosition& durable_end() const { return durable_end_; }
  [[nodiscard]] std::uint32_t salt() const { return salt_; }
  [[nodiscard]] bool has_records() const { return end_.offset > format::kLogSegmentHeaderBytes; }

 private:
  SegmentWriter(std::unique_ptr<io::File> file, const format::LogSegmentHeader& header, const SegmentPosition& end);

  std::unique_ptr<io::File> file_;
  format::LogSegmentHeader header_;
  std::uint32_t salt_;
  SegmentPosition end_;
  SegmentPosition durable_end_;
  std::uint64_t written_end_;  // Zeros from the end to here; nothing but zeros behind.
};

}  // namespace vibrato::wal
