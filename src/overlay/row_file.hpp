// The writing side of a RowStore's file. Tables: docs/formats/rows.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "overlay/row_store.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/transaction.hpp"

namespace vibrato::overlay {

// Thread-safety: one thread at a time.
class RowFile {
 public:
  // Makes the file and its tables if they are missing. Errors: those of sqlite::Connection::open(); kCorruption for a
  // file that is something else.
  [[nodiscard]] static Result<std::unique_ptr<RowFile>> open(sqlite::Vfs& vfs, const std::string& path,
                                                             RowObserver* observer, const RowStoreOptions& options);

  [[nodiscard]] Result<Lsn> applied_lsn();
  [[nodiscard]] Result<std::optional<std::int64_t>> next_expiry_ms();

  [[nodiscard]] sqlite::Connection& connection() { return *connection_; }

  // A transaction of: any number of write(), and finish(), which commits them.
  [[nodiscard]] Result<sqlite::Transaction> begin() { return sqlite::Transaction::begin(*connection_); }
  [[nodiscard]] Status write(const RowEntry& entry);
  [[nodiscard]] Status finish(sqlite::Transaction& transaction, Lsn applied);

 private:
  RowFile(std::unique_ptr<sqlite::Connection> connection, RowObserver* observer, sqlite::Statement put,
          sqlite::Statement erase, sqlite::Statement set_applied);
  [[nodiscard]] static Status prepare(sqlite::Connection& connection, RowObserver* observer);

  std::unique_ptr<sqlite::Connection> connection_;  // Ends after its statements.
  RowObserver* observer_;
  sqlite::Statement put_;
  sqlite::Statement erase_;
  sqlite::Statement set_applied_;
};

}  // namespace vibrato::overlay
