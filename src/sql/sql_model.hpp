// Embedded SQL: a database file of its own, in which clients run statements of their own (docs/adr/0012).
//
// A statement that writes goes this way:
//   1. validate, on the committer thread: it runs inside an open transaction, behind a savepoint of its own. An error
//      takes it back; nothing is logged then.
//   2. The log takes the statement, its parameters, time and seed, and syncs.
//   3. apply: the last record in flight commits the transaction, with the applied LSN inside.
// Several statements may be in flight; each savepoint stands on those before it, so taking back from the middle takes
// back exactly what came later. Replay runs the statement of the record with its time and seed.
//
// Queries run on read-only connections and see commits only: whole groups that are in the log.
//
// When the file fails (disk full, a failed commit) while records are in flight or logged, each request first tries to
// bring it up to the log, and answers kUnavailable while that fails. Other models go on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "base/deadline.hpp"
#include "base/limits.hpp"
#include "commit/file_model.hpp"
#include "commit/round_time.hpp"
#include "commit/visible_lsn.hpp"
#include "sqlite/sandbox.hpp"

namespace vibrato::sql {

class SqlReaders;
class SqlWriter;

struct Query {
  std::string statement;
  std::vector<sqlite::SqlValue> parameters;
  std::uint32_t rows_max = limits::kSqlRowsMax;
  std::int64_t deadline_ns = 0;  // On the clock's monotonic time.
};

// What a statement did.
struct ExecOutcome {
  std::uint64_t rows_affected = 0;  // By the statement itself, not by triggers; 0 for one that changes the schema.
  std::int64_t last_insert_id = 0;  // Of the last row that it inserted into a table with rowids; 0 if there is none.
};

// How a statement that writes runs.
struct ExecRun {
  Lsn lsn;  // Of its record.
  std::int64_t time_ms = 0;
  std::uint64_t seed = 0;
  std::int64_t deadline_ns = 0;  // Of the request, on the clock's monotonic time; 0: none.
};

// Thread-safety: query(), save(), capture() and health() from any thread; run() and the others of Model on the
// committer's.
class SqlModel final : public commit::FileModel {
 public:
  struct Options {
    const Clock* clock = nullptr;                               // For deadlines; the system's if null.
    std::uint32_t readers_max = 8;                              // Read-only connections; queries beyond wait for one.
    std::int64_t exec_ms_max = limits::kSqlExecMsMax;           // The committer waits meanwhile.
    std::function<std::uint64_t()> make_seed = {};              // The system's random numbers if empty.
    std::function<bool()> on_disk_full = {};                    // Called when the disk is full: true if it made room.
    std::size_t missed_bytes_max = limits::kSqlMissedBytesMax;  // Of statements that the file misses.
  };

  // Opens or creates sql.db. Errors: kCorruption, kIoError, kUnavailable. `vfs`, `visible` and `time` outlive it.
  [[nodiscard]] static Result<std::unique_ptr<SqlModel>> open(sqlite::Vfs& vfs, const std::string& data_folder,
                                                              const commit::VisibleLsn& visible,
                                                              const commit::RoundTime& time, Options options);
  [[nodiscard]] static Result<std::unique_ptr<SqlModel>> open(sqlite::Vfs& vfs, const std::string& data_folder,
                                                              const commit::VisibleLsn& visible,
                                                              const commit::RoundTime& time);
  ~SqlModel() override;

  // Runs one statement that reads, and gives its rows to `sink`. Blocks: for the query pool.
  // Errors: kInvalidArgument (SQL of any kind, refused statements too; a statement without rows), kTimeout,
  // kUnavailable.
  [[nodiscard]] Result<sqlite::QueryEnd> query(const Query& query, sqlite::RowSink& sink);
  // ok, or why the file is behind the log.
  [[nodiscard]] Status health() const;

  // For the write in sql_writes.cpp: runs one statement behind a savepoint. The next record that is staged is its own;
  // if none comes it is taken back. Errors: kInvalidArgument, kTimeout, kDiskFull, kUnavailable.
  [[nodiscard]] Result<ExecOutcome> run(std::string_view statement, const std::vector<sqlite::SqlValue>& parameters,
                                        const ExecRun& run);
  [[nodiscard]] std::uint64_t make_seed() const;

  [[nodiscard]] std::string_view name() const override { return "sql"; }
  [[nodiscard]] std::span<const std::uint16_t> record_types() const override;
  void stage(const wal::StoredRecord& record) override;
  void unstage_from(Lsn lsn) override;
  [[nodiscard]] Status apply(const wal::StoredRecord& record) override;
  [[nodiscard]] Lsn durable_lsn() const override;
  [[nodiscard]] Status save(Lsn up_to) override;
  [[nodiscard]] Status load() override;
  [[nodiscard]] std::string_view file_name() const override { return "sql.db"; }
  [[nodiscard]] Result<std::unique_ptr<commit::FileCapture>> capture() override;
  // Always 0: what is applied is in the file.
  [[nodiscard]] std::uint64_t unsaved_bytes() const override { return 0; }

 private:
  SqlModel(sqlite::Vfs& vfs, std::string path, const commit::VisibleLsn& visible, const commit::RoundTime& time,
           Options options);

  sqlite::Vfs& vfs_;
  const std::string path_;
  const commit::VisibleLsn& visible_;
  const commit::RoundTime& time_;
  const Options options_;
  // The writing connection is opened first and closed last.
  std::unique_ptr<SqlWriter> writer_;
  std::unique_ptr<SqlReaders> readers_;
};

}  // namespace vibrato::sql
