#include "wal/local_log.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "io/simulated_file_system.hpp"
#include "support/log_records.hpp"

namespace vibrato::wal {
namespace {

using test::append_groups;
using test::commit_group;
using test::flat;
using test::group_of;
using test::open_log;
using test::OwnedGroup;
using test::plain_log_options;
using test::read_all;
using test::small_log_options;

const std::string kLogFolder = "/wal";

std::vector<OwnedGroup> commit_many(Log& log, int count, std::size_t body_bytes = 100) {
  std::vector<OwnedGroup> groups;
  for (int i = 0; i < count; ++i) {
    groups.push_back(
        commit_group(log, {std::string(body_bytes, static_cast<char>('a' + i % 26))}, log.end().last_time_ms + 1));
  }
  return groups;
}

TEST(LocalLog, gives_lsns_from_one_and_reads_back_what_was_appended) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, plain_log_options());
  ASSERT_TRUE(log);
  EXPECT_TRUE(log->open_report().created);
  EXPECT_TRUE(read_all(*log).empty());
  std::vector<OwnedGroup> groups = {group_of({"", "a", "bc"}), group_of({"def"})};
  const auto range = append_groups(*log, groups);
  ASSERT_OK(range);
  EXPECT_EQ(range->first, Lsn(1));
  EXPECT_EQ(range->last, Lsn(4));
  EXPECT_TRUE(read_all(*log).empty());  // Not durable yet.
  const auto durable = log->sync();
  ASSERT_OK(durable);
  EXPECT_EQ(*durable, Lsn(4));
  EXPECT_EQ(read_all(*log), flat(groups));
  EXPECT_EQ(read_all(*log, Lsn(3)).front().lsn, 3U);
  EXPECT_TRUE(read_all(*log, Lsn(5)).empty());
}

TEST(LocalLog, a_cursor_goes_on_where_it_found_nothing) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, small_log_options());
  ASSERT_TRUE(log);
  const auto cursor = log->read_from(Lsn(1));
  ASSERT_OK(cursor);
  std::vector<OwnedGroup> groups;
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(test::drain(**cursor).empty());
    groups.push_back(commit_group(*log, {std::string(90, 'x'), "second"}, i));
    EXPECT_EQ(test::drain(**cursor), groups.back());
  }
  EXPECT_GT(log->stats().segment_count, 5U);
}

TEST(LocalLog, refuses_an_append_that_expects_another_last_lsn) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, plain_log_options());
  ASSERT_TRUE(log);
  const Record record;
  const std::vector<RecordGroup> groups = {RecordGroup(&record, 1)};
  ASSERT_OK(log->append(groups, Lsn(0)));
  EXPECT_CODE(log->append(groups, Lsn(0)), ErrorCode::kConflict);
  EXPECT_CODE(log->append(groups, Lsn(2)), ErrorCode::kConflict);
  EXPECT_OK(log->append(groups, Lsn(1)));
  EXPECT_EQ(log->end().last_lsn, Lsn(2));
}

TEST(LocalLog, refuses_empty_groups_and_times_that_go_back) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, plain_log_options());
  ASSERT_TRUE(log);
  commit_group(*log, {"a"}, 500);
  Record early;
  early.time_ms = 499;
  EXPECT_CODE(log->append({}, Lsn(1)), ErrorCode::kInvalidArgument);
  EXPECT_CODE(log->append(std::vector<RecordGroup>{RecordGroup()}, Lsn(1)), ErrorCode::kInvalidArgument);
  EXPECT_CODE(log->append(std::vector{RecordGroup(&early, 1)}, Lsn(1)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(log->end().last_lsn, Lsn(1));
  EXPECT_EQ(log->end().last_time_ms, 500);
}

TEST(LocalLog, takes_a_record_of_the_largest_size_and_none_above) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, plain_log_options());
  ASSERT_TRUE(log);
  std::vector<std::byte> body(format::kLogBodyBytesMax + 1, std::byte{7});
  Record record;
  record.body = body;
  EXPECT_CODE(log->append(std::vector{RecordGroup(&record, 1)}, Lsn(0)), ErrorCode::kPayloadTooLarge);
  record.body = std::span(body).first(format::kLogBodyBytesMax);
  ASSERT_OK(log->append(std::vector{RecordGroup(&record, 1)}, Lsn(0)));
  ASSERT_OK(log->sync());
  const auto cursor = log->read_from(Lsn(1));
  ASSERT_OK(cursor);
  const auto read = (*cursor)->next();
  ASSERT_OK(read);
  ASSERT_TRUE(read->has_value());
  EXPECT_EQ((*read)->body.size(), format::kLogBodyBytesMax);
  const std::vector<Record> many(4, record);
  EXPECT_CODE(log->append(std::vector{RecordGroup(many)}, Lsn(1)), ErrorCode::kPayloadTooLarge);
}

