// The local log, step by step, and the reason for the order of the steps.
//
// FILES. "state" and the segments "events-<first LSN>.log". Only the newest segment is appended to. It ends in zeros
// written ahead of time; all others are exactly as long as the header of the next one says.
//
// APPEND (one call, several groups, one write):
//   1. Past the segment's size: rotate (below). An append never spans two segments.
//   2. If the LSNs would pass the high-water mark of the state file, a higher one is made durable first. So no LSN is
//      given out that a crash could make the log forget, and give out again: after an unclean stop the log goes on
//      above the mark, and readers see a jump.
//   3. One sync group frame, naming `durable_end` (how far the segment was synced by now), then the records, in one
//      write at the end. The frame stands in front of what it covers and has a checksum of its own, so it can bear
//      witness even when all that follows it is lost; once an append costs 40 bytes, where in every record it would
//      cost 8 each and tell no more. A field of each group would do as well for one group an append; committing many
//      small groups at once is the point of group commit, and they share one sync.
//   4. A write that fails (disk full) is cut off again, and the cut is synced: else a power loss could bring back
//      whole groups whose writers were told that they failed. Then the log goes on.
//
// SYNC: one fdatasync. Afterwards, not before, cursors see the records. The first sync of any kind that fails stops
// the log for good: the kernel may have dropped what it could not write and marked it clean, so a second try would
// answer ok for bytes that are on no disk.
//
// ROTATE, each step a barrier for the next:
//   1. End the old segment's file at its last frame and sync it. Its size is now the proof that it is whole.
//   2. Create the new file -> header -> fdatasync -> fsync folder. The header repeats the old segment's end, last LSN
//      and running checksum, which makes it a durable end for all that came before.
//   3. Replace the state file, which names the newest segment. Not before 2: a named segment must exist. Before the
//      first append: so a segment that the state file does not name is empty, and may be removed whatever it holds.
//
// OPEN: examine() in recovery.hpp tells the end of the log, a torn tail from damage. Damage: nothing is changed, the
// log is readable up to there, and stays so until an operator acts. Otherwise:
//   1. Remove the segment that was never used; fsync folder.
//   2. After an unclean stop: write the records behind the last proven durable end once more, end the file there, and
//      sync. Their sync may have failed or never have run; what is read from the page cache now may be on no disk,
//      and after this answer it will be counted on.
//   3. Replace the state file: not clean, and a high-water mark above what is given out next. Only then appends.
//   A crash between any two of these finds the same again: the steps repeat.
//
// CLOSE: end the file at the last frame, sync, then a state file that says "clean" and where the end is. After that no
// byte of the log can be damaged without being noticed.
//
// TRIM: whole segments, oldest first, each unlinked and the folder synced before the next: at every moment what is
// left is a suffix of the log. A missing segment in the middle can so only be damage.
#include "wal/local_log.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "format/log_frame.hpp"
#include "format/log_segment_header.hpp"
#include "io/safe_path.hpp"
#include "wal/local_cursor.hpp"
#include "wal/segment_name.hpp"
#include "wal/state_file.hpp"

