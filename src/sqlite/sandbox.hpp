// A connection for SQL text of strangers. What a statement may do is a list (sandbox_rules.hpp); all else is refused
// when it is prepared. It touches no file but its own, changes no setting, and ends in bounded time and memory. The
// schema has caps (base/limits.hpp): what would pass them is refused.
//
// Two runs of one statement on equal files, with the same parameters, time and seed, give equal files: `now` and
// CURRENT_TIMESTAMP are the run's time, random() and randomblob() come from its seed, and functions whose answer
// depends on anything else (the connection's past, the machine's time zone, the mathematical library) are refused in
// statements that write.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "sqlite/vfs.hpp"

namespace vibrato::sqlite {

struct SandboxCore;

using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string>;
// Of an answer. Text is what the statement made: not always UTF-8.
using SqlValueView = std::variant<std::monostate, std::int64_t, double, std::string_view, std::span<const std::byte>>;

struct SandboxOptions {
  bool read_only = false;
  std::uint32_t cache_kib = 4096;
};

// How one statement runs.
struct SandboxRun {
  std::int64_t time_ms = 0;            // What `now` is.
  std::uint64_t seed = 0;              // What random() is made of.
  const Clock* clock = nullptr;        // Null: no deadline.
  std::int64_t deadline_ns = 0;        // On the clock's monotonic time.
  std::uint64_t memory_bytes_max = 0;  // That it may take; 0: no bound.
  // It ran before, within the caps of its time, and must run again: the length of its values has no other bound than
  // limits::kSqlValueBytesMax.
  bool is_logged = false;
};

struct SandboxChanges {
  std::uint64_t rows_affected = 0;
  std::int64_t last_insert_id = 0;
};

// Takes the rows of a query. Views live for the call.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void take_columns(std::span<const std::string_view> names) = 0;
  // False: no room for this row, end the query.
  [[nodiscard]] virtual bool take_row(std::span<const SqlValueView> values) = 0;
};

struct QueryEnd {
  bool truncated = false;  // There were more rows.
};

enum class SandboxTransaction : std::uint8_t {
  kRead,         // All of it sees one moment.
  kWrite,        // A power loss may take the commit back, never tear or reorder it.
  kSyncedWrite,  // The commit and all before it are on stable storage when it answers ok.
};

// Thread-safety: one thread at a time.
class Sandbox {
 public:
  // Opens or creates the database at `path`, with the write-ahead log that several connections share. Errors: as
  // Connection::open.
  [[nodiscard]] static Result<std::unique_ptr<Sandbox>> open(Vfs& vfs, const std::string& path,
                                                             const SandboxOptions& options);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // A statement's errors: kInvalidArgument (not one statement, refused, a fault of SQL of any kind), kTimeout,
  // kDiskFull, kIoError, kCorruption, kUnavailable (poisoned).
  //
  // Runs one statement that yields no rows. After an error a part of its changes may be there: go back to a savepoint.
  // When in_transaction() is false then, all of the transaction was taken back. CREATE IF NOT EXISTS and DROP IF EXISTS
  // without anything to do are statements without effect. Requires: an open write transaction.
  [[nodiscard]] Result<SandboxChanges> execute(std::string_view sql, std::span<const SqlValue> parameters,
                                               const SandboxRun& run);
  // Runs one statement that reads.
  [[nodiscard]] Result<QueryEnd> query(std::string_view sql, std::span<const SqlValue> parameters,
                                       const SandboxRun& run, std::uint64_t rows_max, RowSink& sink);

  // Transactions are the caller's alone. Errors: kConflict, kUnavailable, kDiskFull, kIoError.
  [[nodiscard]] Status begin(SandboxTransaction kind);
  [[nodiscard]] Status commit();
  // No-op without a transaction.
  void roll_back();
  [[nodiscard]] bool in_transaction() const;
  // Savepoints stand on each other; `number` is unique within the transaction.
  [[nodiscard]] Status set_savepoint(std::uint64_t number);
  // Takes back what came after it, and the savepoint too.
  [[nodiscard]] Status roll_back_to(std::uint64_t number);

  // The file's mark: see sqlite/file_mark.hpp.
  [[nodiscard]] Result<std::uint64_t> mark();
  [[nodiscard]] Status set_mark(std::uint64_t mark);

 private:
  explicit Sandbox(std::unique_ptr<SandboxCore> core);

  std::unique_ptr<SandboxCore> core_;
};

}  // namespace vibrato::sqlite
