// A script of transactions that loses power at each of its changes: every commit that was reported is there
// afterwards, the one in flight is there whole or not at all, and the database goes on working.
#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "sqlite/transaction.hpp"
#include "support/file_contents.hpp"
#include "support/sanitizers.hpp"

namespace vibrato::sqlite {
namespace {

constexpr std::int64_t kTransactions = 12;
constexpr std::int64_t kRowsOfOne = 6;
const std::string kPath = "/data/script.db";
// Every change and every call, or each fifth under a sanitizer.
constexpr std::uint64_t kSqliteStride = test::kSanitized ? 5 : 1;

ConnectionOptions options_of(JournalMode mode) {
  ConnectionOptions options;
  options.journal_mode = mode;
  options.wal_checkpoint_pages = 8;  // Several times in the script.
  return options;
}

// Transaction n replaces the content of all rows by n, and every third changes how many pages they take.
Status run_transaction(Connection& connection, std::int64_t number) {
  VIBRATO_ASSIGN_OR_RETURN(Transaction transaction, Transaction::begin(connection));
  VIBRATO_ASSIGN_OR_RETURN(Statement put, connection.prepare("INSERT OR REPLACE INTO t VALUES (?1, ?2, zeroblob(?3))"));
  for (std::int64_t row = 0; row < kRowsOfOne; ++row) {
    VIBRATO_RETURN_IF_ERROR(put.execute(row, number, number % 3 == 0 ? 3000 : 30));
  }
  VIBRATO_RETURN_IF_ERROR(transaction.commit());
  return number % 5 == 0 ? connection.checkpoint() : ok_status();
}

// At least how many transactions were reported as committed before something failed.
std::int64_t run_script(io::FileSystem& fs, JournalMode mode) {
  Vfs vfs(fs);
  const auto connection = Connection::open(vfs, kPath, options_of(mode));
  if (!connection.ok() || !(*connection)->execute("CREATE TABLE IF NOT EXISTS t(k INTEGER PRIMARY KEY, n, b)").ok()) {
    return 0;
  }
  for (std::int64_t number = 1; number <= kTransactions; ++number) {
    if (!run_transaction(**connection, number).ok()) {
      return number - 1;
    }
  }
  return kTransactions;
}

// What is wrong with the database after `committed` transactions were reported; empty if nothing is.
std::string fault_after(io::FileSystem& fs, JournalMode mode, std::int64_t committed) {
  Vfs vfs(fs);
  const auto connection = Connection::open(vfs, kPath, options_of(mode));
  if (!connection.ok()) {
    return connection.status().message();
  }
  if (const Status checked = (*connection)->check_integrity(); !checked.ok()) {
    return checked.message();
  }
  auto select = (*connection)->prepare("SELECT min(n), max(n), count(*) FROM t");
  if (!select.ok()) {
    return committed == 0 ? "" : "the table is lost";
  }
  {
    Rows rows = select->run();
    const auto found = rows.next();
    if (!found.ok() || !*found) {
      return "cannot count";
    }
    if (rows.i64(2) == 0) {
      return committed == 0 ? "" : "all rows are lost";
    }
    if (rows.i64(2) != kRowsOfOne || rows.i64(0) != rows.i64(1)) {
      return "half a transaction";
    }
    if (rows.i64(0) < committed || rows.i64(0) > committed + 1) {
      return "found " + std::to_string(rows.i64(0)) + " of " + std::to_string(committed);
    }
  }
  const Status next = run_transaction(**connection, 100);
  return next.ok() ? "" : "does not go on: " + next.message();
}

void make_folder(io::FileSystem& fs) {
  ASSERT_OK(fs.create_directory("/data"));
  ASSERT_OK(fs.sync_directory("/"));
}

std::uint64_t operations_of_script(JournalMode mode) {
  io::SimulatedFileSystem fs;
  make_folder(fs);
  const std::uint64_t before = fs.operation_count();
  EXPECT_EQ(run_script(fs, mode), kTransactions);
  return fs.operation_count() - before;
}

// Cuts the power at each change of the script and calls `check(what is wrong, where)`. With `rule` set, the calls
// that it fits do nothing and answer ok: a barrier taken out.
template <typename Check>
void cut_everywhere(JournalMode journal, std::uint64_t seeds, const std::optional<io::FaultRule>& rule,
                    const Check& check) {
  const std::uint64_t operations = operations_of_script(journal);
  for (std::uint64_t cut = 0; cut <= operations; cut += kSqliteStride) {
    for (const io::CrashMode mode : io::kAllCrashModes) {
      for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        io::SimulatedFileSystem disk;
        make_folder(disk);
        io::FaultyFileSystem fs(disk);
        if (rule) {
          fs.add_rule(*rule);
        }
        disk.cut_power_after(cut);
        const std::int64_t committed = run_script(fs, journal);
        disk.restart(mode, seed);
        check(fault_after(disk, journal, committed), "cut after " + std::to_string(cut) + ", mode " +
                                                         std::to_string(static_cast<int>(mode)) + ", seed " +
                                                         std::to_string(seed));
      }
    }
  }
}

class SqlitePowerLoss : public ::testing::TestWithParam<JournalMode> {};

TEST_P(SqlitePowerLoss, loses_no_commit_and_leaves_none_half) {
  cut_everywhere(GetParam(), 4, std::nullopt,
                 [](const std::string& fault, const std::string& where) { ASSERT_EQ(fault, "") << where; });
}

TEST_P(SqlitePowerLoss, inside_recovery_loses_nothing_either) {
  const std::uint64_t operations = operations_of_script(GetParam());
  for (std::uint64_t cut = 1; cut <= operations; cut += 3 * kSqliteStride) {
    for (std::uint64_t second_cut = 0; second_cut < 12; ++second_cut) {
      io::SimulatedFileSystem disk;
      make_folder(disk);
      disk.cut_power_after(cut);
      const std::int64_t committed = run_script(disk, GetParam());
      disk.restart(io::CrashMode::kRandomSectors, cut);
      disk.cut_power_after(second_cut);
      (void)fault_after(disk, GetParam(), committed);
      const bool was_cut = !disk.has_power();
      disk.restart(io::CrashMode::kReordered, second_cut);
      if (was_cut) {
        const std::string fault = fault_after(disk, GetParam(), committed);
        // The transaction that fault_after() adds may be there already.
        ASSERT_TRUE(fault.empty() || fault == "found 100 of " + std::to_string(committed))
            << fault << ", cuts after " << cut << " and " << second_cut;
      }
    }
  }
}

TEST_P(SqlitePowerLoss, is_seen_to_lose_commits_when_a_barrier_is_taken_out) {
  std::vector<io::FaultRule> barriers = {
      {.fault = io::Fault::kIgnored, .call = io::IoCall::kSync, .path_end = ".db", .for_good = true},
      {.fault = io::Fault::kIgnored, .call = io::IoCall::kSyncDirectory, .for_good = true},
  };
  const std::string journal = GetParam() == JournalMode::kPersist ? "-journal" : "-wal";
  barriers.push_back({.fault = io::Fault::kIgnored, .call = io::IoCall::kSync, .path_end = journal, .for_good = true});
  for (const io::FaultRule& barrier : barriers) {
    int faults = 0;
    cut_everywhere(GetParam(), 1, barrier,
                   [&faults](const std::string& fault, const std::string&) { faults += fault.empty() ? 0 : 1; });
    EXPECT_GT(faults, 0) << barrier.path_end << static_cast<int>(*barrier.call);
  }
}

TEST_P(SqlitePowerLoss, a_file_left_behind_by_a_killed_process_gets_its_name_synced) {
  io::SimulatedFileSystem disk;
  make_folder(disk);
  io::FaultyFileSystem killed(disk);
  killed.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kSyncDirectory, .for_good = true});
  EXPECT_EQ(run_script(killed, GetParam()), 0) << "files made, folder never synced";
  const std::int64_t committed = run_script(disk, GetParam());
  EXPECT_EQ(committed, kTransactions);
  disk.restart(io::CrashMode::kKeepNone, 0);
  EXPECT_EQ(fault_after(disk, GetParam(), committed), "");
}

