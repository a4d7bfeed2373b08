#include "wal/recovery.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <utility>

#include "wal/evidence_search.hpp"
#include "wal/segment_name.hpp"
#include "wal/state_file.hpp"

namespace vibrato::wal {
namespace {

using FilePtr = std::unique_ptr<io::File>;

struct NamedFile {
  Lsn first_lsn;
  std::uint64_t bytes = 0;
};

class Examiner {
 public:
  Examiner(io::FileSystem& fs, const std::string& folder, Lsn check_from)
      : fs_(fs), folder_(folder), check_from_(check_from) {}

  Result<Examination> run() {
    VIBRATO_RETURN_IF_ERROR(list());
    VIBRATO_RETURN_IF_ERROR(read_state());
    set_unused_segment_aside();
    VIBRATO_RETURN_IF_ERROR(read_headers());
    check_newest();
    VIBRATO_RETURN_IF_ERROR(read_sealed());
    VIBRATO_RETURN_IF_ERROR(read_newest());
    VIBRATO_RETURN_IF_ERROR(check_unused_segment());
    return std::move(found_);
  }

 private:
  // The first damage is the one that counts.
  void damaged(Status status) {
    if (found_.damage.ok()) {
      found_.damage = std::move(status);
    }
  }
  [[nodiscard]] std::string path_of(Lsn first_lsn) const { return folder_ + "/" + segment_name(first_lsn); }

  Status list() {
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<io::FileInfo> entries, fs_.list_directory(folder_));
    for (const io::FileInfo& entry : entries) {
      if (const auto first_lsn = parse_segment_name(entry.name); first_lsn.has_value() && entry.is_regular) {
        files_.push_back({*first_lsn, entry.size_bytes});
      }
    }
    return ok_status();  // Sorted, as the names are.
  }

  Status read_state() {
    auto state = read_state_file(fs_, folder_);
    if (!state.ok() && state.status().code() != ErrorCode::kCorruption) {
      return state.status();
    }
    if (!state.ok()) {
      damaged(state.status());
      return ok_status();
    }
    found_.state = *state;
    if (!found_.state.has_value() && !files_.empty()) {
      damaged(corruption(fmt::format("{}/{}: expected the state of the log, found no file", folder_, kStateFileName)));
    }
    return ok_status();
  }

  // Rule 1.
  void set_unused_segment_aside() {
    if (!found_.state.has_value() || files_.empty() || files_.back().first_lsn <= found_.state->newest_segment) {
      return;
    }
    if (files_.back().bytes > format::kLogSegmentHeaderBytes) {
      damaged(corruption(fmt::format("{}: size: expected at most {} in a segment that was never used, found {}",
                                     path_of(files_.back().first_lsn), format::kLogSegmentHeaderBytes,
                                     files_.back().bytes)));
      return;
    }
    found_.unused_segment = files_.back().first_lsn;
    files_.pop_back();
  }

  // Rule 1. A rotation takes the next LSN, in a log that is open: whatever has another name is not its remains.
  Status check_unused_segment() {
    if (!found_.unused_segment.has_value() || !found_.damage.ok()) {
      return ok_status();
    }
    const Lsn first_lsn = *found_.unused_segment;
    const auto foreign = [&](const std::string& expected, const std::string& found) {
      found_.unused_segment.reset();
      damaged(corruption(fmt::format("{}: expected {}, found {}; the log did not make this file: move it away",
                                     path_of(first_lsn), expected, found)));
      return ok_status();
    };
    const Lsn last = found_.segments.empty() ? Lsn() : found_.segments.back().end.last_lsn;
    if (found_.state->clean) {
      return foreign("no segment behind " + segment_name(found_.state->newest_segment) + " of a closed log", "one");
    }
    if (first_lsn <= last || first_lsn.value() - 1 > found_.state->high_water.value()) {
      return foreign(fmt::format("a first LSN from {} to {} behind {}", last.value() + 1,
                                 found_.state->high_water.value() + 1, segment_name(found_.state->newest_segment)),
                     std::to_string(first_lsn.value()));
    }
    VIBRATO_ASSIGN_OR_RETURN(const FilePtr file, fs_.open(path_of(first_lsn), io::OpenMode::kReadOnly));
    // One that does not read was cut short by a power loss.
    const auto header = read_segment_header(*file, first_lsn);
    if (header.ok() && header->store_id != found_.state->store_id) {
      return foreign("the id of this log's store", "another");
    }
    return header.ok() || header.status().code() == ErrorCode::kCorruption ? ok_status() : header.status();
  }

