// The SQL model when its file fails: the log has the truth, and a restart brings the file to it. And the model by
// itself, staged and taken back as joined writes do it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/sql_record.hpp"
#include "io/faulty_file_system.hpp"
#include "support/sql_store.hpp"

namespace vibrato::sql {
namespace {

class SqlFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(store_.open());
    ASSERT_OK(store_.exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b)"));
  }
  void restart() {
    store_.close();
    ASSERT_OK(store_.open());
  }

  SystemClock clock_;
  io::SimulatedFileSystem disk_;
  io::FaultyFileSystem fs_{disk_};
  test::SqlStore store_{fs_, clock_};
};

TEST_F(SqlFaults, a_file_that_fails_behind_the_log_is_brought_up_to_it_once_it_takes_writes) {
  for (const io::Fault fault : {io::Fault::kDiskFull, io::Fault::kIoError}) {
    SCOPED_TRACE(static_cast<int>(fault));
    const std::string before = store_.query("SELECT count(*) FROM t");
    fs_.add_rule({.fault = fault, .call = io::IoCall::kWrite, .path_end = "sql.db-wal", .for_good = true});
    // It is logged and synced, so it is true.
    ASSERT_OK(store_.exec("INSERT INTO t(b) VALUES ('logged')"));
    EXPECT_CODE(store_.model().health(), ErrorCode::kUnavailable);
    test::SqlTextSink sink;
    EXPECT_CODE(store_.query("SELECT * FROM t", "[]", sink), ErrorCode::kUnavailable);
    EXPECT_CODE(store_.exec("INSERT INTO t(b) VALUES ('late')"), ErrorCode::kUnavailable);
    EXPECT_CODE(store_.model().save(Lsn::max()), ErrorCode::kUnavailable);
    EXPECT_CODE(store_.model().capture().status(), ErrorCode::kUnavailable);
    EXPECT_LT(store_.model().durable_lsn(), store_.log().end().last_lsn);
    fs_.clear_rules();
    EXPECT_EQ(store_.query("SELECT count(*) FROM t"), std::to_string(std::stoi(before) + 1));
    EXPECT_OK(store_.model().health());
    ASSERT_OK(store_.exec("INSERT INTO t(b) VALUES ('later')"));
    EXPECT_EQ(store_.query("SELECT count(*) FROM t WHERE b = 'late'"), "0");
  }
  const std::string rows = store_.query("SELECT * FROM t");
  restart();
  EXPECT_EQ(store_.query("SELECT * FROM t"), rows);
}

TEST_F(SqlFaults, a_restart_makes_good_what_the_file_misses) {
  fs_.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kWrite, .path_end = "sql.db-wal", .for_good = true});
  ASSERT_OK(store_.exec("INSERT INTO t(b) VALUES ('logged')"));
  fs_.clear_rules();
  restart();
  EXPECT_EQ(store_.query("SELECT b FROM t"), "logged");
}

TEST_F(SqlFaults, a_disk_that_makes_room_is_asked_for_it_and_nobody_notices) {
  int asked = 0;
  store_.options.on_disk_full = [&] {
    fs_.clear_rules();
    return ++asked > 0;
  };
  restart();
  fs_.add_rule({.fault = io::Fault::kDiskFull, .call = io::IoCall::kWrite, .path_end = "sql.db-wal", .for_good = true});
  ASSERT_OK(store_.exec("INSERT INTO t(b) VALUES (random())"));
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(store_.query("SELECT count(*) FROM t"), "1");
}

TEST_F(SqlFaults, what_a_failing_file_misses_is_kept_up_to_a_bound) {
  const std::string statement = "INSERT INTO t(b) VALUES ('logged')";
  const std::size_t bytes = format::encode_sql_record({statement, "[]", 0, 0, 1}).size();
  for (const std::size_t bytes_max : {bytes - 1, bytes, bytes + 1}) {
    SCOPED_TRACE(bytes_max);
    store_.options.missed_bytes_max = bytes_max;
    restart();
    ASSERT_OK(store_.exec("DELETE FROM t"));
    fs_.add_rule(
        {.fault = io::Fault::kIoError, .call = io::IoCall::kWrite, .path_end = "sql.db-wal", .for_good = true});
    ASSERT_OK(store_.exec(statement));
    fs_.clear_rules();
    if (bytes_max < bytes) {
      EXPECT_THAT(store_.query("SELECT b FROM t"), ::testing::HasSubstr("until a restart"));
      restart();
    }
    EXPECT_EQ(store_.query("SELECT b FROM t"), "logged");
  }
}

