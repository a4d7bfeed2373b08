// The writing side of the SQL model: one connection, and the statements that are in flight in its open transaction.
//
// Invariants:
//   - staged statements stand in the transaction in LSN order, each behind its savepoint; at most one more stands last,
//     which run() left for stage() to claim;
//   - without staged or unclaimed statements there is no transaction;
//   - the file's mark is the LSN up to which it holds everything.
// SQLite takes back a whole transaction for some errors of one statement (the disk is full, the deadline passed, ON
// CONFLICT ROLLBACK): the staged statements are run again then, and give the same rows.
//
// When even that fails, or a commit, the file is behind: the statements that it misses are kept in memory, and each
// later call begins by running them, when all of them are in the log. Until that succeeds it answers kUnavailable; so
// it does until a restart when they are more than Options::missed_bytes_max.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "sql/sql_model.hpp"

namespace vibrato::sql {

// Thread-safety: save(), catch_up(), durable_lsn() and health() from any thread; the others from one, the committer.
// durable_lsn() and health() do not wait for a statement that runs.
class SqlWriter {
 public:
  // `options` outlives it, and has a clock. on_disk_full() is called with a lock held.
  SqlWriter(std::unique_ptr<sqlite::Sandbox> sandbox, const SqlModel::Options& options)
      : sandbox_(std::move(sandbox)), options_(options), clock_(*options.clock) {}

  // Reads the mark, and makes it durable.
  [[nodiscard]] Status load();
  [[nodiscard]] Result<ExecOutcome> run(std::string_view statement, std::span<const sqlite::SqlValue> parameters,
                                        const ExecRun& run);
  void stage(const wal::StoredRecord& record);
  void unstage_from(Lsn lsn);
  [[nodiscard]] Status apply(const wal::StoredRecord& record);
  // `visible`: all records up to there were applied.
  [[nodiscard]] Status save(Lsn visible);
  // Brings a file that is behind up to the log; without waiting if it is not. Errors: kUnavailable.
  [[nodiscard]] Status catch_up();
  [[nodiscard]] Lsn durable_lsn() const;
  // ok, or why the file is behind.
  [[nodiscard]] Status health() const;

 private:
  // In the transaction, in flight.
  struct Staged {
    Lsn lsn;
    std::span<const std::byte> body;
    std::uint64_t savepoint = 0;
  };
  // Run and not yet staged.
  struct Unclaimed {
    Lsn lsn;
    std::uint64_t seed = 0;
    std::uint64_t savepoint = 0;
  };
  // Not in the file, which is behind.
  struct Missed {
    Lsn lsn;
    std::vector<std::byte> body;
    bool is_logged = false;
  };

  // All of them: with the lock held.
  [[nodiscard]] Status begin();
  [[nodiscard]] Result<std::uint64_t> set_savepoint();
  // Runs the statement of a record, without bounds. Errors: kCorruption if it fails or does something else than it did.
  [[nodiscard]] Status execute_record(std::span<const std::byte> body);
  // Takes back what came after a savepoint. The file falls behind if that cannot be done.
  void take_back(std::uint64_t savepoint);
  void discard_unclaimed();
  // The transaction is gone: begins another and runs what is staged.
  void run_staged_again();
  void end_empty_transaction();
  [[nodiscard]] Status commit(Lsn mark);
  [[nodiscard]] Status replay(const wal::StoredRecord& record);
  [[nodiscard]] bool is_behind() const { return is_behind_.load(std::memory_order_acquire); }
  // What is in flight is missed from now on.
  void fall_behind(const Status& reason);
  void set_behind(Status reason);  // ok: it is not.
  void miss(Lsn lsn, std::span<const std::byte> body, bool is_logged);
  [[nodiscard]] Status catch_up_locked();
  [[nodiscard]] Status run_missed();

  const std::unique_ptr<sqlite::Sandbox> sandbox_;
  const SqlModel::Options& options_;
  const Clock& clock_;

  mutable std::mutex mutex_;  // Guards the members below, and the connection. A statement runs with it held.
  std::condition_variable transaction_ended_;
  std::vector<Staged> staged_;
  std::size_t applied_of_staged_ = 0;  // The first of them: in the log, and committed with the last.
  std::optional<Unclaimed> unclaimed_;
  std::uint64_t last_savepoint_ = 0;
  Lsn applied_;    // The file's mark.
  Status behind_;  // Why; ok if it is not.
  std::vector<Missed> missed_;
  std::uint64_t missed_bytes_ = 0;
  bool gave_up_ = false;  // They were too many to keep.

  // Of those who must not wait for a statement.
  std::atomic<std::uint64_t> durable_lsn_{0};
  std::atomic<bool> is_behind_ = false;
  mutable std::mutex reason_mutex_;  // Guards behind_ as well: to change it takes both, to read it either.

  // The committer's own: false when nothing can be staged or unclaimed, so that writes of other models need not wait
  // for the lock, which a save holds while it syncs.
  bool may_hold_ = false;
};

}  // namespace vibrato::sql
