#include "wal/log_copy.hpp"

#include "io/simulated_file_system.hpp"
#include "support/log_records.hpp"

namespace vibrato::wal {
namespace {

using test::OwnedRecord;

class LogCopyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.segment_bytes = 1024;
    options_.zeros_ahead_bytes = 256;
    reopen();
    for (int i = 0; i < 40; ++i) {
      add_group();
    }
  }
  void reopen() {
    log_.reset();
    auto log = LocalLog::open(disk_, "/wal", options_);
    ASSERT_OK(log);
    log_ = std::move(*log);
  }
  void add_group() {
    const auto group = test::commit_group(*log_, {std::string(50, 'a'), std::string(60, 'b')});
    records_.insert(records_.end(), group.begin(), group.end());
  }
  Result<LogCopyReport> copy(std::uint64_t after, std::uint64_t up_to, const std::string& target,
                             std::vector<std::string> sources = {"/wal"}) {
    EXPECT_OK(disk_.create_directory(target));
    LogCopyRequest request;
    request.sources = std::move(sources);
    request.target = target;
    request.after = Lsn(after);
    request.up_to = Lsn(up_to);
    request.high_water = Lsn(500);
    return copy_log(disk_, request);
  }
  // The copy, opened as a log of its own: what it holds above `after`, and that it goes on above the high-water mark.
  void expect_holds(const std::string& folder, std::uint64_t after, std::uint64_t last) {
    const auto opened = LocalLog::open(disk_, folder, options_);
    ASSERT_OK(opened);
    EXPECT_OK((*opened)->health());
    EXPECT_TRUE((*opened)->open_report().was_closed);
    EXPECT_EQ((*opened)->end().last_lsn, Lsn(last));
    EXPECT_EQ((*opened)->end().next_lsn, Lsn(501));
    const auto cursor = (*opened)->read_from(Lsn(after + 1));
    ASSERT_OK(cursor);
    std::vector<OwnedRecord> expected;
    for (const OwnedRecord& record : records_) {
      if (record.lsn > after && record.lsn <= last) {
        expected.push_back(record);
      }
    }
    EXPECT_EQ(test::drain(**cursor), expected);
    test::commit_group(**opened, {"more"});
    EXPECT_EQ((*opened)->end().last_lsn, Lsn(501));
  }

  io::SimulatedFileSystem disk_;
  LocalLogOptions options_;
  std::unique_ptr<LocalLog> log_;
  std::vector<OwnedRecord> records_;
};

TEST_F(LogCopyTest, every_end_gives_a_closed_log_with_exactly_what_is_below) {
  ASSERT_GT(log_->stats().segment_count, 3U);
  for (std::uint64_t up_to = 0; up_to <= 80; up_to += 7) {
    const std::string target = "/copy" + std::to_string(up_to);
    const auto copied = copy(up_to / 2, up_to, target);
    ASSERT_OK(copied) << up_to;
    EXPECT_EQ(copied->last_lsn, Lsn(up_to / 2 * 2));  // Groups of two stay whole.
    expect_holds(target, up_to / 2, up_to / 2 * 2);
  }
}

// The groups here are of two records: with the type of the second one as the closing type it never stays behind.
TEST_F(LogCopyTest, records_that_close_a_group_come_with_what_is_in_front_of_them) {
  for (const std::uint64_t up_to : {0U, 1U, 2U, 7U, 79U, 80U}) {
    LogCopyRequest request;
    request.sources = {"/wal"};
    request.target = "/closed" + std::to_string(up_to);
    request.up_to = Lsn(up_to);
    request.high_water = Lsn(500);
    request.closing_type = static_cast<std::uint16_t>(records_.at(1).type);
    ASSERT_OK(disk_.create_directory(request.target));
    const auto copied = copy_log(disk_, request);
    ASSERT_OK(copied) << up_to;
    EXPECT_EQ(copied->last_lsn, Lsn((up_to + 1) / 2 * 2));
    expect_holds(request.target, 0, copied->last_lsn.value());
  }
}

