#include "catalog/catalog.hpp"

#include "catalog/migrations.hpp"
#include "io/safe_path.hpp"
#include "sqlite/transaction.hpp"

namespace vibrato::catalog {

Result<std::unique_ptr<Catalog>> Catalog::open(sqlite::Vfs& vfs, const std::string& data_folder, const Clock& clock,
                                               const sqlite::ConnectionOptions& options) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::join_beneath(data_folder, kCatalogFile));
  VIBRATO_ASSIGN_OR_RETURN(auto connection, sqlite::Connection::open(vfs, path, options));
  VIBRATO_RETURN_IF_ERROR(migrate(*connection, all_migrations(), clock.now_ms()));
  std::unique_ptr<Catalog> catalog(new Catalog(std::move(connection)));
  VIBRATO_RETURN_IF_ERROR(catalog->open_tables(clock.now_ms()));
  return catalog;
}

Status Catalog::open_tables(std::int64_t now_ms) {
  sqlite::Connection& connection = *connection_;
  VIBRATO_ASSIGN_OR_RETURN(auto store, StoreTable::open(connection, now_ms));
  VIBRATO_ASSIGN_OR_RETURN(auto collections, CollectionsTable::open(connection));
  VIBRATO_ASSIGN_OR_RETURN(auto segments, SegmentsTable::open(connection));
  VIBRATO_ASSIGN_OR_RETURN(auto applied, AppliedTable::open(connection));
  VIBRATO_ASSIGN_OR_RETURN(auto keys, KeysTable::open(connection));
  VIBRATO_ASSIGN_OR_RETURN(auto audit, AuditTable::open(connection));
  VIBRATO_ASSIGN_OR_RETURN(auto jobs, JobsTable::open(connection));
  VIBRATO_ASSIGN_OR_RETURN(auto snapshots, SnapshotsTable::open(connection));
  VIBRATO_ASSIGN_OR_RETURN(auto idempotency, IdempotencyTable::open(connection));
  tables_ = std::make_unique<Tables>(Tables{std::move(store), std::move(collections), std::move(segments),
                                            std::move(applied), std::move(keys), std::move(audit), std::move(jobs),
                                            std::move(snapshots), std::move(idempotency)});
  return ok_status();
}

Status Catalog::write(const std::function<Status(Tables&)>& body) {
  const std::lock_guard lock(mutex_);
  VIBRATO_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::begin(*connection_));
  VIBRATO_RETURN_IF_ERROR(body(*tables_));
  return transaction.commit();
}

Status Catalog::backup_to(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return connection_->backup_to(path);
}

Status Catalog::verify() {
  const std::lock_guard lock(mutex_);
  return connection_->check_integrity();
}

Status Catalog::check_writable() const {
  const std::lock_guard lock(mutex_);
  return connection_->check_not_poisoned();
}

}  // namespace vibrato::catalog