  // Rule 2. Keeps the segments up to the first break.
  Status read_headers() {
    for (const NamedFile& file : files_) {
      VIBRATO_ASSIGN_OR_RETURN(const FilePtr opened, fs_.open(path_of(file.first_lsn), io::OpenMode::kReadOnly));
      const auto header = read_segment_header(*opened, file.first_lsn);
      if (!header.ok() && header.status().code() != ErrorCode::kCorruption) {
        return header.status();
      }
      if (!header.ok()) {
        damaged(header.status());
        break;
      }
      if (const Status chained = check_chain(*header); !chained.ok()) {
        damaged(chained);
        break;
      }
      found_.segments.push_back({*header, start_of(*header)});
    }
    return ok_status();
  }

  [[nodiscard]] Status check_chain(const format::LogSegmentHeader& header) const {
    const auto wrong = [&](std::string_view what, const auto& expected, const auto& found) {
      return corruption(fmt::format("{}: {}: expected {}, found {}", path_of(header.first_lsn), what, expected, found));
    };
    if (found_.state.has_value() && header.store_id != found_.state->store_id) {
      return wrong("id of the store", "that of the state file", "another");
    }
    if (found_.segments.empty()) {
      return ok_status();
    }
    const format::LogSegmentHeader& previous = found_.segments.back().header;
    if (header.store_id != previous.store_id) {
      return wrong("id of the store", "that of the segment before", "another");
    }
    if (header.previous_first_lsn != previous.first_lsn) {
      return wrong("segment before", segment_name(header.previous_first_lsn), segment_name(previous.first_lsn));
    }
    const std::uint64_t bytes = files_[found_.segments.size() - 1].bytes;
    if (header.previous_end_bytes != bytes) {
      return wrong("size of the segment before", header.previous_end_bytes, bytes);
    }
    return ok_status();
  }

  void check_newest() {
    if (!found_.state.has_value() || !found_.damage.ok()) {
      return;
    }
    const Lsn newest = found_.segments.empty() ? Lsn() : found_.segments.back().header.first_lsn;
    if (newest != found_.state->newest_segment) {
      damaged(corruption(fmt::format("{}: newest segment: expected {}, found {}", folder_,
                                     segment_name(found_.state->newest_segment),
                                     newest.value() == 0 ? "none" : segment_name(newest))));
    } else if (newest.value() != 0 && found_.state->high_water.value() < newest.value() - 1) {
      damaged(corruption(fmt::format("{}/{}: high-water mark: expected at least {}, found {}", folder_, kStateFileName,
                                     newest.value() - 1, found_.state->high_water.value())));
    }
  }

  // Rule 3.
  Status read_sealed() {
    for (std::size_t i = 0; i + 1 < found_.segments.size(); ++i) {
      Segment& segment = found_.segments[i];
      const format::LogSegmentHeader& next = found_.segments[i + 1].header;
      const SegmentPosition expected = {next.previous_end_bytes, next.previous_last_lsn, next.previous_last_time_ms,
                                        next.previous_chain};
      segment.end = expected;
      if (next.previous_last_lsn < check_from_) {
        continue;
      }
      VIBRATO_ASSIGN_OR_RETURN(const FilePtr file,
                               fs_.open(path_of(segment.header.first_lsn), io::OpenMode::kReadOnly));
      SegmentReader reader(*file, segment.header, next.previous_end_bytes);
      VIBRATO_ASSIGN_OR_RETURN(const Reading reading, read_to_end(reader));
      Status invalid = reading.invalid;
      if (invalid.ok() && !(reader.group_end() == expected)) {
        invalid = corruption(
            fmt::format("{}: end: expected offset {}, LSN {}, chain {:#010x}, found offset {}, LSN {}, chain {:#010x}",
                        file->path(), expected.offset, expected.last_lsn.value(), expected.chain,
                        reader.group_end().offset, reader.group_end().last_lsn.value(), reader.group_end().chain));
      }
      if (!invalid.ok()) {
        // Earlier in the log than any damage that was found before.
        found_.damage = std::move(invalid);
        segment.end = reader.group_end();
        found_.segments.resize(i + 1);
        newest_is_read_ = true;
        return ok_status();
      }
    }
    return ok_status();
  }

