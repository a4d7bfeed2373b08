// Reads the durable records of a local log forward, from segment to segment, while it is appended to and trimmed.
// Made by LocalLog::read_from. It holds one open file and one buffer.
#pragma once

#include <memory>
#include <optional>

#include "wal/log.hpp"
#include "wal/segment_list.hpp"
#include "wal/segment_reader.hpp"

namespace vibrato::wal {

class LocalCursor final : public LogCursor {
 public:
  // `list` outlives it.
  LocalCursor(SegmentList& list, Lsn from) : list_(list), next_lsn_(from) {}

  [[nodiscard]] Result<std::optional<StoredRecord>> next() override;

 private:
  [[nodiscard]] Result<std::optional<StoredRecord>> read_on();
  // At the end of what could be read: finds out whether there is more by now.
  [[nodiscard]] Result<bool> move_on();
  // Enters the segment that holds next_lsn_, if there is one.
  [[nodiscard]] Result<bool> enter();
  [[nodiscard]] Status enter(const Segment& segment);
  [[nodiscard]] Status check_end(const Segment& segment) const;

  SegmentList& list_;
  Lsn next_lsn_;  // Records below are skipped.
  Lsn segment_first_lsn_;
  std::unique_ptr<io::File> file_;
  std::optional<SegmentReader> reader_;  // Of file_.
  Status failed_;                        // The first error, which all later calls answer.
};

}  // namespace vibrato::wal
