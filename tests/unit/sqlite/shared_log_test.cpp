// Several connections on one database with a write-ahead log.
#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "io/real_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/transaction.hpp"
#include "support/file_contents.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::sqlite {
namespace {

ConnectionOptions shared_options(bool read_only) {
  ConnectionOptions options;
  options.journal_mode = JournalMode::kWalShared;
  options.read_only = read_only;
  return options;
}

std::unique_ptr<Connection> open_writer(Vfs& vfs, const std::string& path = "/a.db") {
  auto opened = Connection::open(vfs, path, shared_options(false));
  EXPECT_OK(opened);
  return opened.ok() ? std::move(opened).value() : nullptr;
}

std::unique_ptr<Connection> open_reader(Vfs& vfs, const std::string& path = "/a.db") {
  auto opened = Connection::open(vfs, path, shared_options(true));
  EXPECT_OK(opened);
  return opened.ok() ? std::move(opened).value() : nullptr;
}

std::int64_t rows_in(Connection& connection) {
  auto statement = connection.prepare("SELECT count(*) FROM t");
  EXPECT_OK(statement);
  if (!statement.ok()) {
    return -1;
  }
  Rows rows = statement->run();
  const auto found = rows.next();
  EXPECT_OK(found);
  return found.ok() && *found ? rows.i64(0) : -1;
}

void make_table(Connection& connection) {
  ASSERT_OK(connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB)"));
}

Status add_row(Connection& connection, int bytes = 100) {
  VIBRATO_ASSIGN_OR_RETURN(Statement insert, connection.prepare("INSERT INTO t(b) VALUES (zeroblob(?1))"));
  return insert.execute(bytes);
}

TEST(SharedLog, a_reader_sees_what_is_committed_and_not_what_is_open) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  const auto writer = open_writer(vfs);
  make_table(*writer);
  const auto reader = open_reader(vfs);
  EXPECT_EQ(rows_in(*reader), 0);
  auto transaction = Transaction::begin(*writer);
  ASSERT_OK(transaction);
  ASSERT_OK(add_row(*writer));
  EXPECT_EQ(rows_in(*reader), 0);
  ASSERT_OK(transaction->commit());
  EXPECT_EQ(rows_in(*reader), 1);
  EXPECT_CODE(add_row(*reader), ErrorCode::kInvalidArgument);
}

TEST(SharedLog, a_read_transaction_sees_one_moment) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  const auto writer = open_writer(vfs);
  make_table(*writer);
  const auto reader = open_reader(vfs);
  ASSERT_OK(add_row(*writer));
  {
    auto transaction = ReadTransaction::begin(*reader);
    ASSERT_OK(transaction);
    for (int row = 0; row < 2000; ++row) {  // Past a checkpoint.
      ASSERT_OK(add_row(*writer, 5000));
    }
    EXPECT_EQ(rows_in(*reader), 1);
    EXPECT_EQ(rows_in(*writer), 2001);
  }
  EXPECT_EQ(rows_in(*reader), 2001);
  EXPECT_OK(reader->check_integrity());
}

TEST(SharedLog, a_backup_in_a_read_transaction_is_of_its_moment) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  const auto writer = open_writer(vfs);
  make_table(*writer);
  ASSERT_OK(add_row(*writer));
  const auto reader = open_reader(vfs);
  {
    auto transaction = ReadTransaction::begin(*reader);
    ASSERT_OK(transaction);
    ASSERT_OK(add_row(*writer));
    ASSERT_OK(reader->backup_to("/copy.db"));
  }
  const auto copy = open_writer(vfs, "/copy.db");
  EXPECT_EQ(rows_in(*copy), 1);
  EXPECT_EQ(rows_in(*writer), 2);
}

