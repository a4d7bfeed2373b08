#include "catalog/migrations.hpp"

#include <string>

#include "base/crc32c.hpp"
#include "sqlite/transaction.hpp"

namespace vibrato::catalog {
namespace {

// "vibd", which file(1) and we ourselves know a catalog by.
constexpr std::int64_t kApplicationId = 0x76696264;

std::uint32_t checksum_of(const Migration& migration) {
  return crc32c(std::as_bytes(std::span(migration.sql.data(), migration.sql.size())));
}

Result<std::int64_t> read_number(sqlite::Connection& connection, std::string_view sql) {
  VIBRATO_ASSIGN_OR_RETURN(auto statement, connection.prepare(sql));
  sqlite::Rows rows = statement.run();
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  const std::int64_t number = found ? rows.i64(0) : 0;
  VIBRATO_RETURN_IF_ERROR(rows.status());
  return number;
}

// An empty database becomes a catalog without a step; anything else must be a catalog already.
Status claim(sqlite::Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(const auto tables, read_number(connection, "SELECT count(*) FROM sqlite_schema"));
  if (tables == 0) {
    VIBRATO_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::begin(connection));
    VIBRATO_RETURN_IF_ERROR(connection.execute("PRAGMA application_id = " + std::to_string(kApplicationId)));
    VIBRATO_RETURN_IF_ERROR(
        connection.execute("CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                           "crc32c INTEGER NOT NULL, applied_at_ms INTEGER NOT NULL) STRICT"));
    return transaction.commit();
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto application_id, read_number(connection, "PRAGMA application_id"));
  return application_id == kApplicationId ? ok_status()
                                          : corruption(connection.path() + ": is a database, but no catalog");
}

// How many steps are applied; they must be the first of `migrations`.
Result<std::size_t> applied_count(sqlite::Connection& connection, std::span<const Migration> migrations) {
  VIBRATO_ASSIGN_OR_RETURN(auto select, connection.prepare("SELECT version, crc32c FROM migrations ORDER BY version"));
  sqlite::Rows rows = select.run();
  std::size_t count = 0;
  for (;;) {
    VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
    if (!found) {
      return count;
    }
    const std::uint64_t version = rows.u64(0);
    const std::uint32_t checksum = rows.u32(1);
    VIBRATO_RETURN_IF_ERROR(rows.status());
    if (version > migrations.size()) {
      return invalid_argument(connection.path() + ": has version " + std::to_string(version) +
                              ", made by a newer vibratod; this one knows up to " + std::to_string(migrations.size()));
    }
    if (version != count + 1 || checksum != checksum_of(migrations[count])) {
      return corruption(connection.path() + ": step " + std::to_string(version) + " of its schema is not ours");
    }
    ++count;
  }
}

Status apply(sqlite::Connection& connection, std::size_t version, const Migration& migration, std::int64_t now_ms) {
  VIBRATO_ASSIGN_OR_RETURN(auto mark, connection.prepare("INSERT INTO migrations VALUES (?1, ?2, ?3, ?4)"));
  VIBRATO_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::begin(connection));
  VIBRATO_RETURN_IF_ERROR(connection.execute(std::string(migration.sql)));
  VIBRATO_RETURN_IF_ERROR(mark.execute(version, migration.name, checksum_of(migration), now_ms));
  return transaction.commit();
}

}  // namespace

Status migrate(sqlite::Connection& connection, std::span<const Migration> migrations, std::int64_t now_ms) {
  VIBRATO_RETURN_IF_ERROR(claim(connection));
  VIBRATO_ASSIGN_OR_RETURN(const std::size_t applied, applied_count(connection, migrations));
  for (std::size_t step = applied; step < migrations.size(); ++step) {
    VIBRATO_RETURN_IF_ERROR(apply(connection, step + 1, migrations[step], now_ms)
                                .with_context("step " + std::to_string(step + 1) + " of the catalog's schema"));
  }
  return ok_status();
}

}  // namespace vibrato::catalog