TEST(LocalLog, goes_on_with_the_next_lsn_after_close) {
  io::SimulatedFileSystem fs;
  std::vector<OwnedGroup> groups;
  for (int round = 0; round < 4; ++round) {
    const auto log = open_log(fs, kLogFolder, small_log_options());
    ASSERT_TRUE(log);
    ASSERT_OK(log->health());
    EXPECT_EQ(log->open_report().was_closed, round > 0);
    EXPECT_EQ(log->end().next_lsn.value(), groups.size() + 1);
    EXPECT_EQ(read_all(*log), flat(groups));
    const auto added = commit_many(*log, 9);
    groups.insert(groups.end(), added.begin(), added.end());
    ASSERT_OK(log->close());
    EXPECT_CODE(log->health(), ErrorCode::kUnavailable);
    EXPECT_CODE(log->sync(), ErrorCode::kUnavailable);
  }
}

TEST(LocalLog, skips_past_the_high_water_mark_after_an_unclean_stop) {
  io::SimulatedFileSystem fs;
  Lsn seen;
  {
    const auto log = open_log(fs, kLogFolder, small_log_options());
    ASSERT_TRUE(log);
    commit_group(*log, {"kept"});
    OwnedGroup lost = group_of({"lost", "too"});
    const auto range = append_groups(*log, std::span(&lost, 1));
    ASSERT_OK(range);
    seen = range->last;
  }
  fs.restart(io::CrashMode::kKeepNone, 1);
  for (int round = 0; round < 3; ++round) {
    const auto log = open_log(fs, kLogFolder, small_log_options());
    ASSERT_TRUE(log);
    EXPECT_EQ(log->end().last_lsn, Lsn(1));
    EXPECT_GT(log->end().next_lsn, seen);
    if (round > 0) {
      ASSERT_OK(log->close());  // Nothing was appended; what was seen must stay unused all the same.
    }
  }
}

TEST(LocalLog, rotates_at_the_size_and_only_large_appends_make_larger_segments) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, small_log_options());
  ASSERT_TRUE(log);
  commit_many(*log, 20, 200);
  for (const SegmentInfo& segment : log->segments()) {
    EXPECT_LE(segment.bytes, 1024U);
  }
  const std::size_t before = log->segments().size();
  EXPECT_GT(before, 3U);
  commit_group(*log, {std::string(5000, 'y')}, 5000);
  commit_group(*log, {"z"}, 5000);
  const auto segments = log->segments();
  ASSERT_EQ(segments.size(), before + 2);
  EXPECT_GT(segments[before].bytes, 5000U);
  EXPECT_EQ(segments[before].last_time_ms, 5000);
  EXPECT_EQ(segments[before + 1].first_lsn, segments[before].last_lsn.next());
}

