#include "catalog/idempotency_table.hpp"

#include <algorithm>
#include <span>

namespace vibrato::catalog {
namespace {

enum IdempotencyQuery : std::size_t { kAllIdempotencyRows, kInsertIdempotency, kRemoveBelow };

#define IDEMPOTENCY_COLUMNS "lsn, at_ms, scope, key, fingerprint, status, answer"

constexpr std::string_view kIdempotencySql[] = {
    "SELECT " IDEMPOTENCY_COLUMNS " FROM idempotency_keys ORDER BY lsn",
    "INSERT INTO idempotency_keys (" IDEMPOTENCY_COLUMNS
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
    "ON CONFLICT (lsn) DO NOTHING",
    "DELETE FROM idempotency_keys WHERE lsn < ?1",
};
#undef IDEMPOTENCY_COLUMNS

IdempotencyRow read_idempotency_row(sqlite::Rows& rows) {
  IdempotencyRow row;
  row.lsn = Lsn(rows.u64(0));
  row.at_ms = rows.i64(1);
  row.scope = rows.text(2);
  const std::vector<std::byte> key = rows.blob(3);
  row.key.assign(reinterpret_cast<const char*>(key.data()), key.size());
  const std::vector<std::byte> fingerprint = rows.blob(4);
  if (fingerprint.size() == row.fingerprint.size()) {
    std::copy(fingerprint.begin(), fingerprint.end(), row.fingerprint.begin());
  } else {
    rows.reject(4, "is not 32 bytes long");
  }
  row.status = rows.u32(5);
  row.answer = rows.text(6);
  return row;
}

}  // namespace

Result<IdempotencyTable> IdempotencyTable::open(sqlite::Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(Statements statements, Statements::prepare(connection, kIdempotencySql));
  return IdempotencyTable(std::move(statements));
}

Result<std::vector<IdempotencyRow>> IdempotencyTable::all() const {
  return read_all(statements_[kAllIdempotencyRows].run(), read_idempotency_row);
}

Status IdempotencyTable::insert(const IdempotencyRow& row) {
  return statements_[kInsertIdempotency].execute(row.lsn, row.at_ms, row.scope, std::as_bytes(std::span(row.key)),
                                                 row.fingerprint, row.status, row.answer);
}

Status IdempotencyTable::remove_below(Lsn lsn) {
  return statements_[kRemoveBelow].execute(lsn);
}

}  // namespace vibrato::catalog
