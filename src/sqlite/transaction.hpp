// A write transaction: all of its changes or none. And one that reads: all of it sees one moment.
#pragma once

#include <utility>
#include <vibrato/result.hpp>

#include "sqlite/connection.hpp"

namespace vibrato::sqlite {

// Thread-safety: that of the connection, which must outlive it.
class Transaction {
 public:
  // BEGIN IMMEDIATE. Errors: kUnavailable when the database is poisoned, kConflict when another connection writes.
  // Requires: no transaction is open on the connection.
  [[nodiscard]] static Result<Transaction> begin(Connection& connection);

  Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  // Rolls back unless commit() answered ok.
  ~Transaction();

  // Makes the changes durable (Synchronous::kFull). Call it once. After an error they are rolled back, and after a
  // failed sync they may be found again after a restart: whole or not at all.
  [[nodiscard]] Status commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  void roll_back();

  Connection* connection_;  // Null once the transaction is over.
};

// What its connection reads is the database as it was when it began, whatever other connections commit.
// Thread-safety: that of the connection, which must outlive it.
class ReadTransaction {
 public:
  // Errors: kConflict when another connection is in the way for seconds; the disk's.
  // Requires: no transaction is open on the connection.
  [[nodiscard]] static Result<ReadTransaction> begin(Connection& connection);

  ReadTransaction(ReadTransaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  ReadTransaction& operator=(ReadTransaction&&) = delete;
  // Requires: the statements that run in it are at their end.
  ~ReadTransaction();

 private:
  explicit ReadTransaction(Connection& connection) : connection_(&connection) {}

  Connection* connection_;  // Null once it was moved from.
};

}  // namespace vibrato::sqlite
