// A catalog or a log that lost something at its end is noticed, though nothing in it says so.
#include "engine/witness.hpp"

#include <fmt/format.h>
#include <vector>

#include "engine/database_impl.hpp"
#include "engine/offline.hpp"
#include "support/file_contents.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

using test::MadeContent;

class WitnessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(database_.open());
    ASSERT_OK(database_.create("c"));
    ASSERT_OK(database_.put("c", 1, 1));
    ASSERT_OK(database_.put("c", 2, 2));
  }
  // As a process that is killed: nothing is written any more, everything that was stays.
  void kill() {
    disk_.cut_power();
    database_.close();
    disk_.restart(io::CrashMode::kKeepAll, 1);
  }
  // As the timer does each second.
  void note() { database_->impl().each_second(); }

  std::vector<std::byte> bytes_of(const std::string& path) {
    const auto info = disk_.stat(path);
    EXPECT_OK(info);
    std::vector<std::byte> bytes(info.ok() ? info->size_bytes : 0);
    const auto file = disk_.open(path, io::OpenMode::kReadOnly);
    EXPECT_OK(file);
    EXPECT_OK((*file)->read_at(0, bytes));
    return bytes;
  }
  void put_bytes(const std::string& path, const std::vector<std::byte>& bytes) {
    const auto file = disk_.open(path, io::OpenMode::kCreateTruncate);
    ASSERT_OK(file);
    ASSERT_OK((*file)->write_at(0, bytes));
  }
  // Which names, of all, a message should have.
  void expect_refused(const std::vector<std::string>& words) {
    const Status refused = database_.open();
    EXPECT_CODE(refused, ErrorCode::kCorruption);
    for (const std::string& word : words) {
      EXPECT_NE(refused.message().find(word), std::string::npos) << refused.message();
    }
  }
  OfflineContext offline() { return {disk_, database_.clock(), database_.logger(), {}}; }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_};
};

TEST_F(WitnessTest, it_is_written_and_read_and_no_byte_of_it_may_change) {
  const DataFolder folder("/data");
  const Witness witness = {{std::byte{1}, std::byte{0xfe}}, 12, Lsn(345)};
  ASSERT_OK(write_witness(disk_, folder, witness));
  auto read = read_witness(disk_, folder);
  ASSERT_OK(read);
  EXPECT_EQ(*read, std::optional(witness));
  const std::vector<std::byte> bytes = bytes_of("/data/witness");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::vector<std::byte> changed = bytes;
    changed[i] ^= std::byte{1};
    put_bytes("/data/witness", changed);
    EXPECT_CODE(read_witness(disk_, folder), ErrorCode::kCorruption) << i;
    changed.resize(i);
    put_bytes("/data/witness", changed);
    EXPECT_CODE(read_witness(disk_, folder), ErrorCode::kCorruption) << i;
  }
  ASSERT_OK(disk_.remove_file("/data/witness"));
  read = read_witness(disk_, folder);
  ASSERT_OK(read);
  EXPECT_FALSE(read->has_value());
}

TEST_F(WitnessTest, a_log_without_its_catalog_is_refused_and_can_be_replayed_without_keys) {
  const Lsn last = database_->visible_lsn();
  database_.close();
  ASSERT_OK(disk_.remove_file("/data/catalog.db"));
  for (const bool with_witness : {true, false}) {
    if (!with_witness) {
      ASSERT_OK(disk_.remove_file("/data/witness"));
    }
    expect_refused({"/data/catalog.db", with_witness ? "/data/witness" : "/data/wal", "snapshot-restore",
                    "replay-to-lsn", "--bootstrap-admin-key"});
    EXPECT_CODE(disk_.stat("/data/catalog.db"), ErrorCode::kNotFound);
  }
  const auto replayed = replay_to_lsn(offline(), database_.options(), last, "");
  ASSERT_OK(replayed);
  EXPECT_EQ(replayed->lsn, last);
  ASSERT_OK(database_.open());
  const auto content = database_.content();
  ASSERT_OK(content);
  EXPECT_EQ(*content, (MadeContent{{"c", {{1, 1}, {2, 2}}}}));
  EXPECT_OK(database_.put("c", 3, 3));
}

TEST_F(WitnessTest, segments_without_catalog_and_log_are_no_new_folder) {
  ASSERT_OK(database_.checkpoint());
  database_.close();
  ASSERT_OK(disk_.remove_file("/data/catalog.db"));
  ASSERT_OK(disk_.remove_file("/data/witness"));
  ASSERT_OK(remove_tree(disk_, "/data/wal"));
  expect_refused({"/data/catalog.db", "/data/segments"});
}

TEST_F(WitnessTest, a_removed_journal_of_the_catalog_is_noticed) {
  ASSERT_OK(database_.checkpoint());
  note();
  kill();
  ASSERT_OK(disk_.stat("/data/catalog.db-wal"));
  ASSERT_OK(disk_.remove_file("/data/catalog.db-wal"));
  expect_refused({"/data/catalog.db", "snapshot-restore"});
}

TEST_F(WitnessTest, a_damaged_journal_of_the_catalog_is_noticed) {
  ASSERT_OK(database_.checkpoint());
  note();
  kill();
  std::vector<std::byte> bytes = bytes_of("/data/catalog.db-wal");
  // In its last commit, which SQLite takes for one that was never made.
  bytes[bytes.size() - 100] ^= std::byte{1};
  put_bytes("/data/catalog.db-wal", bytes);
  expect_refused({"catalog.db: commits: expected at least", "older copy", "-wal"});
  expect_refused({"catalog.db: commits: expected at least"});
}

