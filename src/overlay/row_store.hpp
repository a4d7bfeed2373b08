// Rows by key, in byte order: a SQLite table, and over it, in memory, what was applied and is not yet written there. A
// read sees both as one, as of one LSN, so it never sees less than what was acknowledged. State and documents are such
// rows.
//
// The overlay holds immutable rows; each may hold the one that it replaced, as long as a reader may still ask for that
// (its successor is not visible). save() writes the newest visible row of each key in one transaction, together with
// the LSN up to which the file now holds everything, and only then lets go of what it wrote. So a reader that finds a
// key missing above and looks into the file afterwards finds it there.
//
// File: docs/formats/rows.md. Table `rows(key BLOB PRIMARY KEY, lsn, expires_at_ms, value BLOB)`, `applied(lsn)`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "sqlite/connection.hpp"

namespace vibrato::overlay {

struct Row;
using RowPtr = std::shared_ptr<const Row>;

struct Row {
  Lsn lsn;  // Of the record that wrote it.
  bool is_deleted = false;
  std::optional<std::int64_t> expires_at_ms;
  std::string value;  // Empty if deleted.
};

// Keys k with from <= k, and k < to if there is a `to`.
struct KeyRange {
  std::string from;
  std::optional<std::string> to;
};
// The range of the keys that begin with `prefix`.
[[nodiscard]] KeyRange range_of_prefix(std::string_view prefix);

// Looks at rows on their way into the file, inside the transaction that writes them: keeps what is derived from them in
// tables of its own. Called by one thread at a time.
class RowObserver {
 public:
  virtual ~RowObserver() = default;
  // Makes its tables, if they are missing.
  [[nodiscard]] virtual Status prepare(sqlite::Connection& file) = 0;
  // A row that is written, or deleted. What the file has of the key, it still has.
  [[nodiscard]] virtual Status on_row(sqlite::Connection& file, std::string_view key, const Row& row) = 0;
};

struct RowEntry {
  std::string key;
  RowPtr row;  // Never null, never deleted.
};

// All rows as of one LSN. Holds a connection of the store for reading: use it briefly, on one thread.
class RowView {
 public:
  virtual ~RowView() = default;
  [[nodiscard]] virtual Lsn as_of() const = 0;
  // It ends before its range does: see RowStore::view().
  [[nodiscard]] virtual bool is_cut() const = 0;
  // Null if there is none. Requires: a key of the range.
  [[nodiscard]] virtual Result<RowPtr> get(std::string_view key) = 0;
  // The next row of the range in byte order of keys; nothing at the end.
  [[nodiscard]] virtual Result<std::optional<RowEntry>> next() = 0;
  // Back to the first one at or above `key`, which may lie anywhere in the range.
  [[nodiscard]] virtual Status seek(std::string_view key) = 0;
  // For those who keep tables beside the rows: the file as of the same moment, without the rows above it; and those, of
  // the range, deleted ones too.
  [[nodiscard]] virtual sqlite::Connection& file() = 0;
  [[nodiscard]] virtual const std::map<std::string, RowPtr, std::less<>>& above() const = 0;
};

struct RowStoreOptions {
  std::uint32_t readers_max = 16;   // Connections that are kept for reading.
  std::uint32_t cache_kib = 16384;  // Of the writing connection.
  std::uint32_t reader_cache_kib = 2048;
  std::size_t cached_rows_bytes_max = 0;  // Of rows of the file that are kept in memory for get(): see row_cache.hpp.
  bool synced = true;                     // Each save: see durable_lsn().
};

// Thread-safety: put() and erase() are the committer's; all else from any thread. Views and captures end before it.
class RowStore {
 public:
  // `vfs` and `observer` (may be null) outlive it. The file is made if it is missing.
  [[nodiscard]] static Result<std::unique_ptr<RowStore>> open(sqlite::Vfs& vfs, std::string path, RowObserver* observer,
                                                              const RowStoreOptions& options = {});
  ~RowStore();

  // ---- The committer's (or a replay's) ----
  // `visible`: what readers may see by now; rows that were replaced at or below it are let go of. In a replay, when
  // there are no readers, the LSN before that of the row. A row that is not newer than what the key has is passed over.
  void put(std::string_view key, RowPtr row, Lsn visible);
  void erase(std::string_view key, Lsn lsn, Lsn visible);

  // ---- Reads ----
  // `as_of` is an LSN that was visible. Where a newer one is by now, reads may be as of that.
  // The row that is visible at `as_of`; null if there is none. Rows that are past their time are answered as well: it
  // is the caller who knows what time it is.
  [[nodiscard]] Result<RowPtr> get(std::string_view key, Lsn as_of) const;
  // The newest applied row, visible or not.
  [[nodiscard]] Result<RowPtr> get_newest(std::string_view key) const;
  // The LSN of that row; 0 if there is none. Does not read its value.
  [[nodiscard]] Result<Lsn> newest_lsn(std::string_view key) const;
  // What is not saved is copied, which takes long if that is much. A caller who wants a few rows only says how many of
  // those to copy at most (deleted ones not counted): at the last of them the view ends.
  [[nodiscard]] Result<std::unique_ptr<RowView>> view(KeyRange range, Lsn as_of,
                                                      std::size_t rows_above_max = SIZE_MAX) const;
  // The rows of which the time is over at `now_ms`, the earliest first, at most `count`, without their values. One may
  // be replaced or deleted by now: whoever acts on it looks at get_newest().
  [[nodiscard]] Result<std::vector<RowEntry>> expired(std::int64_t now_ms, std::size_t count, Lsn as_of) const;
  // No row's time is over before this; conservative. nullopt: no row has one.
  [[nodiscard]] std::optional<std::int64_t> next_expiry_ms() const;

  // ---- The file ----
  // As of the last save; from the file when it was opened.
  [[nodiscard]] Lsn durable_lsn() const;
  // Writes what is visible at `up_to`, or at a newer LSN that is visible. Requires: everything up to it is applied, and
  // visible (in a replay: applied).
  [[nodiscard]] Status save(Lsn up_to);
  // Runs `work` on the connection that writes, in a transaction of its own and not during a save: for those who keep
  // tables beside the rows. After an error, also one of `work`, the file is as it was. Saves wait for it.
  [[nodiscard]] Status change(const std::function<Status(sqlite::Connection& file)>& work);
  [[nodiscard]] std::uint64_t unsaved_bytes() const;
  // What the rows take that are kept in memory beside them.
  [[nodiscard]] std::uint64_t cached_bytes() const;
  // The file as of now: its LSN, and a copy.
  class Capture {
   public:
    virtual ~Capture() = default;
    [[nodiscard]] virtual Lsn applied_lsn() const = 0;
    [[nodiscard]] virtual Status copy_to(const std::string& path) = 0;
  };
  [[nodiscard]] Result<std::unique_ptr<Capture>> capture() const;

  class Impl;

 private:
  explicit RowStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::overlay
