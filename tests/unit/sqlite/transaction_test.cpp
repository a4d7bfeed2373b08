#include "sqlite/transaction.hpp"

#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::sqlite {
namespace {

class TransactionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Connection::open(vfs_, "/a.db");
    ASSERT_OK(opened);
    connection_ = std::move(opened).value();
    ASSERT_OK(connection_->execute("CREATE TABLE t(a INTEGER PRIMARY KEY)"));
  }
  std::int64_t rows() {
    auto count = connection_->prepare("SELECT count(*) FROM t");
    EXPECT_OK(count);
    Rows found = count->run();
    EXPECT_TRUE(found.next().value());
    return found.i64(0);
  }

  io::SimulatedFileSystem disk_;
  io::FaultyFileSystem fs_{disk_};
  Vfs vfs_{fs_};
  std::unique_ptr<Connection> connection_;
};

TEST_F(TransactionTest, what_is_committed_stays) {
  auto transaction = Transaction::begin(*connection_);
  ASSERT_OK(transaction);
  ASSERT_OK(connection_->execute("INSERT INTO t VALUES (1), (2)"));
  ASSERT_OK(transaction->commit());
  EXPECT_FALSE(connection_->in_transaction());
  EXPECT_EQ(rows(), 2);
}

TEST_F(TransactionTest, what_is_not_committed_is_rolled_back) {
  {
    auto transaction = Transaction::begin(*connection_);
    ASSERT_OK(transaction);
    ASSERT_OK(connection_->execute("INSERT INTO t VALUES (1), (2)"));
    EXPECT_EQ(rows(), 2);
  }
  EXPECT_FALSE(connection_->in_transaction());
  EXPECT_EQ(rows(), 0);
}

TEST_F(TransactionTest, one_that_moved_is_over_once) {
  auto begun = Transaction::begin(*connection_);
  ASSERT_OK(begun);
  {
    Transaction moved = std::move(begun).value();
    ASSERT_OK(connection_->execute("INSERT INTO t VALUES (1)"));
    ASSERT_OK(moved.commit());
  }
  EXPECT_EQ(rows(), 1);
}

TEST_F(TransactionTest, a_commit_that_fails_is_rolled_back) {
  fs_.add_rule({.fault = io::Fault::kDiskFull, .call = io::IoCall::kWrite, .path_end = "-wal"});
  auto transaction = Transaction::begin(*connection_);
  ASSERT_OK(transaction);
  ASSERT_OK(connection_->execute("INSERT INTO t VALUES (1)"));
  EXPECT_CODE(transaction->commit(), ErrorCode::kDiskFull);
  EXPECT_FALSE(connection_->in_transaction());
  EXPECT_EQ(rows(), 0);
}

TEST_F(TransactionTest, a_commit_whose_checkpoint_fails_to_sync_is_not_ok) {
  // The commit itself is synced; then the copying of the log into the database fails, which nobody is told but us.
  ASSERT_OK(connection_->execute("PRAGMA wal_autocheckpoint = 1"));
  fs_.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kSync, .path_end = ".db"});
  auto transaction = Transaction::begin(*connection_);
  ASSERT_OK(transaction);
  ASSERT_OK(connection_->execute("INSERT INTO t VALUES (1)"));
  EXPECT_CODE(transaction->commit(), ErrorCode::kUnavailable);
  EXPECT_EQ(fs_.fault_count(), 1U);
  EXPECT_EQ(rows(), 1);
}

}  // namespace
}  // namespace vibrato::sqlite
