#include "wal/local_cursor.hpp"

#include <fmt/format.h>
#include <utility>

namespace vibrato::wal {

Result<std::optional<StoredRecord>> LocalCursor::next() {
  VIBRATO_RETURN_IF_ERROR(failed_);
  auto record = read_on();
  if (!record.ok()) {
    failed_ = record.status();
    if (failed_.code() == ErrorCode::kCorruption) {
      list_.report_damage(failed_);
    }
  }
  return record;
}

Result<std::optional<StoredRecord>> LocalCursor::read_on() {
  for (;;) {
    if (reader_.has_value()) {
      VIBRATO_ASSIGN_OR_RETURN(const auto frame, reader_->next());
      if (frame.has_value()) {
        if (frame->kind == format::LogFrameKind::kSyncGroup || frame->lsn < next_lsn_) {
          continue;
        }
        next_lsn_ = frame->lsn.next();
        return std::optional(StoredRecord{frame->lsn, frame->time_ms, frame->collection, frame->type,
                                          frame->last_of_group, frame->body});
      }
    }
    VIBRATO_ASSIGN_OR_RETURN(const bool moved, move_on());
    if (!moved) {
      return std::optional<StoredRecord>();
    }
  }
}

Result<bool> LocalCursor::move_on() {
  if (!reader_.has_value()) {
    return enter();
  }
  const SegmentList::Look look = list_.look(segment_first_lsn_);
  if (!look.segment.has_value()) {
    return enter();  // Trimmed meanwhile: fine when all of it was read, else a gap.
  }
  if (look.segment->end.offset > reader_->offset()) {
    reader_->raise_limit(look.segment->end.offset);
    return true;
  }
  if (!look.next.has_value()) {
    return false;
  }
  VIBRATO_RETURN_IF_ERROR(check_end(*look.segment));
  VIBRATO_RETURN_IF_ERROR(enter(*look.next));
  return true;
}

Status LocalCursor::check_end(const Segment& segment) const {
  const SegmentPosition& found = reader_->group_end();
  if (found == segment.end) {
    return ok_status();
  }
  return corruption(
      fmt::format("{}: end: expected offset {}, LSN {}, chain {:#010x}, found offset {}, LSN {}, chain "
                  "{:#010x}",
                  file_->path(), segment.end.offset, segment.end.last_lsn.value(), segment.end.chain, found.offset,
                  found.last_lsn.value(), found.chain));
}

Result<bool> LocalCursor::enter() {
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<Segment> segment, list_.find(next_lsn_));
  if (!segment.has_value()) {
    return false;
  }
  VIBRATO_RETURN_IF_ERROR(enter(*segment));
  return true;
}

Status LocalCursor::enter(const Segment& segment) {
  auto file = list_.fs().open(list_.path_of(segment.header.first_lsn), io::OpenMode::kReadOnly);
  if (!file.ok() && file.status().code() == ErrorCode::kNotFound) {
    return {ErrorCode::kGone, fmt::format("LSN {} was trimmed from the log meanwhile", next_lsn_.value())};
  }
  VIBRATO_RETURN_IF_ERROR(file.status());
  reader_.reset();
  file_ = std::move(*file);
  segment_first_lsn_ = segment.header.first_lsn;
  reader_.emplace(*file_, segment.header, segment.end.offset);
  return ok_status();
}

}  // namespace vibrato::wal
