// Groups of records with content of their own, appending them to a log and reading a log back, for tests.
#pragma once

#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "support/file_contents.hpp"
#include "support/status_matchers.hpp"
#include "wal/local_log.hpp"

namespace vibrato::test {

struct OwnedRecord {
  std::uint64_t lsn = 0;
  std::uint16_t type = 0;
  std::uint32_t collection = 0;
  std::int64_t time_ms = 0;
  bool last_of_group = false;
  std::string body;

  friend bool operator==(const OwnedRecord&, const OwnedRecord&) = default;
  friend std::ostream& operator<<(std::ostream& out, const OwnedRecord& record) {
    return out << "{lsn " << record.lsn << ", type " << record.type << ", collection " << record.collection << ", "
               << record.body.size() << " bytes}";
  }
};
using OwnedGroup = std::vector<OwnedRecord>;

// One record a text, with a type, collection and time that follow from the text.
inline OwnedGroup group_of(const std::vector<std::string>& bodies, std::int64_t time_ms = 1000) {
  OwnedGroup group;
  for (const std::string& body : bodies) {
    const auto number = static_cast<std::uint16_t>(body.size());
    group.push_back({0, number, number + 70'000U, time_ms, false, body});
  }
  group.back().last_of_group = true;
  return group;
}

// Appends the groups in one call and fills in the LSNs that they got.
inline Result<wal::LsnRange> append_groups(wal::Log& log, std::span<OwnedGroup> groups) {
  std::vector<std::vector<wal::Record>> records;
  for (const OwnedGroup& group : groups) {
    auto& out = records.emplace_back();
    for (const OwnedRecord& record : group) {
      out.push_back({record.type, CollectionNumber(record.collection), record.time_ms, bytes_of(record.body)});
    }
  }
  const std::vector<wal::RecordGroup> views(records.begin(), records.end());
  auto range = log.append(views, log.end().last_lsn);
  if (range.ok()) {
    std::uint64_t lsn = range->first.value();
    for (OwnedGroup& group : groups) {
      for (OwnedRecord& record : group) {
        record.lsn = lsn++;
      }
    }
    EXPECT_EQ(lsn, range->last.value() + 1);
  }
  return range;
}

// Appends one group and makes it durable; a failed expectation when either fails.
inline OwnedGroup commit_group(wal::Log& log, const std::vector<std::string>& bodies, std::int64_t time_ms = 1000) {
  OwnedGroup group = group_of(bodies, time_ms);
  EXPECT_OK(append_groups(log, std::span(&group, 1)));
  EXPECT_OK(log.sync());
  return group;
}

inline OwnedRecord owned(const wal::StoredRecord& record) {
  return {record.lsn.value(), record.type,          record.collection.value(),
          record.time_ms,     record.last_of_group, text_of(record.body)};
}

// All records that the cursor gives before it finds nothing or fails; `failure` takes the error.
inline std::vector<OwnedRecord> drain(wal::LogCursor& cursor, Status* failure = nullptr) {
  std::vector<OwnedRecord> records;
  for (;;) {
    const auto record = cursor.next();
    if (!record.ok()) {
      if (failure == nullptr) {
        ADD_FAILURE() << record.status().message();
      } else {
        *failure = record.status();
      }
      return records;
    }
    if (!record->has_value()) {
      return records;
    }
    records.push_back(owned(**record));
  }
}

inline std::vector<OwnedRecord> read_all(wal::Log& log, Lsn from = Lsn(1)) {
  const auto cursor = log.read_from(from);
  EXPECT_OK(cursor);
  return cursor.ok() ? drain(**cursor) : std::vector<OwnedRecord>();
}

inline std::vector<OwnedRecord> flat(std::span<const OwnedGroup> groups) {
  std::vector<OwnedRecord> records;
  for (const OwnedGroup& group : groups) {
    records.insert(records.end(), group.begin(), group.end());
  }
  return records;
}

// Small enough that a few records rotate segments, reserve LSNs and write zeros ahead.
inline wal::LocalLogOptions small_log_options() {
  wal::LocalLogOptions options;
  options.segment_bytes = 1024;
  options.zeros_ahead_bytes = 512;
  options.lsn_reserve = 8;
  options.new_store_id.fill(std::byte{0x5a});
  return options;
}

// One segment for all, no zeros ahead, no state writes between.
inline wal::LocalLogOptions plain_log_options() {
  wal::LocalLogOptions options = small_log_options();
  options.segment_bytes = 1024 * 1024;
  options.zeros_ahead_bytes = 0;
  options.lsn_reserve = 1000;
  return options;
}

// A failed expectation and null when opening fails.
inline std::unique_ptr<wal::LocalLog> open_log(io::FileSystem& fs, const std::string& folder,
                                               const wal::LocalLogOptions& options) {
  auto log = wal::LocalLog::open(fs, folder, options);
  EXPECT_OK(log);
  return log.ok() ? std::move(*log) : nullptr;
}

}  // namespace vibrato::test
