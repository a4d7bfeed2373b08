// One SQLite database, open. Everything that keeps state in SQLite goes through this class and its statements; nothing
// else of the program sees sqlite3.h.
//
// Durability: with Synchronous::kFull a commit that answered ok is on stable storage. After the first failed sync
// of the database nothing is written to it any more (database_state.hpp): no commit is reported as ok until a restart,
// reads go on.
// SQL is constant text with ?1, ?2, ... for values: never put together from what came from outside.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "sqlite/statement.hpp"
#include "sqlite/vfs.hpp"

struct sqlite3;

namespace vibrato::sqlite {

enum class JournalMode : std::uint8_t {
  kWal,  // Write-ahead log, one connection at a time: one sync a commit (docs/adr/0004-journal-of-the-catalog.md).
  // The same for several connections of one Vfs: any that is not read_only writes, one at a time; the others read
  // meanwhile what was committed before their transaction. The first, a writing one, is opened before and closed after
  // those that are read_only. They never write to the disk, so they go on when it is full.
  kWalShared,
  kPersist,  // Rollback journal that stays and is voided by its header, several connections: four syncs a commit.
  kMemory,   // No protection from crashes: for a file that is thrown away unless it is completed.
};

enum class Synchronous : std::uint8_t {
  kFull,    // Each commit is synced.
  kNormal,  // With kWal: a commit may be lost with the power, but never torn or reordered.
};

struct ConnectionOptions {
  JournalMode journal_mode = JournalMode::kWal;
  Synchronous synchronous = Synchronous::kFull;
  bool read_only = false;
  bool create_if_missing = true;
  std::uint32_t cache_kib = 4096;
  std::uint32_t page_count_max = 0x3fffffff;  // Of 4 KiB; more answers kDiskFull.
  std::uint32_t wal_checkpoint_pages = 1000;  // The log is copied into the database when a commit leaves more.
};

// Takes the time limit off its connection again.
class TimeLimit {
 public:
  explicit TimeLimit(sqlite3* database) : database_(database) {}
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
  ~TimeLimit();

 private:
  friend class Connection;
  static int expired(void* self) noexcept;

  sqlite3* database_;
  const Clock* clock_ = nullptr;
  std::int64_t deadline_ns_ = 0;
};

// Thread-safety: one thread at a time. Requires: its statements are destroyed before it.
class Connection {
 public:
  // Opens or creates the database at `path`. `vfs` must outlive the connection. The caller holds the lock on the
  // data folder. Errors: kNotFound without create_if_missing, kConflict when another connection is in the way,
  // kCorruption when the file is no database or a damaged one, kUnavailable when it is poisoned.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(Vfs& vfs, const std::string& path,
                                                                const ConnectionOptions& options = {});
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] const std::string& path() const { return state_->path(); }

  // One statement of constant SQL. Errors: kInvalidArgument for what SQLite does not understand.
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  // Runs constant SQL of one or more statements and drops their rows: schemas and settings.
  [[nodiscard]] Status execute(const std::string& sql);

  [[nodiscard]] bool in_transaction() const;
  // Rows that the last insert, update or delete changed.
  [[nodiscard]] std::int64_t changed_rows() const;
  // The same, of all of them since it was opened.
  [[nodiscard]] std::int64_t total_changes() const;
  [[nodiscard]] std::int64_t last_insert_id() const;
  // kUnavailable once a sync has failed.
  [[nodiscard]] Status check_not_poisoned() const { return state_->check_not_poisoned(); }

  // Statements that run past `deadline_ns` on the clock's monotonic time answer kTimeout, while the result lives.
  [[nodiscard]] std::unique_ptr<TimeLimit> limit_time(const Clock& clock, std::int64_t deadline_ns);

  // Makes all commits durable (with Synchronous::kNormal too) and copies the write-ahead log into the database file;
  // the next commit overwrites the log from its start. No-op without such a log. With kWalShared, kConflict if a reader
  // that began before the last commit goes on for seconds.
  [[nodiscard]] Status checkpoint();
  // Writes a copy of the database, as of now or as the open ReadTransaction sees it, to `path`, which must not exist.
  // It is durable when this returns ok; after an error a part of it may be there. Requires: no open write transaction.
  [[nodiscard]] Status backup_to(const std::string& path);
  // Reads all of the database and checks its structure: kCorruption names the first fault.
  [[nodiscard]] Status check_integrity();

  // What a failed call means, as a Status: see errors in sqlite/errors.hpp.
  [[nodiscard]] Status error_of(int code, std::string_view action);

 private:
  Connection(Vfs& vfs, std::shared_ptr<DatabaseState> state) : vfs_(vfs), state_(std::move(state)) {}
  Status configure(const ConnectionOptions& options);
  Status share(const ConnectionOptions& options);
  Status set_journal_mode(const ConnectionOptions& options);
  Status copy_into(Connection& target);

  friend struct SandboxCore;

  Vfs& vfs_;
  std::shared_ptr<DatabaseState> state_;
  sqlite3* database_ = nullptr;
};

}  // namespace vibrato::sqlite
