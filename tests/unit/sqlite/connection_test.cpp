#include "sqlite/connection.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "io/faulty_file_system.hpp"
#include "io/real_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "sqlite/transaction.hpp"
#include "support/fake_clock.hpp"
#include "support/file_contents.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::sqlite {
namespace {

std::unique_ptr<Connection> open(Vfs& vfs, const std::string& path, const ConnectionOptions& options = {}) {
  auto opened = Connection::open(vfs, path, options);
  EXPECT_OK(opened);
  return opened.ok() ? std::move(opened).value() : nullptr;
}

std::int64_t value_of(Connection& connection, std::string_view sql) {
  auto statement = connection.prepare(sql);
  EXPECT_OK(statement);
  if (!statement.ok()) {
    return -1;
  }
  Rows rows = statement->run();
  const auto found = rows.next();
  EXPECT_OK(found);
  return found.ok() && *found ? rows.i64(0) : -1;
}

void make_rows(Connection& connection, int rows) {
  ASSERT_OK(connection.execute("CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b BLOB)"));
  auto transaction = Transaction::begin(connection);
  ASSERT_OK(transaction);
  auto insert = connection.prepare("INSERT INTO t(b) VALUES (zeroblob(?1))");
  ASSERT_OK(insert);
  for (int row = 0; row < rows; ++row) {
    ASSERT_OK(insert->execute(1000));
  }
  ASSERT_OK(transaction->commit());
}

class ConnectionTest : public ::testing::TestWithParam<JournalMode> {
 protected:
  ConnectionOptions options() const {
    ConnectionOptions options;
    options.journal_mode = GetParam();
    return options;
  }
};

TEST_P(ConnectionTest, rows_are_there_when_it_is_opened_again) {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  {
    Vfs vfs(fs);
    make_rows(*open(vfs, folder.path("a.db"), options()), 20);
  }
  Vfs vfs(fs);
  const auto connection = open(vfs, folder.path("a.db"), options());
  EXPECT_EQ(value_of(*connection, "SELECT count(*) FROM t"), 20);
  EXPECT_OK(connection->check_integrity());
}

TEST_P(ConnectionTest, its_files_are_for_their_owner_only) {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  Vfs vfs(fs);
  const auto connection = open(vfs, folder.path("a.db"), options());
  make_rows(*connection, 1);
  const auto entries = fs.list_directory(folder.path());
  ASSERT_OK(entries);
  EXPECT_GE(entries->size(), 2U);
  for (const io::FileInfo& entry : *entries) {
    struct ::stat info {};
    ASSERT_EQ(::stat(folder.path(entry.name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U) << entry.name;
  }
}

TEST_P(ConnectionTest, a_read_only_one_reads_and_changes_nothing) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  make_rows(*open(vfs, "/a.db", options()), 3);
  const std::uint64_t operations = fs.operation_count();
  ConnectionOptions read_only = options();
  read_only.read_only = true;
  {
    const auto connection = open(vfs, "/a.db", read_only);
    EXPECT_EQ(value_of(*connection, "SELECT count(*) FROM t"), 3);
    EXPECT_CODE(connection->execute("DELETE FROM t"), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(fs.operation_count(), operations);
  EXPECT_CODE(Connection::open(vfs, "/absent.db", read_only), ErrorCode::kNotFound);
}

TEST_P(ConnectionTest, a_full_disk_is_told_and_passes) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  const auto connection = open(vfs, "/a.db", options());
  make_rows(*connection, 1);
  fs.set_capacity(40'000);
  auto insert = connection->prepare("INSERT INTO t(b) VALUES (zeroblob(?1))");
  ASSERT_OK(insert);
  EXPECT_CODE(insert->execute(100'000), ErrorCode::kDiskFull);
  EXPECT_EQ(value_of(*connection, "SELECT count(*) FROM t"), 1);
  fs.set_capacity(UINT64_MAX);
  EXPECT_OK(insert->execute(100'000)) << "no restart is needed";
  EXPECT_EQ(value_of(*connection, "SELECT count(*) FROM t"), 2);
}

TEST_P(ConnectionTest, a_page_limit_answers_disk_full) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  ConnectionOptions limited = options();
  limited.page_count_max = 10;
  const auto connection = open(vfs, "/a.db", limited);
  make_rows(*connection, 1);
  auto insert = connection->prepare("INSERT INTO t(b) VALUES (zeroblob(?1))");
  ASSERT_OK(insert);
  EXPECT_CODE(insert->execute(10 * 4096), ErrorCode::kDiskFull);
}

TEST_P(ConnectionTest, a_failed_sync_ends_all_commits_but_not_reading) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  auto connection = open(vfs, "/a.db", options());
  make_rows(*connection, 2);
  fs.fail_next_sync();
  EXPECT_CODE(connection->execute("INSERT INTO t(b) VALUES (zeroblob(10))"), ErrorCode::kIoError);
  EXPECT_CODE(connection->check_not_poisoned(), ErrorCode::kUnavailable);
  for (int i = 0; i < 3; ++i) {
    EXPECT_CODE(Transaction::begin(*connection), ErrorCode::kUnavailable);
    EXPECT_FALSE(connection->execute("INSERT INTO t(b) VALUES (zeroblob(10))").ok());
    EXPECT_CODE(connection->checkpoint(), ErrorCode::kUnavailable);
  }
  if (GetParam() == JournalMode::kWal) {
    EXPECT_EQ(value_of(*connection, "SELECT count(*) FROM t"), 2);
  }
  const std::uint64_t operations = fs.operation_count();
  connection.reset();
  EXPECT_EQ(fs.operation_count(), operations) << "closing writes nothing either";
  EXPECT_CODE(Connection::open(vfs, "/a.db", options()), ErrorCode::kUnavailable) << "still the same process";

  fs.restart(io::CrashMode::kKeepNone, 1);
  Vfs restarted(fs);
  EXPECT_EQ(value_of(*open(restarted, "/a.db", options()), "SELECT count(*) FROM t"), 2);
}

TEST_P(ConnectionTest, a_statement_past_its_time_limit_is_stopped) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  test::FakeClock clock;
  const auto connection = open(vfs, "/a.db", options());
  auto endless = connection->prepare(
      "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT count(*) FROM n");
  ASSERT_OK(endless);
  {
    const auto limit = connection->limit_time(clock, clock.monotonic_ns());
    EXPECT_OK(endless->execute()) << "the time has not passed";
    clock.advance_ms(1);
    EXPECT_CODE(endless->execute(), ErrorCode::kTimeout);
  }
  EXPECT_OK(endless->execute());
}

TEST_P(ConnectionTest, a_backup_is_a_whole_durable_copy) {
  io::SimulatedFileSystem fs;
  {
    Vfs vfs(fs);
    const auto connection = open(vfs, "/a.db", options());
    make_rows(*connection, 50);
    ASSERT_OK(connection->backup_to("/copy.db"));
    EXPECT_CODE(connection->backup_to("/copy.db"), ErrorCode::kAlreadyExists);
    EXPECT_EQ(test::names_in(fs, "/").find("copy.db-"), std::string::npos) << "nothing beside it";
    fs.cut_power();
  }
  fs.restart(io::CrashMode::kKeepNone, 1);
  Vfs vfs(fs);
  ConnectionOptions read_only = options();
  read_only.read_only = true;
  const auto copy = open(vfs, "/copy.db", read_only);
  EXPECT_EQ(value_of(*copy, "SELECT count(*) FROM t"), 50);
  EXPECT_OK(copy->check_integrity());
}

TEST_P(ConnectionTest, a_backup_that_fails_says_why) {
  io::SimulatedFileSystem disk;
  io::FaultyFileSystem fs(disk);
  Vfs vfs(fs);
  const auto connection = open(vfs, "/a.db", options());
  make_rows(*connection, 50);
  fs.add_rule({.fault = io::Fault::kDiskFull, .call = io::IoCall::kWrite, .path_part = "copy"});
  EXPECT_CODE(connection->backup_to("/copy.db"), ErrorCode::kDiskFull);
  fs.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kSync, .path_part = "other"});
  EXPECT_CODE(connection->backup_to("/other.db"), ErrorCode::kIoError);
  EXPECT_OK(connection->execute("INSERT INTO t(b) VALUES (zeroblob(10))")) << "the source is not poisoned";
}

INSTANTIATE_TEST_SUITE_P(JournalModes, ConnectionTest, ::testing::Values(JournalMode::kWal, JournalMode::kPersist),
                         [](const auto& mode) { return mode.param == JournalMode::kWal ? "wal" : "persist"; });

TEST(Connection, a_second_one_on_a_write_ahead_log_is_refused) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  auto first = open(vfs, "/a.db");
  make_rows(*first, 1);
  EXPECT_CODE(Connection::open(vfs, "/a.db"), ErrorCode::kConflict);
  first.reset();
  EXPECT_EQ(value_of(*open(vfs, "/a.db"), "SELECT count(*) FROM t"), 1);
}

TEST(Connection, two_with_rollback_journals_take_turns) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  ConnectionOptions options;
  options.journal_mode = JournalMode::kPersist;
  const auto writer = open(vfs, "/a.db", options);
  const auto reader = open(vfs, "/a.db", options);
  make_rows(*writer, 1);
  auto transaction = Transaction::begin(*writer);
  ASSERT_OK(transaction);
  ASSERT_OK(writer->execute("INSERT INTO t(b) VALUES (zeroblob(10))"));
  EXPECT_EQ(value_of(*reader, "SELECT count(*) FROM t"), 1);
  EXPECT_CODE(Transaction::begin(*reader), ErrorCode::kConflict);
  ASSERT_OK(transaction->commit());
  EXPECT_EQ(value_of(*reader, "SELECT count(*) FROM t"), 2);
}

TEST(Connection, what_is_no_path_of_a_database_is_refused) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  for (const std::string& path :
       {std::string(), std::string(":memory:"), std::string("file:/a.db?mode=ro"), std::string("/a\0.db", 6)}) {
    EXPECT_CODE(Connection::open(vfs, path), ErrorCode::kInvalidArgument) << path;
  }
  ConnectionOptions options;
  options.create_if_missing = false;
  EXPECT_CODE(Connection::open(vfs, "/a.db", options), ErrorCode::kNotFound);
  EXPECT_EQ(fs.operation_count(), 0U);
}