TEST_F(SqlFaults, a_failed_sync_of_a_save_leaves_the_durable_lsn) {
  ASSERT_OK(store_.exec("INSERT INTO t(b) VALUES (1)"));
  const Lsn durable = store_.model().durable_lsn();
  fs_.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kSync, .path_part = "sql.db", .for_good = true});
  EXPECT_FALSE(store_.model().save(Lsn(2)).ok());
  EXPECT_EQ(store_.model().durable_lsn(), durable);
  fs_.clear_rules();
  restart();
  EXPECT_EQ(store_.query("SELECT b FROM t"), "1");
}

// Inserts until the power goes; what was answered, with the random number that it drew.
std::map<std::string, std::string> insert_until_power_is_cut(io::SimulatedFileSystem& disk, std::uint64_t operations) {
  SystemClock clock;
  std::map<std::string, std::string> answered;
  test::SqlStore store(disk, clock);
  if (!store.open().ok() || !disk.sync_directory("/").ok() ||
      !store.exec("CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b)").ok()) {
    return answered;
  }
  disk.cut_power_after(operations);
  for (int i = 0; i < 12; ++i) {
    const bool is_in = store.exec("INSERT INTO t(b) VALUES (random())").ok();
    const std::string a = std::to_string(store.last_outcome.last_insert_id);
    const std::string b = is_in ? store.query("SELECT b FROM t WHERE a = " + a) : "";
    if (is_in && !b.starts_with("error")) {
      answered[a] = b;
    }
    if (i % 4 == 3) {
      (void)store.model().save(Lsn(1));
    }
  }
  return answered;
}

TEST(SqlPowerLoss, takes_nothing_that_was_answered) {
  for (std::uint64_t operations = 0; operations < 60; ++operations) {
    for (const auto mode : {io::CrashMode::kKeepNone, io::CrashMode::kRandomSectors, io::CrashMode::kReordered}) {
      SCOPED_TRACE(fmt::format("power cut after {}, mode {}", operations, static_cast<int>(mode)));
      io::SimulatedFileSystem disk;
      const auto answered = insert_until_power_is_cut(disk, operations);
      disk.restart(mode, operations);
      SystemClock clock;
      test::SqlStore store(disk, clock);
      ASSERT_OK(store.open());
      for (const auto& [a, b] : answered) {
        EXPECT_EQ(store.query("SELECT b FROM t WHERE a = " + a), b);
      }
      ASSERT_OK(store.exec("INSERT INTO t(b) VALUES (0)"));
    }
  }
}

// Takes what a write logs, and stages it as the sequencer would.
class MadeRecords {
 public:
  explicit MadeRecords(test::SqlStore& store) : store_(store) {}

  Status run(Lsn lsn, std::string sql) {
    auto outcome = std::make_shared<ExecOutcome>();
    VIBRATO_ASSIGN_OR_RETURN(auto write, make_exec(store_.model(), {std::move(sql), "[]", 0}, outcome));
    commit::EffectList effects(lsn, 1'700'000'000'000);
    VIBRATO_RETURN_IF_ERROR(write->validate(effects));
    auto taken = std::move(effects).take();
    bodies_[lsn] = std::move(taken.at(0).body);
    return ok_status();
  }
  wal::StoredRecord record(Lsn lsn) const {
    return {lsn, 1'700'000'000'000, CollectionNumber(), format::kSqlExecutedRecord, true, bodies_.at(lsn)};
  }
  void stage(Lsn lsn) { store_.model().stage(record(lsn)); }
  Status apply(Lsn lsn) { return store_.model().apply(record(lsn)); }

 private:
  test::SqlStore& store_;
  std::map<Lsn, std::vector<std::byte>> bodies_;
};

class SqlStaging : public SqlFaults {
 protected:
  void SetUp() override {
    SqlFaults::SetUp();
    store_.sequencer().stop();  // This test is the committer.
  }
  void publish(Lsn lsn) { const_cast<commit::VisibleLsn&>(store_.visible()).publish(lsn); }

  MadeRecords records_{store_};
};

