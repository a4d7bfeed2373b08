#include "wal/recovery.hpp"

#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/crc32c.hpp"
#include "format/log_frame.hpp"
#include "io/simulated_file_system.hpp"
#include "support/log_records.hpp"
#include "wal/local_log.hpp"

namespace vibrato::wal {
namespace {

using test::append_groups;
using test::commit_group;
using test::flat;
using test::group_of;
using test::open_log;
using test::OwnedGroup;
using test::OwnedRecord;
using test::plain_log_options;
using test::read_all;
using test::small_log_options;

const std::string kRecoveredFolder = "/wal";
const std::string kFirst = "/wal/events-00000000000000000001.log";

void flip_bit(io::FileSystem& fs, const std::string& path, std::uint64_t offset) {
  const auto file = fs.open(path, io::OpenMode::kReadWrite);
  ASSERT_OK(file);
  std::byte value{};
  const auto count = (*file)->read_at(offset, std::span(&value, 1));
  ASSERT_OK(count);
  ASSERT_EQ(*count, 1U);
  value ^= std::byte{0x10};
  ASSERT_OK((*file)->write_at(offset, std::span(&value, 1)));
}

// Commits groups until there are `segments` of them.
std::vector<OwnedRecord> fill_segments(LocalLog& log, std::size_t segments) {
  std::vector<OwnedRecord> records;
  while (log.segments().size() < segments) {
    for (const OwnedRecord& record : commit_group(log, {std::string(100, 'f'), "x"})) {
      records.push_back(record);
    }
  }
  return records;
}

void expect_read_only_at(LocalLog& log, const std::vector<OwnedRecord>& prefix) {
  EXPECT_CODE(log.health(), ErrorCode::kCorruption);
  EXPECT_EQ(read_all(log), prefix);
  OwnedGroup refused = group_of({"no"}, 1'000'000);
  EXPECT_CODE(append_groups(log, std::span(&refused, 1)), ErrorCode::kCorruption);
  EXPECT_OK(log.close());
}

TEST(Recovery, cuts_a_tail_that_was_never_synced) {
  io::SimulatedFileSystem fs;
  OwnedGroup kept;
  {
    const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
    ASSERT_TRUE(log);
    kept = commit_group(*log, {"kept"});
    OwnedGroup torn = group_of({std::string(300, 't')});
    ASSERT_OK(append_groups(*log, std::span(&torn, 1)));
  }
  const auto before = fs.stat(kFirst)->size_bytes;
  flip_bit(fs, kFirst, before - 20);
  const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
  ASSERT_TRUE(log);
  EXPECT_OK(log->health());
  EXPECT_EQ(read_all(*log), kept);
  EXPECT_EQ(log->open_report().cut_bytes, 40U + 32U + 304U);
  EXPECT_NE(log->open_report().torn.message().find("checksum"), std::string::npos);
}

TEST(Recovery, keeps_whole_groups_of_the_tail_and_drops_the_one_that_is_not_whole) {
  io::SimulatedFileSystem fs;
  std::vector<OwnedGroup> groups = {group_of({"one", "two"}), group_of({"three", std::string(64, '4')})};
  {
    const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
    ASSERT_TRUE(log);
    ASSERT_OK(append_groups(*log, groups));
  }
  flip_bit(fs, kFirst, fs.stat(kFirst)->size_bytes - 1);
  const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
  ASSERT_TRUE(log);
  EXPECT_OK(log->health());
  EXPECT_EQ(read_all(*log), groups[0]);
}

TEST(Recovery, calls_it_damage_when_a_later_group_says_it_was_durable) {
  io::SimulatedFileSystem fs;
  std::vector<OwnedGroup> groups;
  {
    const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
    ASSERT_TRUE(log);
    for (const char* body : {"one", "two", "three"}) {
      groups.push_back(commit_group(*log, {body}));
    }
  }
  // In the body of the second record: 128 of header, 40 + 40 of the first append, 40 + 32 before the body.
  flip_bit(fs, kFirst, 128 + 80 + 72);
  for (int round = 0; round < 2; ++round) {  // Still so at the next start.
    const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
    ASSERT_TRUE(log);
    expect_read_only_at(*log, groups[0]);
    const std::string message = log->health().message();
    EXPECT_NE(message.find(kFirst + ": offset 252"), std::string::npos) << message;
    EXPECT_NE(message.find("expected 0x"), std::string::npos) << message;
    EXPECT_NE(message.find("before offset 288 was durable"), std::string::npos) << message;
  }
}

TEST(Recovery, cuts_a_lost_append_even_when_one_behind_it_survived_unsynced) {
  io::SimulatedFileSystem fs;
  OwnedGroup kept;
  {
    const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
    ASSERT_TRUE(log);
    kept = commit_group(*log, {"kept"});
    for (const char* body : {"lost", "survives"}) {
      OwnedGroup group = group_of({body});
      ASSERT_OK(append_groups(*log, std::span(&group, 1)));
    }
  }
  flip_bit(fs, kFirst, 128 + 80 + 72);
  const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
  ASSERT_TRUE(log);
  EXPECT_OK(log->health());
  EXPECT_EQ(read_all(*log), kept);
}

TEST(Recovery, takes_no_word_from_content_that_looks_like_a_sync_group) {
  io::SimulatedFileSystem fs;
  // A client knows the format, not the id of the store.
  format::LogFrame forged;
  forged.kind = format::LogFrameKind::kSyncGroup;
  forged.lsn = Lsn(9);
  std::vector<std::byte> content;
  for (std::uint64_t i = 0; i < 8; ++i) {
    const std::uint64_t offset = 240 + i * 40;
    forged.durable_end_bytes = offset;
    format::append_log_frame(content, offset, format::log_salt(format::StoreId{}, Lsn(1)), forged);
  }
  {
    const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
    ASSERT_TRUE(log);
    commit_group(*log, {"kept"});
    OwnedGroup group = group_of({test::text_of(content)});
    ASSERT_OK(append_groups(*log, std::span(&group, 1)));
  }
  flip_bit(fs, kFirst, fs.stat(kFirst)->size_bytes - 1);
  const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
  ASSERT_TRUE(log);
  EXPECT_OK(log->health());
  EXPECT_EQ(read_all(*log).size(), 1U);
}

TEST(Recovery, finds_damage_in_an_older_segment_and_ends_the_log_there) {
  for (const bool closed : {false, true}) {
    io::SimulatedFileSystem fs;
    std::vector<OwnedRecord> records;
    {
      const auto log = open_log(fs, kRecoveredFolder, small_log_options());
      ASSERT_TRUE(log);
      records = fill_segments(*log, 4);
      if (closed) {
        ASSERT_OK(log->close());
      }
    }
    flip_bit(fs, kFirst, 128 + 40 + 32);  // In the first record.
    const auto log = open_log(fs, kRecoveredFolder, small_log_options());
    ASSERT_TRUE(log);
    expect_read_only_at(*log, {});
  }
}

TEST(Recovery, leaves_segments_below_check_from_to_the_cursor) {
  io::SimulatedFileSystem fs;
  std::vector<OwnedRecord> records;
  {
    const auto log = open_log(fs, kRecoveredFolder, small_log_options());
    ASSERT_TRUE(log);
    records = fill_segments(*log, 4);
    ASSERT_OK(log->close());
  }
  flip_bit(fs, kFirst, 128 + 40 + 32);
  LocalLogOptions options = small_log_options();
  options.check_from = Lsn(records.back().lsn);
  const auto log = open_log(fs, kRecoveredFolder, options);
  ASSERT_TRUE(log);
  EXPECT_OK(log->health());
  const auto cursor = log->read_from(Lsn(1));
  ASSERT_OK(cursor);
  EXPECT_CODE((*cursor)->next(), ErrorCode::kCorruption);
  EXPECT_CODE(log->health(), ErrorCode::kCorruption);  // No append on top of a log that cannot be read.
}

TEST(Recovery, names_a_missing_segment) {
  for (std::size_t missing = 0; missing < 4; ++missing) {
    io::SimulatedFileSystem fs;
    std::vector<SegmentInfo> segments;
    {
      const auto log = open_log(fs, kRecoveredFolder, small_log_options());
      ASSERT_TRUE(log);
      fill_segments(*log, 4);
      segments = log->segments();
    }
    const std::string name = fmt::format("events-{:020}.log", segments[missing].first_lsn.value());
    ASSERT_OK(fs.remove_file(kRecoveredFolder + "/" + name));
    const auto log = open_log(fs, kRecoveredFolder, small_log_options());
    ASSERT_TRUE(log);
    if (missing == 0) {
      EXPECT_OK(log->health());  // As after a trim: the models know what they miss.
      EXPECT_CODE(log->read_from(Lsn(1)), ErrorCode::kGone);
      continue;
    }
    EXPECT_CODE(log->health(), ErrorCode::kCorruption);
    EXPECT_NE(log->health().message().find(name), std::string::npos) << log->health().message();
    const auto records = read_all(*log);
    ASSERT_FALSE(records.empty());
    EXPECT_EQ(records.back().lsn, segments[missing - 1].last_lsn.value());
  }
}

TEST(Recovery, removes_what_a_rotation_left_and_nothing_else) {
  const auto name_of = [](std::uint64_t lsn) { return fmt::format("/wal/events-{:020}.log", lsn); };
  for (const bool is_closed : {false, true}) {
    io::SimulatedFileSystem fs;
    std::vector<OwnedRecord> records;
    {
      const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
      ASSERT_TRUE(log);
      records = commit_group(*log, {"one", "two", "three"});
      if (is_closed) {
        ASSERT_OK(log->close());
      }
    }
    // Between records of the log, behind all LSNs that it may have given out, and the next one of a closed log.
    std::vector<std::uint64_t> foreign = {2, 3, 2'000'000, 99'999'999'999};
    if (is_closed) {
      foreign.push_back(4);
    }
    for (const std::uint64_t lsn : foreign) {
      ASSERT_OK(fs.open(name_of(lsn), io::OpenMode::kCreateNew));
      const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
      ASSERT_TRUE(log);
      EXPECT_NE(log->health().message().find(name_of(lsn)), std::string::npos) << log->health().message();
      expect_read_only_at(*log, records);
      EXPECT_OK(fs.stat(name_of(lsn)));
      ASSERT_OK(fs.remove_file(name_of(lsn)));
    }
    if (!is_closed) {
      ASSERT_OK(fs.open(name_of(4), io::OpenMode::kCreateNew));
    }
    const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
    ASSERT_TRUE(log);
    EXPECT_OK(log->health());
    EXPECT_EQ(read_all(*log), records);
    EXPECT_CODE(fs.stat(name_of(4)), ErrorCode::kNotFound);
  }
}

TEST(Recovery, names_a_missing_or_damaged_state_file) {
  for (const bool missing : {true, false}) {
    io::SimulatedFileSystem fs;
    std::vector<OwnedRecord> records;
    {
      const auto log = open_log(fs, kRecoveredFolder, small_log_options());
      ASSERT_TRUE(log);
      records = commit_group(*log, {"a"});
    }
    if (missing) {
      ASSERT_OK(fs.remove_file(kRecoveredFolder + "/state"));
    } else {
      flip_bit(fs, kRecoveredFolder + "/state", 33);
    }
    const auto log = open_log(fs, kRecoveredFolder, small_log_options());
    ASSERT_TRUE(log);
    expect_read_only_at(*log, records);
    EXPECT_NE(log->health().message().find("/wal/state"), std::string::npos);
  }
}

TEST(Recovery, notices_any_byte_behind_the_end_of_a_closed_log) {
  io::SimulatedFileSystem fs;
  OwnedGroup kept;
  {
    const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
    ASSERT_TRUE(log);
    kept = commit_group(*log, {"a"});
    ASSERT_OK(log->close());
  }
  {
    const auto file = fs.open(kFirst, io::OpenMode::kReadWrite);
    ASSERT_OK(file);
    const std::vector<std::byte> zeros(8);
    ASSERT_OK((*file)->write_at(*(*file)->size(), zeros));
  }
  const auto log = open_log(fs, kRecoveredFolder, plain_log_options());
  ASSERT_TRUE(log);
  expect_read_only_at(*log, kept);
}

TEST(Recovery, refuses_a_later_version_without_touching_it) {
  io::SimulatedFileSystem fs;
  { ASSERT_TRUE(open_log(fs, kRecoveredFolder, plain_log_options())); }
  const auto file = fs.open(kRecoveredFolder + "/state", io::OpenMode::kReadWrite);
  ASSERT_OK(file);
  std::vector<std::byte> bytes(format::kLogStateBytes);
  ASSERT_OK((*file)->read_at(0, bytes));
  bytes[8] = std::byte{2};
  const std::uint32_t crc = crc32c(std::span(bytes).first(76));
  std::memcpy(bytes.data() + 76, &crc, sizeof(crc));
  ASSERT_OK((*file)->write_at(0, bytes));
  const std::uint64_t operations = fs.operation_count();
  EXPECT_CODE(LocalLog::open(fs, kRecoveredFolder, plain_log_options()), ErrorCode::kInvalidArgument);
  // But for the sync of the parent folder.
  EXPECT_LE(fs.operation_count(), operations + 1);
}

}  // namespace
}  // namespace vibrato::wal
