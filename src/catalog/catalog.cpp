#include "catalog/catalog.hpp"

#include <chrono>
#include <thread>

#include "catalog/migrations.hpp"
#include "io/safe_path.hpp"
#include "sqlite/transaction.hpp"

namespace vibrato::catalog {
namespace {

constexpr std::int64_t kNsAMs = 1'000'000;
constexpr std::chrono::milliseconds kLockPause{1};

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(sqlite::Vfs& vfs, const std::string& data_folder, const Clock& clock,
                                               const sqlite::ConnectionOptions& options) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::join_beneath(data_folder, kCatalogFile));
  VIBRATO_ASSIGN_OR_RETURN(auto connection, sqlite::Connection::open(vfs, path, options));
  VIBRATO_RETURN_IF_ERROR(migrate(*connection, all_migrations(), clock.now_ms()));
  std::unique_ptr<Catalog> catalog(new Catalog(std::move(connection), clock));
  VIBRATO_RETURN_IF_ERROR(catalog->open_tables());
  return catalog;
}

Status Catalog::open_tables() {
  sqlite::Connection& connection = *connection_;
  VIBRATO_ASSIGN_OR_RETURN(auto store, StoreTable::open(connection, clock_.now_ms()));
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
  VIBRATO_ASSIGN_OR_RETURN(const StoreInfo info, tables_->store.read());
  commits_ = info.commits;
  return ok_status();
}

std::int64_t Catalog::read_deadline_ns() const {
  return clock_.monotonic_ns() + read_limit_.timeout_ms * kNsAMs;
}

// A commit holds the lock for a sync at most, so the wait is rare and short. (The timed locks of the standard library
// are unknown to ThreadSanitizer.)
std::unique_lock<std::mutex> Catalog::lock_until(std::int64_t deadline_ns) const {
  std::unique_lock lock(mutex_, std::try_to_lock);
  while (!lock.owns_lock() && clock_.monotonic_ns() < deadline_ns) {
    std::this_thread::sleep_for(kLockPause);
    static_cast<void>(lock.try_lock());
  }
  return lock;
}

Status Catalog::out_of_time() const {
  read_limit_.timeouts->add();
  return unavailable("the catalog could not be read within " + std::to_string(read_limit_.timeout_ms) + " ms");
}

Status Catalog::write(const std::function<Status(Tables&)>& body) {
  const std::lock_guard lock(mutex_);
  VIBRATO_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::begin(*connection_));
  const std::int64_t before = connection_->total_changes();
  VIBRATO_RETURN_IF_ERROR(body(*tables_));
  if (connection_->total_changes() == before) {
    return transaction.commit();
  }
  VIBRATO_RETURN_IF_ERROR(tables_->store.count_commit());
  VIBRATO_RETURN_IF_ERROR(transaction.commit());
  ++commits_;
  return ok_status();
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