TEST(Connection, a_file_that_is_no_database_is_corruption_with_its_name) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  test::write_text(fs, "/a.db", std::string(5000, 'x'));
  const auto opened = Connection::open(vfs, "/a.db");
  EXPECT_CODE(opened, ErrorCode::kCorruption);
  EXPECT_NE(opened.status().message().find("/a.db"), std::string::npos) << opened.status().message();
}

TEST(Connection, attaching_other_files_is_refused) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  const auto connection = open(vfs, "/a.db");
  EXPECT_FALSE(connection->execute("ATTACH '/b.db' AS b").ok());
  EXPECT_EQ(test::names_in(fs, "/").find("b.db"), std::string::npos);
}

TEST(Connection, the_log_is_copied_by_a_checkpoint_and_gone_after_a_clean_close) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  {
    const auto connection = open(vfs, "/a.db");
    make_rows(*connection, 100);
    EXPECT_GT(fs.stat("/a.db-wal")->size_bytes, 100'000U);
    EXPECT_LT(fs.stat("/a.db")->size_bytes, 100'000U);
    ASSERT_OK(connection->checkpoint());
    EXPECT_GT(fs.stat("/a.db")->size_bytes, 100'000U);
  }
  EXPECT_EQ(test::names_in(fs, "/"), "a.db");
}

TEST(Connection, commits_that_were_not_synced_are_durable_after_a_checkpoint) {
  for (const bool checkpointed : {false, true}) {
    io::SimulatedFileSystem fs;
    ConnectionOptions options;
    options.synchronous = Synchronous::kNormal;
    {
      Vfs vfs(fs);
      const auto connection = open(vfs, "/a.db", options);
      make_rows(*connection, 1);
      ASSERT_OK(connection->checkpoint());
      make_rows(*connection, 1);
      if (checkpointed) {
        ASSERT_OK(connection->checkpoint());
      }
      fs.cut_power();
    }
    fs.restart(io::CrashMode::kKeepNone, 1);
    Vfs vfs(fs);
    EXPECT_EQ(value_of(*open(vfs, "/a.db", options), "SELECT count(*) FROM t"), checkpointed ? 2 : 1);
  }
}

}  // namespace
}  // namespace vibrato::sqlite