TEST(LocalLog, trims_whole_segments_and_reports_the_gap) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, small_log_options());
  ASSERT_TRUE(log);
  const auto groups = commit_many(*log, 30);
  const auto segments = log->segments();
  ASSERT_GT(segments.size(), 4U);
  const auto behind = log->read_from(Lsn(1));
  ASSERT_OK(behind);
  ASSERT_OK((*behind)->next());
  // One short of the third segment's end: two go.
  ASSERT_OK(log->trim(Lsn(segments[2].last_lsn.value() - 1)));
  EXPECT_EQ(log->segments().size(), segments.size() - 2);
  EXPECT_EQ(log->stats().oldest_lsn, segments[2].first_lsn);
  EXPECT_CODE(log->read_from(segments[1].last_lsn), ErrorCode::kGone);
  EXPECT_EQ(read_all(*log, segments[2].first_lsn).front().lsn, segments[2].first_lsn.value());
  Status failure;
  test::drain(**behind, &failure);
  EXPECT_EQ(failure.code(), ErrorCode::kGone);
  EXPECT_CODE((*behind)->next(), ErrorCode::kGone);
  // The newest segment stays whatever is asked for.
  ASSERT_OK(log->trim(Lsn::max()));
  EXPECT_EQ(log->segments().size(), 1U);
  ASSERT_OK(log->close());
  const auto again = open_log(fs, kLogFolder, small_log_options());
  ASSERT_TRUE(again);
  EXPECT_OK(again->health());
  EXPECT_CODE(again->read_from(Lsn(1)), ErrorCode::kGone);
  EXPECT_EQ(again->end().last_lsn, Lsn(30));
}

TEST(LocalLog, a_cursor_that_read_all_of_a_trimmed_segment_misses_nothing) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, small_log_options());
  ASSERT_TRUE(log);
  commit_many(*log, 5);
  const auto cursor = log->read_from(Lsn(1));
  ASSERT_OK(cursor);
  ASSERT_EQ(test::drain(**cursor).size(), 5U);
  commit_group(*log, {std::string(900, 'r')}, 5000);
  commit_group(*log, {std::string(900, 's')}, 5000);
  ASSERT_OK(log->trim(Lsn(5)));
  EXPECT_EQ(test::drain(**cursor).size(), 2U);
}

TEST(LocalLog, a_full_disk_refuses_the_append_and_the_log_goes_on) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, small_log_options());
  ASSERT_TRUE(log);
  std::vector<OwnedGroup> groups = commit_many(*log, 3);
  fs.set_capacity(100);
  OwnedGroup refused = group_of({std::string(700, 'n')}, 2000);
  EXPECT_CODE(append_groups(*log, std::span(&refused, 1)), ErrorCode::kDiskFull);
  EXPECT_CODE(append_groups(*log, std::span(&refused, 1)), ErrorCode::kDiskFull);
  EXPECT_OK(log->health());
  EXPECT_EQ(read_all(*log), flat(groups));
  EXPECT_EQ(log->end().next_lsn, Lsn(4));
  fs.set_capacity(UINT64_MAX);
  groups.push_back(commit_group(*log, {"after"}, 3000));
  EXPECT_EQ(groups.back().front().lsn, 4U);
  ASSERT_OK(log->close());
  const auto again = open_log(fs, kLogFolder, small_log_options());
  ASSERT_TRUE(again);
  ASSERT_OK(again->health());
  EXPECT_EQ(read_all(*again), flat(groups));
}

TEST(LocalLog, stops_for_good_after_the_first_failed_sync_and_never_tries_again) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, plain_log_options());
  ASSERT_TRUE(log);
  const OwnedGroup kept = commit_group(*log, {"kept"});
  OwnedGroup unknown = group_of({"unknown"});
  ASSERT_OK(append_groups(*log, std::span(&unknown, 1)));
  fs.fail_next_sync();
  EXPECT_CODE(log->sync(), ErrorCode::kUnavailable);
  const std::uint64_t operations = fs.operation_count();
  EXPECT_CODE(log->sync(), ErrorCode::kUnavailable);
  EXPECT_CODE(append_groups(*log, std::span(&unknown, 1)), ErrorCode::kUnavailable);
  EXPECT_CODE(log->prepare(), ErrorCode::kUnavailable);
  EXPECT_CODE(log->trim(Lsn(1)), ErrorCode::kUnavailable);
  EXPECT_CODE(log->close(), ErrorCode::kUnavailable);
  EXPECT_EQ(fs.operation_count(), operations);  // Nothing was even tried.
  EXPECT_EQ(read_all(*log), kept);
}