  struct Reading {
    Status invalid;  // Why reading ended before the limit.
  };

  // Reads until the limit or the first invalid frame.
  static Result<Reading> read_to_end(SegmentReader& reader) {
    for (;;) {
      const auto frame = reader.next();
      if (!frame.ok() && frame.status().code() == ErrorCode::kCorruption) {
        return Reading{frame.status()};
      }
      if (!frame.ok()) {
        return frame.status();
      }
      if (!frame->has_value()) {
        return Reading{};
      }
    }
  }

  // Rules 4 and 5.
  Status read_newest() {
    if (found_.segments.empty() || newest_is_read_) {
      return ok_status();
    }
    Segment& newest = found_.segments.back();
    VIBRATO_ASSIGN_OR_RETURN(const FilePtr file, fs_.open(path_of(newest.header.first_lsn), io::OpenMode::kReadOnly));
    VIBRATO_ASSIGN_OR_RETURN(found_.newest_file_bytes, file->size());
    SegmentReader reader(*file, newest.header, found_.newest_file_bytes);
    VIBRATO_ASSIGN_OR_RETURN(const Reading reading, read_to_end(reader));
    newest.end = reader.group_end();
    found_.newest_durable_end = std::min(reader.durable_end(), newest.end.offset);
    if (!found_.damage.ok()) {
      return ok_status();  // Where the log ends is known already, and nothing will be cut.
    }
    if (found_.state->clean) {
      damaged(check_clean_end(newest.end, reading.invalid, file->path()));
      return ok_status();
    }
    if (newest.end.last_lsn > found_.state->high_water) {
      damaged(corruption(fmt::format("{}/{}: high-water mark: expected at least {}, found {}", folder_, kStateFileName,
                                     newest.end.last_lsn.value(), found_.state->high_water.value())));
    }
    return judge_tail(*file, newest, reading.invalid);
  }

  [[nodiscard]] Status check_clean_end(const SegmentPosition& end, const Status& invalid,
                                       const std::string& path) const {
    if (!invalid.ok()) {
      return invalid;
    }
    const format::LogState& state = *found_.state;
    if (end.offset == state.end_bytes && end.offset == found_.newest_file_bytes && end.last_lsn == state.last_lsn &&
        end.chain == state.chain) {
      return ok_status();
    }
    return corruption(fmt::format(
        "{}: end of a closed log: expected offset {}, LSN {}, chain {:#010x}, found offset {} of {}, LSN {}, chain "
        "{:#010x}",
        path, state.end_bytes, state.last_lsn.value(), state.chain, end.offset, found_.newest_file_bytes,
        end.last_lsn.value(), end.chain));
  }

  Status judge_tail(const io::File& file, const Segment& newest, const Status& invalid) {
    EvidenceSearch search(file, newest.header, newest.end.offset);
    VIBRATO_ASSIGN_OR_RETURN(const auto evidence, search.run());
    if (evidence.has_value()) {
      const std::string reason = invalid.ok() ? file.path() + ": the last group is not whole" : invalid.message();
      damaged(corruption(fmt::format("{}; a group behind it, with LSN {}, says that all before offset {} was durable",
                                     reason, evidence->lsn.value(), evidence->durable_end_bytes)));
    } else if (search.found_other_than_zeros()) {
      found_.torn = invalid.ok() ? corruption(file.path() + ": the last group is not whole") : invalid;
    }
    return ok_status();
  }

  io::FileSystem& fs_;
  const std::string& folder_;
  Lsn check_from_;
  std::vector<NamedFile> files_;
  Examination found_;
  bool newest_is_read_ = false;
};

}  // namespace

Result<bool> has_log(io::FileSystem& fs, const std::string& folder) {
  const auto entries = fs.list_directory(folder);
  if (entries.status().code() == ErrorCode::kNotFound) {
    return false;
  }
  VIBRATO_RETURN_IF_ERROR(entries.status());
  return std::any_of(entries->begin(), entries->end(), [](const io::FileInfo& entry) {
    return entry.name == kStateFileName || parse_segment_name(entry.name).has_value();
  });
}

Result<Examination> examine(io::FileSystem& fs, const std::string& folder, Lsn check_from) {
  return Examiner(fs, folder, check_from).run();
}

}  // namespace vibrato::wal
