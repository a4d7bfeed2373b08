#include "sqlite/transaction.hpp"

#include <utility>

namespace vibrato::sqlite {

Result<Transaction> Transaction::begin(Connection& connection) {
  VIBRATO_CHECK(!connection.in_transaction());
  VIBRATO_RETURN_IF_ERROR(connection.check_not_poisoned());
  VIBRATO_RETURN_IF_ERROR(connection.execute("BEGIN IMMEDIATE"));
  return Transaction(connection);
}

Transaction::~Transaction() {
  roll_back();
}

Status Transaction::commit() {
  VIBRATO_CHECK(connection_ != nullptr);
  // SQLite rolls back by itself after some errors; COMMIT would then answer for no transaction at all.
  if (!connection_->in_transaction()) {
    const std::string path = std::exchange(connection_, nullptr)->path();
    return io_error(path + ": the transaction was rolled back after an error");
  }
  Status committed = connection_->execute("COMMIT");
  if (committed.ok()) {
    // The copying of a full log into the database belongs to a commit, but its failure is not COMMIT's.
    committed = connection_->check_not_poisoned();
  }
  roll_back();
  return committed;
}

void Transaction::roll_back() {
  if (connection_ != nullptr && connection_->in_transaction()) {
    // If this fails the disk does, and what is not committed is rolled back when the database is opened again.
    (void)connection_->execute("ROLLBACK");
  }
  connection_ = nullptr;
}

Result<ReadTransaction> ReadTransaction::begin(Connection& connection) {
  VIBRATO_CHECK(!connection.in_transaction());
  VIBRATO_RETURN_IF_ERROR(connection.execute("BEGIN"));
  ReadTransaction transaction(connection);
  // Only the first read fixes the moment.
  VIBRATO_RETURN_IF_ERROR(connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1"));
  return transaction;
}

ReadTransaction::~ReadTransaction() {
  if (connection_ != nullptr && connection_->in_transaction()) {
    // There is nothing to lose; what matters is that it is over.
    (void)connection_->execute("ROLLBACK");
  }
}

}  // namespace vibrato::sqlite
