// A script of log calls and the plain model that says what must be found after a crash: every synced record, nothing
// that was never appended, whole groups in order without a hole, and no LSN that anyone saw given out again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "support/log_records.hpp"
#include "wal/local_log.hpp"

namespace vibrato::test {

inline const std::string kLogFolder = "/wal";

class LogModel {
 public:
  // Runs `steps` random calls drawn from `random`; stops early when one answers an error.
  void run(wal::LocalLog& log, Random& random, int steps) {
    for (int step = 0; step < steps; ++step) {
      if (!run_step(log, random)) {
        return;
      }
    }
  }

  // What is wrong with the log as it is found; "" when nothing is. Afterwards the model is what was found. A read that
  // the file system fails is kUnread: nothing is known then, and the model stays.
  static constexpr const char* kUnread = "could not be read";
  std::string check(wal::LocalLog& log) {
    if (!log.health().ok()) {
      return "health: " + log.health().message();
    }
    const std::uint64_t oldest = std::max<std::uint64_t>(log.stats().oldest_lsn.value(), 1);
    std::vector<OwnedRecord> found;
    if (std::string wrong = read(log, oldest, found); !wrong.empty()) {
      return wrong;
    }
    const auto begin =
        std::find_if(records_.begin(), records_.end(), [&](const OwnedRecord& record) { return record.lsn >= oldest; });
    if (begin != records_.begin() && (begin - 1)->lsn > trimmed_to_) {
      return fmt::format("records up to {} are gone, trimmed was up to {}", (begin - 1)->lsn, trimmed_to_);
    }
    const std::vector<OwnedRecord> expected(begin, records_.end());
    if (found.size() > expected.size() || !std::equal(found.begin(), found.end(), expected.begin())) {
      return fmt::format("{} records were found that are no prefix of the {} appended", found.size(), expected.size());
    }
    const std::uint64_t last = found.empty() ? 0 : found.back().lsn;
    if (last < synced_to_ && synced_to_ >= oldest) {
      return fmt::format("synced up to {}, found up to {}", synced_to_, last);
    }
    if (!found.empty() && !found.back().last_of_group) {
      return fmt::format("the group of record {} is not whole", last);
    }
    if (log.end().next_lsn.value() <= seen_lsn_) {
      return fmt::format("LSN {} was seen, and {} comes next", seen_lsn_, log.end().next_lsn.value());
    }
    // What was lost must not come back, and what was found must stay.
    records_ = found;
    synced_to_ = std::max(synced_to_, last);
    return "";
  }

  [[nodiscard]] std::uint64_t synced_to() const { return synced_to_; }

 private:
  bool run_step(wal::LocalLog& log, Random& random) {
    const std::uint64_t choice = random.below(20);
    if (choice < 9) {
      return append(log, random);
    }
    if (choice < 16) {
      const auto synced = log.sync();
      if (synced.ok()) {
        synced_to_ = std::max(synced_to_, synced->value());
      }
      return synced.ok();
    }
    if (choice < 18) {
      return log.prepare().ok();
    }
    if (choice < 19) {
      // Most of what is synced; the log keeps what shares a segment with the rest.
      const std::uint64_t up_to = synced_to_ - std::min<std::uint64_t>(synced_to_, random.below(12));
      trimmed_to_ = std::max(trimmed_to_, up_to);
      return log.trim(Lsn(up_to)).ok();
    }
    const bool ok = log.close().ok();
    if (ok) {
      synced_to_ = std::max(synced_to_, log.end().last_lsn.value());
    }
    return false;
  }

  bool append(wal::LocalLog& log, Random& random) {
    std::vector<OwnedGroup> groups;
    for (std::uint64_t i = random.below(3) + 1; i > 0; --i) {
      std::vector<std::string> bodies;
      for (std::uint64_t j = random.below(4) + 1; j > 0; --j) {
        bodies.push_back(fmt::format("{}:{}", ++counter_, std::string(random.below(200), 'b')));
      }
      groups.push_back(group_of(bodies, static_cast<std::int64_t>(counter_)));
    }
    const std::uint64_t next_lsn = log.end().next_lsn.value();
    const auto range = append_groups(log, groups);
    if (!range.ok()) {
      // Nobody was given these LSNs; the groups may be found all the same if the call reached the disk in part.
      if (range.status().code() == ErrorCode::kUnavailable) {
        fill_in(groups, next_lsn);
        keep(groups);
      }
      return range.status().code() == ErrorCode::kDiskFull;
    }
    seen_lsn_ = std::max(seen_lsn_, range->last.value());
    keep(groups);
    return true;
  }

  static void fill_in(std::vector<OwnedGroup>& groups, std::uint64_t lsn) {
    for (OwnedGroup& group : groups) {
      for (OwnedRecord& record : group) {
        record.lsn = lsn++;
      }
    }
  }

  void keep(const std::vector<OwnedGroup>& groups) {
    for (const OwnedRecord& record : flat(groups)) {
      records_.push_back(record);
    }
  }

  static std::string read(wal::LocalLog& log, std::uint64_t from, std::vector<OwnedRecord>& found) {
    const auto cursor = log.read_from(Lsn(from));
    if (!cursor.ok()) {
      return "read_from: " + cursor.status().message();
    }
    Status failure;
    found = drain(**cursor, &failure);
    if (failure.code() == ErrorCode::kIoError || failure.code() == ErrorCode::kDiskFull) {
      return kUnread;
    }
    return failure.ok() ? "" : "cursor: " + failure.message();
  }

  std::vector<OwnedRecord> records_;  // Appended since the last check, behind what that found.
  std::uint64_t synced_to_ = 0;
  std::uint64_t trimmed_to_ = 0;
  std::uint64_t seen_lsn_ = 0;  // The highest LSN that an append answered.
  std::uint64_t counter_ = 0;
};

// Opens the log, and checks it against the model if that works; "" when all is well or the open failed for I/O.
inline std::string open_and_run(io::FileSystem& fs, LogModel& model, Random& random, int steps) {
  auto log = wal::LocalLog::open(fs, kLogFolder, small_log_options());
  if (!log.ok()) {
    return log.status().code() == ErrorCode::kCorruption ? log.status().message() : "";
  }
  if (const std::string wrong = model.check(**log); !wrong.empty()) {
    return wrong == LogModel::kUnread ? "" : wrong;
  }
  model.run(**log, random, steps);
  return "";
}

}  // namespace vibrato::test