TEST_P(SqlitePowerLoss, each_failing_call_is_reported_and_nothing_is_lost) {
  io::SimulatedFileSystem whole;
  make_folder(whole);
  io::FaultyFileSystem counted(whole);
  ASSERT_EQ(run_script(counted, GetParam()), kTransactions);
  const std::uint64_t calls = counted.operation_count();
  for (const bool for_good : {false, true}) {
    for (const io::Fault fault :
         {io::Fault::kIoError, io::Fault::kDiskFull, io::Fault::kShortWrite, io::Fault::kShortRead}) {
      for (std::uint64_t call = 0; call < calls; call += kSqliteStride) {
        io::SimulatedFileSystem disk;
        make_folder(disk);
        io::FaultyFileSystem fs(disk);
        fs.add_rule({.fault = fault, .operation = call, .for_good = for_good});
        const std::int64_t committed = run_script(fs, GetParam());
        ASSERT_GT(fs.fault_count(), 0U);
        disk.restart(io::CrashMode::kRandomSectors, call);
        ASSERT_EQ(fault_after(disk, GetParam(), committed), "")
            << "call " << call << ", fault " << static_cast<int>(fault) << (for_good ? " for good" : " once");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(JournalModes, SqlitePowerLoss,
                         ::testing::Values(JournalMode::kWal, JournalMode::kWalShared, JournalMode::kPersist),
                         [](const auto& mode) {
                           switch (mode.param) {
                             case JournalMode::kWal:
                               return "wal";
                             case JournalMode::kWalShared:
                               return "wal_shared";
                             default:
                               return "persist";
                           }
                         });

}  // namespace
}  // namespace vibrato::sqlite