TEST_F(SqlStaging, taking_back_from_the_middle_takes_back_what_came_later_only) {
  for (std::uint64_t lsn = 10; lsn < 16; ++lsn) {
    ASSERT_OK(records_.run(Lsn(lsn), fmt::format("INSERT INTO t(b) VALUES ({})", lsn)));
    records_.stage(Lsn(lsn));
  }
  store_.model().unstage_from(Lsn(13));
  ASSERT_OK(records_.run(Lsn(13), "INSERT INTO t(b) SELECT group_concat(b) FROM t"));
  records_.stage(Lsn(13));
  for (std::uint64_t lsn = 10; lsn <= 13; ++lsn) {
    ASSERT_OK(records_.apply(Lsn(lsn)));
  }
  publish(Lsn(13));
  EXPECT_EQ(store_.query("SELECT b FROM t"), "10 11 12 10,11,12");
}

TEST_F(SqlStaging, what_is_staged_again_is_the_same_again) {
  ASSERT_OK(records_.run(Lsn(10), "INSERT INTO t(b) VALUES (random())"));
  records_.stage(Lsn(10));
  ASSERT_OK(records_.run(Lsn(11), "INSERT INTO t(b) SELECT b + 1 FROM t"));
  records_.stage(Lsn(11));
  store_.model().unstage_from(Lsn(10));
  records_.stage(Lsn(10));
  records_.stage(Lsn(11));
  ASSERT_OK(records_.apply(Lsn(10)));
  ASSERT_OK(records_.apply(Lsn(11)));
  publish(Lsn(11));
  EXPECT_OK(store_.model().health());
  EXPECT_EQ(store_.query("SELECT count(*), max(b) - min(b) FROM t"), "2|1");
}

TEST_F(SqlStaging, what_is_run_and_never_staged_is_taken_back) {
  ASSERT_OK(records_.run(Lsn(10), "INSERT INTO t(b) VALUES ('refused')"));
  ASSERT_OK(records_.run(Lsn(10), "INSERT INTO t(b) VALUES ('kept')"));
  records_.stage(Lsn(10));
  ASSERT_OK(records_.run(Lsn(11), "INSERT INTO t(b) VALUES ('refused')"));
  ASSERT_OK(records_.apply(Lsn(10)));
  publish(Lsn(10));
  EXPECT_EQ(store_.query("SELECT b FROM t"), "kept");
  ASSERT_OK(records_.run(Lsn(11), "INSERT INTO t(b) VALUES ('refused')"));
  ASSERT_OK(store_.model().save(Lsn(10)));
  EXPECT_EQ(store_.query("SELECT b FROM t"), "kept");
}

TEST_F(SqlStaging, an_error_that_ends_the_transaction_keeps_what_was_staged) {
  ASSERT_OK(records_.run(Lsn(10), "INSERT INTO t VALUES (5, random())"));
  records_.stage(Lsn(10));
  EXPECT_CODE(records_.run(Lsn(11), "INSERT OR ROLLBACK INTO t VALUES (6, 0), (5, 0)"), ErrorCode::kInvalidArgument);
  ASSERT_OK(records_.run(Lsn(11), "UPDATE t SET a = 7"));
  records_.stage(Lsn(11));
  ASSERT_OK(records_.apply(Lsn(10)));
  ASSERT_OK(records_.apply(Lsn(11)));
  publish(Lsn(11));
  EXPECT_EQ(store_.query("SELECT a FROM t"), "7");
}

TEST_F(SqlStaging, what_is_taken_back_while_the_file_fails_is_not_made_good) {
  ASSERT_OK(records_.run(Lsn(10), "INSERT INTO t(b) VALUES ('logged')"));
  records_.stage(Lsn(10));
  ASSERT_OK(records_.run(Lsn(11), "INSERT INTO t(b) VALUES ('taken back')"));
  records_.stage(Lsn(11));
  store_.model().unstage_from(Lsn(10));
  fs_.add_rule({.fault = io::Fault::kIoError, .path_part = "sql.db", .for_good = true});
  records_.stage(Lsn(10));  // Runs again, and cannot begin.
  records_.stage(Lsn(11));
  EXPECT_CODE(store_.model().health(), ErrorCode::kUnavailable);
  fs_.clear_rules();
  EXPECT_CODE(records_.run(Lsn(12), "DELETE FROM t"), ErrorCode::kUnavailable);  // Two are in flight.
  store_.model().unstage_from(Lsn(11));
  ASSERT_OK(records_.apply(Lsn(10)));
  publish(Lsn(10));
  EXPECT_EQ(store_.query("SELECT b FROM t"), "logged");
}

