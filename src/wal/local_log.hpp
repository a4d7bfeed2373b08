// The log in segmented files of one folder: Log over io::FileSystem. How it works, step by step: local_log.cpp. The
// bytes: docs/formats/log.md.
// The caller holds the lock of the data folder: one LocalLog a folder, except with `read_only`.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "wal/log.hpp"
#include "wal/retention.hpp"
#include "wal/segment_list.hpp"
#include "wal/segment_writer.hpp"

namespace vibrato::wal {

inline constexpr std::uint64_t kAppendBytesMax = std::uint64_t{256} * 1024 * 1024;  // Of one append, as frames.

struct LocalLogOptions {
  std::uint64_t segment_bytes = std::uint64_t{64} * 1024 * 1024;  // A segment is larger only for one large append.
  std::uint64_t zeros_ahead_bytes = std::uint64_t{1} * 1024 * 1024;
  std::uint64_t lsn_reserve = 65'536;  // LSNs that one write of the state file covers; at least 1.
  Lsn check_from = Lsn(1);             // Segments with records below only are not read when opening.
  format::StoreId new_store_id{};      // For a log that is made: 16 random bytes.
  bool read_only = false;              // Changes nothing, takes no appends, and must find a log.
};

// What opening found and did.
struct OpenReport {
  bool created = false;
  bool was_closed = false;
  std::uint64_t cut_bytes = 0;  // Of a torn tail, zeros written ahead included.
  Status torn;                  // Why the tail was cut; ok when nothing but zeros was.
};

class LocalLog final : public Log {
 public:
  // Opens the log in `folder`, which is made if it is missing (its parent is not). Damage is no error: the log is
  // then readable up to it, and health() names it.
  // Errors: kIoError, kDiskFull, kInvalidArgument (a later version), kNotFound (read_only).
  [[nodiscard]] static Result<std::unique_ptr<LocalLog>> open(io::FileSystem& fs, std::string folder,
                                                              const LocalLogOptions& options);
  // Without close() the next opening finds an unclean stop, as after a crash.
  ~LocalLog() override = default;

  [[nodiscard]] Result<LsnRange> append(std::span<const RecordGroup> groups, Lsn expected_last_lsn) override;
  [[nodiscard]] Result<Lsn> sync() override;
  [[nodiscard]] Result<std::unique_ptr<LogCursor>> read_from(Lsn lsn) override;
  // Removes whole segments only, oldest first.
  [[nodiscard]] Status trim(Lsn up_to) override;
  [[nodiscard]] Status prepare() override;
  [[nodiscard]] Status close() override;
  [[nodiscard]] Status health() const override;
  [[nodiscard]] LogEnd end() const override;
  [[nodiscard]] LogStats stats() const override;

  // For trimmable_lsn().
  [[nodiscard]] std::vector<SegmentInfo> segments() const;
  [[nodiscard]] const OpenReport& open_report() const { return report_; }

 private:
  LocalLog(io::FileSystem& fs, std::string folder, const LocalLogOptions& options);

  // All below are called with mutex_ held, or while opening.
  [[nodiscard]] Status start(Examination found);
  [[nodiscard]] Status start_new(const Examination& found);
  [[nodiscard]] Status remove_unused(Lsn first_lsn);
  [[nodiscard]] Status resume(const Examination& found);
  [[nodiscard]] Status check_groups(std::span<const RecordGroup> groups) const;
  [[nodiscard]] std::uint64_t frame_bytes_of(std::span<const RecordGroup> groups) const;
  [[nodiscard]] SegmentPosition encode(std::span<const RecordGroup> groups);
  [[nodiscard]] Status make_room(std::uint64_t bytes, std::uint64_t records);
  [[nodiscard]] Status rotate();
  // Makes the segment durable and takes it into use.
  [[nodiscard]] Status add_segment(const format::LogSegmentHeader& header);
  [[nodiscard]] Status undo_segment(const std::string& path, Status reason);
  [[nodiscard]] Status write_state(format::LogState state);
  // Ends the newest segment's file at its last frame, durably.
  [[nodiscard]] Status cut_back();
  [[nodiscard]] Result<Lsn> sync_locked();
  // Stops the log for good, and answers why.
  Status poison(const Status& reason);
  [[nodiscard]] Status check_usable() const;

  io::FileSystem& fs_;
  const std::string folder_;
  const LocalLogOptions options_;
  OpenReport report_;
  std::unique_ptr<SegmentList> list_;

  mutable std::mutex mutex_;  // Guards the members below. Taken before the lock inside list_.
  Status stopped_;            // Why no appends are taken any more; ok while they are.
  format::LogState state_;    // As in its file.
  Lsn next_lsn_;
  std::unique_ptr<SegmentWriter> writer_;  // Null in a log that is damaged or read_only.
  LogEnd read_only_end_;                   // Then this is the end.
  std::vector<std::byte> buffer_;          // Frames of one append.
  LogStats counters_;
};

}  // namespace vibrato::wal