TEST_F(LogCopyTest, what_is_appended_behind_does_not_matter_and_what_is_below_is_left_out) {
  const auto copied = copy(60, 70, "/copy");
  ASSERT_OK(copied);
  add_group();
  expect_holds("/copy", 60, 70);
  EXPECT_LT(copied->files.size(), log_->stats().segment_count);
}

TEST_F(LogCopyTest, a_log_that_was_trimmed_past_the_beginning_is_gone) {
  ASSERT_OK(log_->trim(Lsn(40)));
  const Lsn oldest = log_->stats().oldest_lsn;
  ASSERT_GT(oldest, Lsn(10));
  EXPECT_CODE(copy(oldest.value() - 2, 70, "/copy"), ErrorCode::kGone);
  EXPECT_OK(copy(oldest.value() - 1, 70, "/copy2"));
}

TEST_F(LogCopyTest, two_sources_complete_each_other) {
  ASSERT_OK(copy(0, 46, "/old"));
  ASSERT_OK(log_->trim(Lsn(40)));
  EXPECT_CODE(copy(0, 80, "/no"), ErrorCode::kGone);
  const auto copied = copy(0, 80, "/copy", {"/wal", "/old"});
  ASSERT_OK(copied);
  expect_holds("/copy", 0, 80);
  // With a hole between them they do not.
  ASSERT_OK(copy(0, 10, "/short", {"/old"}));
  EXPECT_CODE(copy(0, 80, "/no2", {"/wal", "/short"}), ErrorCode::kGone);
}

TEST_F(LogCopyTest, a_log_goes_on_from_its_own_copies_and_from_no_past_that_was_undone) {
  const auto goes_on = [this](const std::string& folder, std::uint64_t up_to) {
    const auto answer = goes_on_from(disk_, folder, "/copy" + std::to_string(up_to));
    EXPECT_OK(answer);
    return answer.ok() && *answer;
  };
  for (std::uint64_t up_to = 0; up_to <= 80; up_to += 2) {
    ASSERT_OK(copy(0, up_to, "/copy" + std::to_string(up_to)));
    EXPECT_TRUE(goes_on("/wal", up_to)) << up_to;
  }
  // Taken back to record 46, it goes on with others, also in the segment that the undone ones were in.
  ASSERT_OK(copy(0, 46, "/back"));
  {
    const auto back = LocalLog::open(disk_, "/back", options_);
    ASSERT_OK(back);
    for (int i = 0; i < 30; ++i) {
      test::commit_group(**back, {std::string(50, 'a'), std::string(60, 'b')});
    }
  }
  for (std::uint64_t up_to = 0; up_to <= 80; up_to += 2) {
    EXPECT_EQ(goes_on("/back", up_to), up_to <= 46) << up_to;
  }
  // What was trimmed is no place to go on from, but for its end.
  ASSERT_OK(log_->trim(Lsn(40)));
  const std::uint64_t oldest = log_->stats().oldest_lsn.value();
  ASSERT_GT(oldest, 10U);
  ASSERT_EQ(oldest % 2, 1U);
  for (std::uint64_t up_to = 0; up_to <= 80; up_to += 2) {
    EXPECT_EQ(goes_on("/wal", up_to), up_to >= oldest - 1) << up_to;
  }
  ASSERT_OK(disk_.create_directory("/empty"));
  EXPECT_FALSE(goes_on("/empty", 20));
  EXPECT_CODE(goes_on_from(disk_, "/wal", "/empty"), ErrorCode::kNotFound);
}

TEST_F(LogCopyTest, the_extent_is_what_can_be_read) {
  auto extent = log_extent(disk_, "/wal");
  ASSERT_OK(extent);
  EXPECT_EQ(extent->after, Lsn());
  EXPECT_EQ(extent->last, Lsn(80));
  ASSERT_OK(log_->trim(Lsn(40)));
  extent = log_extent(disk_, "/wal");
  ASSERT_OK(extent);
  EXPECT_EQ(extent->after, Lsn(log_->stats().oldest_lsn.value() - 1));
  EXPECT_GE(extent->high_water, Lsn(80));
  ASSERT_OK(disk_.create_directory("/empty"));
  EXPECT_CODE(log_extent(disk_, "/empty"), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace vibrato::wal