TEST_F(SqlStaging, a_statement_that_runs_out_of_memory_keeps_what_was_staged) {
  ASSERT_OK(records_.run(Lsn(10), "INSERT INTO t VALUES (5, random())"));
  records_.stage(Lsn(10));
  for (const char* values : {"hex(zeroblob(900000 + i))", "zeroblob(20000 + i % 10)"}) {
    const Status refused = records_.run(
        Lsn(11), fmt::format("INSERT INTO t(b) SELECT x FROM (WITH RECURSIVE n(i, x) AS (SELECT 1, '' UNION ALL "
                             "SELECT i + 1, {} FROM n) SELECT x FROM n ORDER BY x)",
                             values));
    EXPECT_CODE(refused, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.message(), ::testing::HasSubstr("256 MiB of memory"));
  }
  ASSERT_OK(records_.run(Lsn(11), "UPDATE t SET a = 7"));
  records_.stage(Lsn(11));
  ASSERT_OK(records_.apply(Lsn(10)));
  ASSERT_OK(records_.apply(Lsn(11)));
  publish(Lsn(11));
  EXPECT_EQ(store_.query("SELECT a FROM t"), "7");
}

TEST_F(SqlStaging, a_record_that_is_larger_than_a_request_may_be_now_is_replayed) {
  const auto apply = [&](std::uint64_t lsn, const std::string& sql) {
    const auto body = format::encode_sql_record({sql, "[]", 0, 0, 1});
    return store_.model().apply({Lsn(lsn), 0, CollectionNumber(), format::kSqlExecutedRecord, true, body});
  };
  const std::string value(limits::kSqlTextBytesMax - 100, '7');
  ASSERT_OK(apply(10, "INSERT INTO t(b) VALUES ('" + value + "')"));
  // As long a value in as large a program is refused now, and so is as much JSON.
  std::string all = "INSERT INTO t(b) SELECT length(b) + ('x' IN (0";
  for (int i = 0; i < 1500; ++i) all += ",b||1";
  all += ")) FROM t";
  EXPECT_CODE(records_.run(Lsn(11), all), ErrorCode::kInvalidArgument);
  ASSERT_OK(apply(11, all));
  std::string paths = "UPDATE t SET b = length(b) + 1000 + (json_extract('['||b||']'";
  for (int i = 0; i < 80; ++i) paths += ",'$[1]'";
  paths += ") IS NULL) WHERE a = 1";
  EXPECT_CODE(records_.run(Lsn(12), paths), ErrorCode::kInvalidArgument);
  ASSERT_OK(apply(12, paths));
  publish(Lsn(12));
  EXPECT_EQ(store_.query("SELECT b > 1000, typeof(b) FROM t"), "1|integer 1|integer");
}

TEST_F(SqlStaging, a_record_is_applied_once_and_one_that_fails_is_damage) {
  ASSERT_OK(records_.run(Lsn(10), "INSERT INTO t(b) VALUES (1)"));
  store_.model().unstage_from(Lsn(10));
  ASSERT_OK(records_.apply(Lsn(10)));  // As replay does.
  ASSERT_OK(records_.apply(Lsn(10)));
  publish(Lsn(10));
  EXPECT_EQ(store_.query("SELECT count(*) FROM t"), "1");
  const auto body = format::encode_sql_record({"INSERT INTO nothing VALUES (1)", "[]", 0, 0, 1});
  EXPECT_CODE(store_.model().apply({Lsn(11), 0, CollectionNumber(), format::kSqlExecutedRecord, true, body}),
              ErrorCode::kCorruption);
  const auto other = format::encode_sql_record({"DELETE FROM t", "[]", 0, 0, 7});
  EXPECT_CODE(store_.model().apply({Lsn(11), 0, CollectionNumber(), format::kSqlExecutedRecord, true, other}),
              ErrorCode::kCorruption);
  EXPECT_EQ(store_.query("SELECT count(*) FROM t"), "1");
}

}  // namespace
}  // namespace vibrato::sql