TEST(LocalLog, writes_zeros_ahead_when_prepared_and_appends_into_them) {
  io::SimulatedFileSystem fs;
  LocalLogOptions options = plain_log_options();
  options.zeros_ahead_bytes = 4096;
  const auto log = open_log(fs, kLogFolder, options);
  ASSERT_TRUE(log);
  ASSERT_OK(log->prepare());
  const std::string path = kLogFolder + "/events-00000000000000000001.log";
  const auto size = [&] { return fs.stat(path)->size_bytes; };
  EXPECT_EQ(size(), 128U + 4096U);
  const auto groups = commit_many(*log, 10);
  EXPECT_EQ(size(), 128U + 4096U);
  ASSERT_OK(log->close());
  EXPECT_EQ(size(), log->stats().bytes);
  const auto again = open_log(fs, kLogFolder, options);
  ASSERT_TRUE(again);
  EXPECT_EQ(read_all(*again), flat(groups));
}

TEST(LocalLog, read_only_changes_nothing) {
  io::SimulatedFileSystem fs;
  LocalLogOptions options = small_log_options();
  options.read_only = true;
  EXPECT_CODE(LocalLog::open(fs, kLogFolder, options), ErrorCode::kNotFound);
  const auto log = open_log(fs, kLogFolder, small_log_options());
  ASSERT_TRUE(log);
  const auto groups = commit_many(*log, 12);
  const std::uint64_t operations = fs.operation_count();
  const auto reader = open_log(fs, kLogFolder, options);
  ASSERT_TRUE(reader);
  EXPECT_EQ(read_all(*reader), flat(groups));
  OwnedGroup refused = group_of({"n"});
  EXPECT_CODE(append_groups(*reader, std::span(&refused, 1)), ErrorCode::kUnavailable);
  EXPECT_OK(reader->close());
  EXPECT_EQ(fs.operation_count(), operations);
}

TEST(LocalLog, leaves_foreign_files_alone) {
  io::SimulatedFileSystem fs;
  ASSERT_OK(fs.create_directory(kLogFolder));
  for (const char* name : {"events-1.log", "events-00000000000000000009.log.bak", "notes.txt"}) {
    test::write_text(fs, kLogFolder + "/" + name, "mine");
  }
  {
    const auto log = open_log(fs, kLogFolder, small_log_options());
    ASSERT_TRUE(log);
    ASSERT_OK(log->health());
    commit_many(*log, 20);
    ASSERT_OK(log->trim(Lsn::max()));
  }
  for (const char* name : {"events-1.log", "events-00000000000000000009.log.bak", "notes.txt"}) {
    EXPECT_EQ(test::read_text(fs, kLogFolder + "/" + name), "mine");
  }
}

TEST(LocalLog, counts_what_it_does) {
  io::SimulatedFileSystem fs;
  const auto log = open_log(fs, kLogFolder, plain_log_options());
  ASSERT_TRUE(log);
  std::vector<OwnedGroup> groups = {group_of({"a", "b"}), group_of({"c"})};
  ASSERT_OK(append_groups(*log, groups));
  ASSERT_OK(log->sync());
  ASSERT_OK(log->sync());  // Nothing to do: not counted, not done.
  const LogStats stats = log->stats();
  EXPECT_EQ(stats.appends, 1U);
  EXPECT_EQ(stats.appended_records, 3U);
  EXPECT_EQ(stats.appended_bytes, 40U + 3U * 40U);
  EXPECT_EQ(stats.syncs, 1U);
  EXPECT_EQ(stats.segment_count, 1U);
  EXPECT_EQ(stats.bytes, 128U + 160U);
  EXPECT_EQ(stats.oldest_lsn, Lsn(1));
}

}  // namespace
}  // namespace vibrato::wal