namespace vibrato::wal {

LocalLog::LocalLog(io::FileSystem& fs, std::string folder, const LocalLogOptions& options)
    : fs_(fs), folder_(std::move(folder)), options_(options) {}

Result<std::unique_ptr<LocalLog>> LocalLog::open(io::FileSystem& fs, std::string folder,
                                                 const LocalLogOptions& options) {
  VIBRATO_CHECK(options.lsn_reserve > 0);
  if (!options.read_only && fs.stat(folder).status().code() == ErrorCode::kNotFound) {
    VIBRATO_RETURN_IF_ERROR(fs.create_directory(folder));
  }
  if (!options.read_only) {
    // Also when the folder was there: its name may be from a start that crashed before this.
    VIBRATO_RETURN_IF_ERROR(fs.sync_directory(io::parent_of(folder)));
  }
  std::unique_ptr<LocalLog> log(new LocalLog(fs, std::move(folder), options));
  VIBRATO_ASSIGN_OR_RETURN(Examination found, examine(fs, log->folder_, options.check_from));
  VIBRATO_RETURN_IF_ERROR(log->start(std::move(found)));
  return log;
}

Status LocalLog::start(Examination found) {
  const std::lock_guard lock(mutex_);
  list_ = std::make_unique<SegmentList>(fs_, folder_, found.segments);
  report_.was_closed = found.state.has_value() && found.state->clean;
  report_.torn = found.torn;
  if (!found.segments.empty()) {
    const SegmentPosition& end = found.segments.back().end;
    read_only_end_ = {end.last_lsn, end.last_lsn.next(), end.last_lsn, end.last_time_ms};
  }
  if (!found.damage.ok()) {
    stopped_ = found.damage;
    return ok_status();
  }
  if (options_.read_only) {
    stopped_ = unavailable("the log in " + folder_ + " is open for reading only");
    return found.state.has_value() ? ok_status() : not_found("there is no log in " + folder_);
  }
  if (found.unused_segment.has_value()) {
    VIBRATO_RETURN_IF_ERROR(remove_unused(*found.unused_segment));
  }
  return found.segments.empty() ? start_new(found) : resume(found);
}

Status LocalLog::remove_unused(Lsn first_lsn) {
  VIBRATO_RETURN_IF_ERROR(fs_.remove_file(list_->path_of(first_lsn)));
  return fs_.sync_directory(folder_);
}

Status LocalLog::start_new(const Examination& found) {
  report_.created = true;
  format::LogState state;
  // A start that crashed half way keeps its id.
  state.store_id = found.state.has_value() ? found.state->store_id : options_.new_store_id;
  VIBRATO_RETURN_IF_ERROR(write_state(state));
  next_lsn_ = Lsn(1);
  format::LogSegmentHeader header;
  header.store_id = state.store_id;
  header.first_lsn = next_lsn_;
  return add_segment(header);
}

Status LocalLog::resume(const Examination& found) {
  const Segment& newest = found.segments.back();
  VIBRATO_ASSIGN_OR_RETURN(
      writer_, SegmentWriter::open(fs_, list_->path_of(newest.header.first_lsn), newest.header, newest.end));
  if (!report_.was_closed) {
    report_.cut_bytes = found.newest_file_bytes - newest.end.offset;
    VIBRATO_RETURN_IF_ERROR(writer_->cut_and_rewrite(found.newest_durable_end));
  }
  // A closed log left its exact mark, one that was not closed an upper bound.
  next_lsn_ = found.state->high_water.next();
  format::LogState state;
  state.store_id = found.state->store_id;
  state.newest_segment = newest.header.first_lsn;
  state.high_water = Lsn(next_lsn_.value() - 1 + options_.lsn_reserve);
  return write_state(state);
}

Result<LsnRange> LocalLog::append(std::span<const RecordGroup> groups, Lsn expected_last_lsn) {
  const std::lock_guard lock(mutex_);
  VIBRATO_RETURN_IF_ERROR(check_usable());
  if (expected_last_lsn != writer_->end().last_lsn) {
    return Status(ErrorCode::kConflict, fmt::format("the last LSN of the log is {}, not {}",
                                                    writer_->end().last_lsn.value(), expected_last_lsn.value()));
  }
  VIBRATO_RETURN_IF_ERROR(check_groups(groups));
  std::uint64_t records = 0;
  for (const RecordGroup group : groups) {
    records += group.size();
  }
  VIBRATO_RETURN_IF_ERROR(make_room(frame_bytes_of(groups), records));
  const SegmentPosition new_end = encode(groups);
  Status written = writer_->append(buffer_, new_end);
  if (written.ok()) {
    const LsnRange range = {next_lsn_, new_end.last_lsn};
    next_lsn_ = range.last.next();
    ++counters_.appends;
    counters_.appended_records += records;
    counters_.appended_bytes += buffer_.size();
    written = writer_->write_zeros_ahead(options_.zeros_ahead_bytes, 0, options_.segment_bytes).status();
    if (written.ok()) {
      return range;
    }
    VIBRATO_RETURN_IF_ERROR(cut_back());
    return range;
  }
  VIBRATO_RETURN_IF_ERROR(cut_back());
  return written;
}

Status LocalLog::check_groups(std::span<const RecordGroup> groups) const {
  if (groups.empty()) {
    return invalid_argument("an append needs at least one group");
  }
  std::int64_t time_ms = writer_->end().last_time_ms;
  std::uint64_t bytes = 0;
  for (const RecordGroup group : groups) {
    if (group.empty()) {
      return invalid_argument("a group needs at least one record");
    }
    for (const Record& record : group) {
      if (record.time_ms < time_ms) {
        return invalid_argument(
            fmt::format("the record time {} lies before {}, that of the record before", record.time_ms, time_ms));
      }
      if (record.body.size() > format::kLogBodyBytesMax) {
        return {ErrorCode::kPayloadTooLarge,
                fmt::format("a record of {} bytes; at most {} fit", record.body.size(), format::kLogBodyBytesMax)};
      }
      time_ms = record.time_ms;
      bytes += format::log_frame_bytes(record.body.size());
      if (bytes > kAppendBytesMax) {
        return {ErrorCode::kPayloadTooLarge, fmt::format("an append of more than {} bytes", kAppendBytesMax)};
      }
    }
  }
  return ok_status();
}

std::uint64_t LocalLog::frame_bytes_of(std::span<const RecordGroup> groups) const {
  std::uint64_t bytes = format::kLogSyncGroupBytes;
  for (const RecordGroup group : groups) {
    for (const Record& record : group) {
      bytes += format::log_frame_bytes(record.body.size());
    }
  }
  return bytes;
}

SegmentPosition LocalLog::encode(std::span<const RecordGroup> groups) {
  constexpr std::size_t kKeptBytes = std::size_t{4} * 1024 * 1024;
  if (buffer_.capacity() > kKeptBytes) {
    buffer_ = {};
  }
  buffer_.clear();
  const std::uint64_t begin = writer_->end().offset;
  SegmentPosition end = writer_->end();
  const auto add = [&](const format::LogFrame& frame) {
    const std::uint32_t crc = format::append_log_frame(buffer_, begin + buffer_.size(), writer_->salt(), frame);
    end.chain = format::log_chain_extend(end.chain, crc);
  };
  format::LogFrame frame;
  frame.kind = format::LogFrameKind::kSyncGroup;
  frame.lsn = next_lsn_;
  frame.durable_end_bytes = writer_->durable_end().offset;
  add(frame);
  frame.kind = format::LogFrameKind::kRecord;
  for (const RecordGroup group : groups) {
    for (const Record& record : group) {
      frame.type = record.type;
      frame.collection = record.collection;
      frame.time_ms = record.time_ms;
      frame.body = record.body;
      frame.last_of_group = &record == &group.back();
      add(frame);
      end.last_lsn = frame.lsn;
      end.last_time_ms = record.time_ms;
      frame.lsn = frame.lsn.next();
    }
  }
  end.offset = begin + buffer_.size();
  return end;
}

Status LocalLog::make_room(std::uint64_t bytes, std::uint64_t records) {
  if (writer_->has_records() && writer_->end().offset + bytes > options_.segment_bytes) {
    VIBRATO_RETURN_IF_ERROR(rotate());
  }
  const std::uint64_t last = next_lsn_.value() + records - 1;
  if (last > format::kLogLsnMax - options_.lsn_reserve) {
    return unavailable("the log has no LSNs left");
  }
  if (last <= state_.high_water.value()) {
    return ok_status();
  }
  format::LogState state = state_;
  state.high_water = Lsn(last + options_.lsn_reserve);
  return write_state(state);
}

Status LocalLog::rotate() {
  VIBRATO_RETURN_IF_ERROR(cut_back());
  const SegmentPosition& end = writer_->end();
  format::LogSegmentHeader header;
  header.store_id = state_.store_id;
  header.first_lsn = next_lsn_;
  header.previous_first_lsn = writer_->header().first_lsn;
  header.previous_end_bytes = end.offset;
  header.previous_last_lsn = end.last_lsn;
  header.previous_last_time_ms = end.last_time_ms;
  header.previous_chain = end.chain;
  return add_segment(header);
}

Status LocalLog::add_segment(const format::LogSegmentHeader& header) {
  const std::string path = list_->path_of(header.first_lsn);
  auto created = SegmentWriter::create(fs_, path, header);
  if (!created.ok()) {
    return undo_segment(path, created.status());
  }
  if (const Status synced = (*created)->sync(); !synced.ok()) {
    return poison(synced);
  }
  if (const Status synced = fs_.sync_directory(folder_); !synced.ok()) {
    return poison(synced);
  }
  format::LogState state = state_;
  state.newest_segment = header.first_lsn;
  state.high_water = std::max(state.high_water, Lsn(header.first_lsn.value() - 1 + options_.lsn_reserve));
  if (const Status written = write_state(state); !written.ok()) {
    return stopped_.ok() ? undo_segment(path, written) : written;
  }
  list_->add({header, (*created)->end()});
  writer_ = std::move(*created);
  return ok_status();
}

// A segment that was not taken into use must not be found later: the old one goes on, and would no longer end where
// this one says.
Status LocalLog::undo_segment(const std::string& path, Status reason) {
  const Status removed = fs_.remove_file(path);
  if (!removed.ok() && removed.code() != ErrorCode::kNotFound) {
    return poison(removed);
  }
  if (const Status synced = fs_.sync_directory(folder_); !synced.ok()) {
    return poison(synced);
  }
  return reason;
}

Status LocalLog::write_state(format::LogState state) {
  const StateWrite write = write_state_file(fs_, folder_, state);
  if (write.sync_failed) {
    return poison(write.status);
  }
  VIBRATO_RETURN_IF_ERROR(write.status);
  state_ = state;
  return ok_status();
}

Status LocalLog::cut_back() {
  if (const Status cut = writer_->cut_back(); !cut.ok()) {
    return poison(cut);
  }
  list_->set_newest_end(writer_->durable_end());
  return ok_status();
}

Result<Lsn> LocalLog::sync() {
  const std::lock_guard lock(mutex_);
  return sync_locked();
}

Result<Lsn> LocalLog::sync_locked() {
  VIBRATO_RETURN_IF_ERROR(check_usable());
  if (writer_->durable_end() != writer_->end()) {
    if (const Status synced = writer_->sync(); !synced.ok()) {
      return poison(synced);
    }
    ++counters_.syncs;
    list_->set_newest_end(writer_->durable_end());
  }
  return writer_->durable_end().last_lsn;
}

Result<std::unique_ptr<LogCursor>> LocalLog::read_from(Lsn lsn) {
  VIBRATO_RETURN_IF_ERROR(list_->find(lsn).status());
  return std::unique_ptr<LogCursor>(std::make_unique<LocalCursor>(*list_, lsn));
}

Status LocalLog::trim(Lsn up_to) {
  const std::lock_guard lock(mutex_);
  VIBRATO_RETURN_IF_ERROR(check_usable());
  const std::vector<Segment> segments = list_->all();
  for (std::size_t i = 0; i + 1 < segments.size() && segments[i].end.last_lsn <= up_to; ++i) {
    Status removed = fs_.remove_file(list_->path_of(segments[i].header.first_lsn));
    if (!removed.ok() && removed.code() != ErrorCode::kNotFound) {
      return removed;
    }
    list_->remove_oldest();
    if (const Status synced = fs_.sync_directory(folder_); !synced.ok()) {
      return poison(synced);
    }
  }
  return ok_status();
}

Status LocalLog::prepare() {
  const std::lock_guard lock(mutex_);
  VIBRATO_RETURN_IF_ERROR(check_usable());
  const auto wrote =
      writer_->write_zeros_ahead(options_.zeros_ahead_bytes, options_.zeros_ahead_bytes / 2, options_.segment_bytes);
  if (!wrote.ok()) {
    return cut_back();
  }
  if (*wrote) {
    // Now, so that the next append does not wait for these zeros.
    if (const Status synced = writer_->sync(); !synced.ok()) {
      return poison(synced);
    }
    list_->set_newest_end(writer_->durable_end());
  }
  if (state_.high_water.value() - (next_lsn_.value() - 1) > options_.lsn_reserve / 2) {
    return ok_status();
  }
  format::LogState state = state_;
  state.high_water = Lsn(next_lsn_.value() - 1 + options_.lsn_reserve);
  return write_state(state);
}

Status LocalLog::close() {
  const std::lock_guard lock(mutex_);
  if (writer_ == nullptr) {
    return ok_status();  // Damaged or for reading only: there is nothing to end, and damage stays marked.
  }
  VIBRATO_RETURN_IF_ERROR(check_usable());
  VIBRATO_RETURN_IF_ERROR(cut_back());
  format::LogState state = state_;
  state.clean = true;
  // Not the last record's LSN: after an unclean stop LSNs above it may have been seen, and stay unused.
  state.high_water = Lsn(next_lsn_.value() - 1);
  state.end_bytes = writer_->end().offset;
  state.last_lsn = writer_->end().last_lsn;
  state.chain = writer_->end().chain;
  VIBRATO_RETURN_IF_ERROR(write_state(state));
  stopped_ = unavailable("the log is closed");
  return ok_status();
}

Status LocalLog::poison(const Status& reason) {
  if (stopped_.ok()) {
    stopped_ = unavailable("the log takes no more writes until a restart: " + reason.message());
  }
  return stopped_;
}

Status LocalLog::check_usable() const {
  return stopped_.ok() ? list_->damage() : stopped_;
}

Status LocalLog::health() const {
  const std::lock_guard lock(mutex_);
  return check_usable();
}

LogEnd LocalLog::end() const {
  const std::lock_guard lock(mutex_);
  if (writer_ == nullptr) {
    return read_only_end_;
  }
  return {writer_->end().last_lsn, next_lsn_, writer_->durable_end().last_lsn, writer_->end().last_time_ms};
}

LogStats LocalLog::stats() const {
  const std::lock_guard lock(mutex_);
  LogStats stats = counters_;
  const std::vector<Segment> segments = list_->all();
  stats.segment_count = segments.size();
  for (const Segment& segment : segments) {
    stats.bytes += segment.end.offset;
  }
  if (writer_ != nullptr) {
    stats.bytes += writer_->end().offset - writer_->durable_end().offset;
  }
  stats.oldest_lsn = segments.empty() ? Lsn(1) : segments.front().header.first_lsn;
  return stats;
}

std::vector<SegmentInfo> LocalLog::segments() const {
  std::vector<SegmentInfo> infos;
  for (const Segment& segment : list_->all()) {
    infos.push_back({segment.header.first_lsn, segment.end.last_lsn, segment.end.last_time_ms, segment.end.offset});
  }
  return infos;
}

}  // namespace vibrato::wal
