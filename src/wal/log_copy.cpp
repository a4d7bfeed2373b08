#include "wal/log_copy.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <optional>

#include "io/copy_file.hpp"
#include "io/safe_path.hpp"
#include "wal/recovery.hpp"
#include "wal/segment_name.hpp"
#include "wal/segment_reader.hpp"
#include "wal/state_file.hpp"

namespace vibrato::wal {
namespace {

struct Source {
  std::string path;
  format::LogSegmentHeader header;
};

class LogCopier {
 public:
  LogCopier(io::FileSystem& fs, const LogCopyRequest& request) : fs_(fs), request_(request) {}

  Result<LogCopyReport> run() {
    VIBRATO_RETURN_IF_ERROR(find_segments());
    VIBRATO_RETURN_IF_ERROR(drop_needless());
    for (std::size_t i = 0; i + 1 < segments_.size(); ++i) {
      VIBRATO_RETURN_IF_ERROR(copy_whole(segments_[i], segments_[i + 1].header));
    }
    VIBRATO_RETURN_IF_ERROR(copy_last(segments_.back()));
    return std::move(report_);
  }

 private:
  Status gone(Lsn missed) const {
    return {ErrorCode::kGone, fmt::format("the log no longer has the record {}, which LSN {} needs", missed.value(),
                                          request_.up_to.value())};
  }

  // Those that begin at or below `up_to`, oldest first.
  Status find_segments() {
    std::map<Lsn, std::string> paths;
    for (const std::string& folder : request_.sources) {
      VIBRATO_ASSIGN_OR_RETURN(const auto entries, fs_.list_directory(folder));
      for (const io::FileInfo& entry : entries) {
        const auto first_lsn = parse_segment_name(entry.name);
        if (first_lsn.has_value() && entry.is_regular) {
          paths.emplace(*first_lsn, folder + "/" + entry.name);
        }
      }
    }
    for (const auto& [first_lsn, path] : paths) {
      if (first_lsn > request_.up_to && !segments_.empty()) {
        break;
      }
      VIBRATO_ASSIGN_OR_RETURN(const auto file, fs_.open(path, io::OpenMode::kReadOnly));
      VIBRATO_ASSIGN_OR_RETURN(const auto header, read_segment_header(*file, first_lsn));
      segments_.push_back({path, header});
    }
    return segments_.empty() ? gone(request_.after.next()) : ok_status();
  }

  // What ends at or below `after`, and what does not hang together with the newest one.
  Status drop_needless() {
    std::size_t first = segments_.size() - 1;
    while (first > 0 && segments_[first].header.previous_last_lsn > request_.after) {
      const Source& before = segments_[first - 1];
      const bool is_next = segments_[first].header.previous_first_lsn == before.header.first_lsn &&
                           segments_[first].header.store_id == before.header.store_id;
      if (!is_next) {
        break;
      }
      --first;
    }
    const format::LogSegmentHeader& oldest = segments_[first].header;
    if (oldest.previous_last_lsn > request_.after) {
      return gone(request_.after.next());
    }
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first));
    return ok_status();
  }

  [[nodiscard]] std::string target_of(const Source& segment) const {
    return request_.target + "/" + segment_name(segment.header.first_lsn);
  }

  Status copy_whole(const Source& segment, const format::LogSegmentHeader& next) {
    VIBRATO_ASSIGN_OR_RETURN(const io::FileInfo info, fs_.stat(segment.path));
    if (info.size_bytes < next.previous_end_bytes) {
      return gone(segment.header.first_lsn);  // A copy that ended early.
    }
    const bool may_link = request_.may_link && info.size_bytes == next.previous_end_bytes;
    VIBRATO_RETURN_IF_ERROR(may_link ? io::link_or_copy(fs_, segment.path, target_of(segment))
                                     : io::copy_bytes(fs_, segment.path, target_of(segment), next.previous_end_bytes));
    note(segment, next.previous_end_bytes);
    return ok_status();
  }

  void note(const Source& segment, std::uint64_t bytes) {
    report_.files.push_back(segment_name(segment.header.first_lsn));
    report_.bytes += bytes;
  }

  // The end of the last whole group at or below `up_to`, or with nothing but closing records above it.
  Result<SegmentPosition> find_end(const Source& segment) const {
    VIBRATO_ASSIGN_OR_RETURN(const auto file, fs_.open(segment.path, io::OpenMode::kReadOnly));
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
    SegmentReader reader(*file, segment.header, size);
    SegmentPosition end = reader.group_end();
    // Not read further than needed: somebody may be appending behind.
    while (end.last_lsn < request_.up_to) {
      VIBRATO_ASSIGN_OR_RETURN(const auto frame, reader.next());
      if (!frame.has_value() || (frame->lsn > request_.up_to && frame->type != request_.closing_type)) {
        break;
      }
      end = reader.group_end();
    }
    return end;
  }