TEST_F(WitnessTest, an_older_copy_of_the_catalog_is_refused_also_by_a_restore_that_would_keep_its_keys) {
  ASSERT_OK(database_.snapshot("s"));
  database_.close();
  const std::vector<std::byte> old = bytes_of("/data/catalog.db");
  ASSERT_OK(database_.open());
  ASSERT_OK(database_.checkpoint());
  database_.close();
  put_bytes("/data/catalog.db", old);
  expect_refused({"catalog.db: commits: expected at least"});
  const auto refused = restore_snapshot(offline(), database_.options(), "/data/snapshots/s");
  EXPECT_CODE(refused.status(), ErrorCode::kCorruption);
  EXPECT_NE(refused.status().message().find("move /data/catalog.db away"), std::string::npos);
  ASSERT_OK(disk_.rename("/data/catalog.db", "/data/old.db"));
  ASSERT_OK(restore_snapshot(offline(), database_.options(), "/data/snapshots/s"));
  ASSERT_OK(database_.open());
  EXPECT_TRUE(database_->readiness().ready);
  EXPECT_OK(database_.put("c", 3, 3));
}

TEST_F(WitnessTest, a_log_whose_end_was_cut_off_by_hand_is_noticed) {
  ASSERT_OK(database_.put("c", 3, 3));
  const Lsn last = database_->visible_lsn();
  note();
  kill();
  const std::string segment = "/data/wal/" + disk_.list_directory("/data/wal")->front().name;
  std::vector<std::byte> bytes = bytes_of(segment);
  // The zeros written ahead, and a part of the last record.
  while (bytes.back() == std::byte{0}) {
    bytes.pop_back();
  }
  bytes.resize(bytes.size() - 8);
  put_bytes(segment, bytes);
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_OK(database_.open());
    const Readiness readiness = database_->readiness();
    ASSERT_EQ(readiness.reasons.size(), 1U);
    EXPECT_NE(readiness.reasons[0].find(fmt::format("wal: expected a log up to LSN {}, found one up to LSN {}",
                                                    last.value(), last.value() - 1)),
              std::string::npos)
        << readiness.reasons[0];
    EXPECT_NE(readiness.reasons[0].find("snapshot-restore"), std::string::npos);
    const auto content = database_.content();
    ASSERT_OK(content);
    EXPECT_EQ(*content, (MadeContent{{"c", {{1, 1}, {2, 2}}}}));
    EXPECT_CODE(database_.put("c", 4, 4), ErrorCode::kUnavailable);
  }
  database_.close();
  ASSERT_OK(replay_to_lsn(offline(), database_.options(), Lsn(last.value() - 1), ""));
  ASSERT_OK(database_.open());
  EXPECT_TRUE(database_->readiness().ready);
  EXPECT_OK(database_.put("c", 4, 4));
  EXPECT_GT(database_->visible_lsn(), last);
}

TEST_F(WitnessTest, a_log_that_is_gone_is_noticed_though_the_catalog_has_nothing_of_it) {
  const Lsn last = database_->visible_lsn();
  database_.close();
  ASSERT_OK(remove_tree(disk_, "/data/wal"));
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_OK(database_.open());
    const Readiness readiness = database_->readiness();
    ASSERT_EQ(readiness.reasons.size(), 1U);
    EXPECT_NE(readiness.reasons[0].find(fmt::format("wal: expected a log up to LSN {}, found none", last.value())),
              std::string::npos)
        << readiness.reasons[0];
    EXPECT_CODE(database_.create("d"), ErrorCode::kUnavailable);
  }
  EXPECT_CODE(disk_.stat("/data/wal"), ErrorCode::kNotFound);
}

TEST_F(WitnessTest, a_removed_state_file_of_the_log_is_named_with_what_to_do) {
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.put("c", 3, 3));
  const Lsn last = database_->visible_lsn();
  database_.close();
  ASSERT_OK(disk_.remove_file("/data/wal/state"));
  ASSERT_OK(database_.open());
  const Readiness readiness = database_->readiness();
  ASSERT_EQ(readiness.reasons.size(), 1U);
  for (const char* const word :
       {"wal/state: expected the state of the log, found no file", "Put back", "snapshot-restore", "replay-to-lsn"}) {
    EXPECT_NE(readiness.reasons[0].find(word), std::string::npos) << readiness.reasons[0];
  }
  const auto content = database_.content();
  ASSERT_OK(content);
  EXPECT_EQ(content->at("c").size(), 3U);
  EXPECT_CODE(database_.put("c", 4, 4), ErrorCode::kUnavailable);
  database_.close();
  ASSERT_OK(replay_to_lsn(offline(), database_.options(), last, ""));
  ASSERT_OK(database_.open());
  EXPECT_TRUE(database_->readiness().ready);
  EXPECT_EQ(database_.content()->at("c").size(), 3U);
}

TEST_F(WitnessTest, without_one_or_with_a_damaged_one_a_folder_is_opened_and_gets_a_new_one) {
  for (const bool damaged : {false, true}) {
    database_.close();
    if (damaged) {
      put_bytes("/data/witness", {std::byte{'x'}});
    } else {
      ASSERT_OK(disk_.remove_file("/data/witness"));
    }
    ASSERT_OK(database_.open());
    EXPECT_TRUE(database_->readiness().ready);
    const auto read = read_witness(disk_, DataFolder("/data"));
    ASSERT_OK(read);
    ASSERT_TRUE(read->has_value());
    EXPECT_EQ((*read)->lsn, database_->visible_lsn());
    EXPECT_EQ((*read)->catalog_commits, database_->catalog().commits());
  }
}

}  // namespace
}  // namespace vibrato::engine