TEST(SharedLog, a_reader_needs_no_room_on_the_disk_and_changes_nothing) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  const auto writer = open_writer(vfs);
  make_table(*writer);
  ASSERT_OK(add_row(*writer));
  fs.set_capacity(0);
  EXPECT_CODE(add_row(*writer, 100'000), ErrorCode::kDiskFull);
  const std::uint64_t operations = fs.operation_count();
  {
    const auto reader = open_reader(vfs);
    auto transaction = ReadTransaction::begin(*reader);
    ASSERT_OK(transaction);
    EXPECT_EQ(rows_in(*reader), 1);
  }
  EXPECT_EQ(fs.operation_count(), operations);
  fs.set_capacity(UINT64_MAX);
  EXPECT_OK(add_row(*writer, 100'000));
}

TEST(SharedLog, a_reader_goes_on_after_a_failed_sync) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  const auto writer = open_writer(vfs);
  make_table(*writer);
  ASSERT_OK(add_row(*writer));
  const auto reader = open_reader(vfs);
  fs.fail_next_sync();
  EXPECT_FALSE(add_row(*writer).ok());
  EXPECT_EQ(rows_in(*reader), 1);
  EXPECT_EQ(rows_in(*open_reader(vfs)), 1) << "one that is opened only now";
  EXPECT_CODE(Connection::open(vfs, "/a.db", shared_options(false)), ErrorCode::kUnavailable);
}

TEST(SharedLog, what_was_committed_is_there_after_a_power_loss) {
  for (const io::CrashMode mode : io::kAllCrashModes) {
    io::SimulatedFileSystem fs;
    {
      Vfs vfs(fs);
      const auto writer = open_writer(vfs);
      make_table(*writer);
      const auto reader = open_reader(vfs);
      for (int row = 0; row < 300; ++row) {
        ASSERT_OK(add_row(*writer, 20'000));
        EXPECT_EQ(rows_in(*reader), row + 1);
      }
      fs.cut_power();
    }
    fs.restart(mode, 7);
    Vfs vfs(fs);
    const auto writer = open_writer(vfs);
    EXPECT_EQ(rows_in(*writer), 300);
    EXPECT_EQ(rows_in(*open_reader(vfs)), 300);
    EXPECT_OK(writer->check_integrity());
  }
}

TEST(SharedLog, readers_come_after_the_writer) {
  io::SimulatedFileSystem fs;
  Vfs vfs(fs);
  {
    const auto writer = open_writer(vfs);
    make_table(*writer);
    EXPECT_OK(writer->checkpoint());
    EXPECT_EQ(rows_in(*open_reader(vfs)), 0);
  }
  EXPECT_EQ(test::names_in(fs, "/"), "a.db") << "a clean end takes the log away";
  EXPECT_CODE(Connection::open(vfs, "/a.db", shared_options(true)), ErrorCode::kConflict);
  EXPECT_EQ(rows_in(*open_writer(vfs)), 0);
}

TEST(SharedLog, many_threads_read_whole_commits_while_one_writes) {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  Vfs vfs(fs);
  const std::string path = folder.path("a.db");
  ConnectionOptions options = shared_options(false);
  options.wal_checkpoint_pages = 20;
  auto writer = Connection::open(vfs, path, options);
  ASSERT_OK(writer);
  make_table(**writer);
  std::atomic<bool> is_over = false;
  std::atomic<int> reads = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&] {
      std::int64_t last = 0;
      while (!is_over.load()) {
        const auto reader = open_reader(vfs, path);
        for (int i = 0; i < 20; ++i) {
          const std::int64_t rows = rows_in(*reader);
          EXPECT_EQ(rows % 3, 0);
          EXPECT_GE(rows, last);
          last = rows;
          ++reads;
        }
      }
    });
  }
  for (int commit = 0; commit < 100 || reads.load() < 300; ++commit) {
    auto transaction = Transaction::begin(**writer);
    ASSERT_OK(transaction);
    for (int row = 0; row < 3; ++row) {
      ASSERT_OK(add_row(**writer, 3000));
    }
    ASSERT_OK(transaction->commit());
  }
  is_over = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_OK((*writer)->check_integrity());
}

}  // namespace
}  // namespace vibrato::sqlite