  Status copy_last(const Source& segment) {
    VIBRATO_ASSIGN_OR_RETURN(const SegmentPosition end, find_end(segment));
    VIBRATO_RETURN_IF_ERROR(io::copy_bytes(fs_, segment.path, target_of(segment), end.offset));
    note(segment, end.offset);
    VIBRATO_RETURN_IF_ERROR(fs_.sync_directory(request_.target));
    format::LogState state;
    state.store_id = segment.header.store_id;
    state.newest_segment = segment.header.first_lsn;
    state.high_water = std::max({request_.high_water, end.last_lsn, Lsn(segment.header.first_lsn.value() - 1)});
    state.clean = true;
    state.end_bytes = end.offset;
    state.last_lsn = end.last_lsn;
    state.chain = end.chain;
    VIBRATO_RETURN_IF_ERROR(write_state_file(fs_, request_.target, state).status);
    report_.last_lsn = end.last_lsn;
    report_.files.emplace_back(kStateFileName);
    report_.bytes += format::kLogStateBytes;
    return ok_status();
  }

  io::FileSystem& fs_;
  const LogCopyRequest& request_;
  std::vector<Source> segments_;
  LogCopyReport report_;
};

}  // namespace

Result<LogCopyReport> copy_log(io::FileSystem& fs, const LogCopyRequest& request) {
  VIBRATO_CHECK(request.after <= request.up_to);
  return LogCopier(fs, request).run();
}

namespace {

// Whether the segment has a group that ends where the closed log does.
Result<bool> holds_end(const io::File& file, const format::LogState& end) {
  VIBRATO_ASSIGN_OR_RETURN(const auto header, read_segment_header(file, end.newest_segment));
  if (header.store_id != end.store_id) {
    return false;
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t size, file.size());
  SegmentReader reader(file, header, size);
  while (reader.group_end().offset < end.end_bytes) {
    const auto frame = reader.next();
    if (frame.status().code() == ErrorCode::kCorruption) {
      return false;  // Zeros ahead of the end of an open log, or damage.
    }
    VIBRATO_RETURN_IF_ERROR(frame.status());
    if (!frame->has_value()) {
      return false;
    }
  }
  const SegmentPosition& at = reader.group_end();
  return at.offset == end.end_bytes && at.last_lsn == end.last_lsn && at.chain == end.chain;
}

// The oldest segment that begins above; nothing without any.
Result<std::optional<Lsn>> first_segment_above(io::FileSystem& fs, const std::string& folder, Lsn lsn) {
  VIBRATO_ASSIGN_OR_RETURN(const auto entries, fs.list_directory(folder));
  std::optional<Lsn> oldest;
  for (const io::FileInfo& entry : entries) {
    const auto first_lsn = parse_segment_name(entry.name);
    if (first_lsn.has_value() && entry.is_regular && *first_lsn > lsn && (!oldest || *first_lsn < *oldest)) {
      oldest = first_lsn;
    }
  }
  return oldest;
}

}  // namespace

Result<bool> goes_on_from(io::FileSystem& fs, const std::string& folder, const std::string& copy) {
  VIBRATO_ASSIGN_OR_RETURN(const auto end, read_state_file(fs, copy));
  if (!end.has_value()) {
    return not_found("there is no closed log in " + copy);
  }
  if (!end->clean) {
    return false;
  }
  const auto same = fs.open(folder + "/" + segment_name(end->newest_segment), io::OpenMode::kReadOnly);
  if (same.ok()) {
    return holds_end(**same, *end);
  }
  if (same.status().code() != ErrorCode::kNotFound) {
    return same.status();
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto next, first_segment_above(fs, folder, end->newest_segment));
  if (!next.has_value()) {
    return false;
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto file, fs.open(folder + "/" + segment_name(*next), io::OpenMode::kReadOnly));
  VIBRATO_ASSIGN_OR_RETURN(const auto header, read_segment_header(*file, *next));
  return header.store_id == end->store_id && header.previous_first_lsn == end->newest_segment &&
         header.previous_end_bytes == end->end_bytes && header.previous_chain == end->chain;
}

Result<LogExtent> log_extent(io::FileSystem& fs, const std::string& folder) {
  VIBRATO_ASSIGN_OR_RETURN(const Examination found, examine(fs, folder, Lsn(1)));
  if (found.segments.empty()) {
    return not_found("there is no log in " + folder);
  }
  LogExtent extent;
  extent.after = found.segments.front().header.previous_last_lsn;
  extent.last = found.segments.back().end.last_lsn;
  extent.high_water = found.state.has_value() ? found.state->high_water : extent.last;
  return extent;
}

}  // namespace vibrato::wal
