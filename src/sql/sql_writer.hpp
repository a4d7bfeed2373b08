// The writing side of the SQL model: one connection, and the statements that are in flight in its open transaction.
//
// Invariants:
//   - staged statements stand in the transaction in LSN order, each behind its savepoint; at most one more stands last,
//     which run() left for stage() to claim;
//   - without staged or unclaimed statements there is no transaction;
//   - the file's mark is the LSN up to which it holds everything.
// SQLite takes back a whole transaction for some errors of one statement (the disk is full, the deadline passed, ON
// CONFLICT ROLLBACK): the staged statements are run again then, and give the same rows. When even that fails, or a
// commit, the writer is broken: it answers kUnavailable until a restart, and lets what is logged pass by.
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

// Thread-safety: save(), durable_lsn() and health() from any thread; the others from one, the committer. durable_lsn()
// and health() do not wait for a statement that runs.
class SqlWriter {
 public:
  SqlWriter(std::unique_ptr<sqlite::Sandbox> sandbox, const Clock& clock, std::int64_t exec_ms_max)
      : sandbox_(std::move(sandbox)), clock_(clock), exec_ms_max_(exec_ms_max) {}

  // Reads the mark, and makes it durable.
  [[nodiscard]] Status load();
  [[nodiscard]] Result<ExecOutcome> run(std::string_view statement, std::span<const sqlite::SqlValue> parameters,
                                        const ExecRun& run);
  void stage(const wal::StoredRecord& record);
  void unstage_from(Lsn lsn);
  [[nodiscard]] Status apply(const wal::StoredRecord& record);
  // `visible`: all records up to there were applied.
  [[nodiscard]] Status save(Lsn visible);
  [[nodiscard]] Lsn durable_lsn() const;
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

  // All of them: with the lock held.
  [[nodiscard]] Status begin();
  [[nodiscard]] Result<std::uint64_t> set_savepoint();
  // Runs the statement of a record, without bounds. Errors: kCorruption if it fails or does something else than it did.
  [[nodiscard]] Status execute_record(std::span<const std::byte> body);
  // Takes back what came after a savepoint. Breaks the writer if that cannot be done.
  void take_back(std::uint64_t savepoint);
  void discard_unclaimed();
  // The transaction is gone: begins another and runs what is staged.
  void run_staged_again();
  void end_empty_transaction();
  [[nodiscard]] Status commit(Lsn mark);
  [[nodiscard]] Status replay(const wal::StoredRecord& record);
  void break_with(const Status& reason);

  const std::unique_ptr<sqlite::Sandbox> sandbox_;
  const Clock& clock_;
  const std::int64_t exec_ms_max_;

  mutable std::mutex mutex_;  // Guards the members below, and the connection. A statement runs with it held.
  std::condition_variable transaction_ended_;
  std::vector<Staged> staged_;
  std::optional<Unclaimed> unclaimed_;
  std::uint64_t last_savepoint_ = 0;
  Lsn applied_;  // The file's mark.
  Status broken_;

  // Of those who must not wait for a statement.
  std::atomic<std::uint64_t> durable_lsn_{0};
  mutable std::mutex broken_mutex_;  // Guards broken_ as well: to change it takes both, to read it either.

  // The committer's own: false when nothing can be staged or unclaimed, so that writes of other models need not wait
  // for the lock, which a save holds while it syncs.
  bool may_hold_ = false;
};

}  // namespace vibrato::sql
