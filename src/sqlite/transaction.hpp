// A write transaction: all of its changes or none.
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

}  // namespace vibrato::sqlite
