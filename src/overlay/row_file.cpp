#include "overlay/row_file.hpp"

#include <utility>

#include "overlay/reader_pool.hpp"

namespace vibrato::overlay {
namespace {

constexpr std::int64_t kVersion = 1;

Result<std::int64_t> version_of(sqlite::Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(auto pragma, connection.prepare("PRAGMA user_version"));
  sqlite::Rows rows = pragma.run();
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  return found ? rows.i64(0) : 0;
}

constexpr std::string_view kTables = R"(
  CREATE TABLE rows(
    key BLOB NOT NULL PRIMARY KEY,
    lsn INTEGER NOT NULL,
    expires_at_ms INTEGER,
    value BLOB NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX rows_by_expiry ON rows(expires_at_ms) WHERE expires_at_ms IS NOT NULL;
  CREATE TABLE applied(lsn INTEGER NOT NULL);
  INSERT INTO applied(lsn) VALUES (0);
  PRAGMA user_version = 1;
)";

}  // namespace

RowFile::RowFile(std::unique_ptr<sqlite::Connection> connection, RowObserver* observer, sqlite::Statement put,
                 sqlite::Statement erase, sqlite::Statement set_applied)
    : connection_(std::move(connection)),
      observer_(observer),
      put_(std::move(put)),
      erase_(std::move(erase)),
      set_applied_(std::move(set_applied)) {}

Status RowFile::prepare(sqlite::Connection& connection, RowObserver* observer) {
  VIBRATO_ASSIGN_OR_RETURN(const std::int64_t version, version_of(connection));
  if (version != 0 && version != kVersion) {
    return corruption(connection.path() + ": version " + std::to_string(version) + " of its tables, expected " +
                      std::to_string(kVersion));
  }
  VIBRATO_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::begin(connection));
  if (version == 0) {
    VIBRATO_RETURN_IF_ERROR(connection.execute(std::string(kTables)));
  }
  if (observer != nullptr) {
    VIBRATO_RETURN_IF_ERROR(observer->prepare(connection));
  }
  return transaction.commit();
}

Result<std::unique_ptr<RowFile>> RowFile::open(sqlite::Vfs& vfs, const std::string& path, RowObserver* observer,
                                               const RowStoreOptions& options) {
  sqlite::ConnectionOptions connection_options;
  connection_options.journal_mode = sqlite::JournalMode::kWalShared;
  connection_options.synchronous = options.synced ? sqlite::Synchronous::kFull : sqlite::Synchronous::kNormal;
  connection_options.cache_kib = options.cache_kib;
  VIBRATO_ASSIGN_OR_RETURN(auto connection, sqlite::Connection::open(vfs, path, connection_options));
  VIBRATO_RETURN_IF_ERROR(prepare(*connection, observer));
  VIBRATO_ASSIGN_OR_RETURN(auto put, connection->prepare("INSERT INTO rows(key, lsn, expires_at_ms, value) "
                                                         "VALUES (?1, ?2, ?3, ?4) ON CONFLICT(key) DO UPDATE "
                                                         "SET lsn = ?2, expires_at_ms = ?3, value = ?4"));
  VIBRATO_ASSIGN_OR_RETURN(auto erase, connection->prepare("DELETE FROM rows WHERE key = ?1"));
  VIBRATO_ASSIGN_OR_RETURN(auto set_applied, connection->prepare("UPDATE applied SET lsn = ?1"));
  return std::unique_ptr<RowFile>(
      new RowFile(std::move(connection), observer, std::move(put), std::move(erase), std::move(set_applied)));
}

Result<Lsn> RowFile::applied_lsn() {
  VIBRATO_ASSIGN_OR_RETURN(auto select, connection_->prepare("SELECT lsn FROM applied"));
  sqlite::Rows rows = select.run();
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  if (!found) {
    return corruption(connection_->path() + ": table applied has no row");
  }
  const Lsn lsn(rows.u64(0));
  VIBRATO_RETURN_IF_ERROR(rows.status());
  return lsn;
}

Result<std::optional<std::int64_t>> RowFile::next_expiry_ms() {
  VIBRATO_ASSIGN_OR_RETURN(auto select,
                           connection_->prepare("SELECT min(expires_at_ms) FROM rows WHERE expires_at_ms IS NOT NULL"));
  sqlite::Rows rows = select.run();
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  const std::optional<std::int64_t> time_ms = found ? rows.optional_i64(0) : std::nullopt;
  VIBRATO_RETURN_IF_ERROR(rows.status());
  return time_ms;
}

Status RowFile::write(const RowEntry& entry) {
  if (observer_ != nullptr) {
    VIBRATO_RETURN_IF_ERROR(observer_->on_row(*connection_, entry.key, *entry.row));
  }
  if (entry.row->is_deleted) {
    return erase_.execute(bytes_of_key(entry.key));
  }
  return put_.execute(bytes_of_key(entry.key), entry.row->lsn, entry.row->expires_at_ms,
                      bytes_of_key(entry.row->value));
}

Status RowFile::finish(sqlite::Transaction& transaction, Lsn applied) {
  VIBRATO_RETURN_IF_ERROR(set_applied_.execute(applied));
  return transaction.commit();
}

}  // namespace vibrato::overlay
