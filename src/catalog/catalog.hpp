// The catalog of a data folder: which collections, segments, keys, jobs and snapshots there are, in one SQLite file.
//
//   const Status published = catalog->write([&](Tables& tables) -> Status {
//     VIBRATO_RETURN_IF_ERROR(tables.segments.insert(segment).status());
//     return tables.applied.set("vector", segment.collection, segment.last_lsn);
//   });
//
// Invariants: what write() answered ok for is on stable storage, all of it or, after an error, none (but after a
// failed sync, when a restart finds all or none). Paths in it are relative to the data folder. After a failed sync
// write() answers kUnavailable until a restart, and reads go on.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "catalog/applied_table.hpp"
#include "catalog/audit_table.hpp"
#include "catalog/collections_table.hpp"
#include "catalog/idempotency_table.hpp"
#include "catalog/jobs_table.hpp"
#include "catalog/keys_table.hpp"
#include "catalog/segments_table.hpp"
#include "catalog/snapshots_table.hpp"
#include "catalog/store_table.hpp"
#include "sqlite/connection.hpp"

namespace vibrato::catalog {

// Its name in the data folder.
inline constexpr std::string_view kCatalogFile = "catalog.db";

// Const tables can only be read.
struct Tables {
  StoreTable store;
  CollectionsTable collections;
  SegmentsTable segments;
  AppliedTable applied;
  KeysTable keys;
  AuditTable audit;
  JobsTable jobs;
  SnapshotsTable snapshots;
  IdempotencyTable idempotency;
};

// Thread-safety: all methods may be called from many threads at once; one works at a time. The functions passed to
// read() and write() must not call the catalog.
class Catalog {
 public:
  // Opens the catalog of `data_folder`, bringing it to the newest schema, or makes one. The caller holds the lock on
  // the folder; `vfs` outlives the catalog. `options` is for tests; the journal stays as it is there.
  // Errors: those of Connection::open and migrate().
  [[nodiscard]] static Result<std::unique_ptr<Catalog>> open(sqlite::Vfs& vfs, const std::string& data_folder,
                                                             const Clock& clock,
                                                             const sqlite::ConnectionOptions& options = {});

  // What `body(tables)` returns: a Status or a Result. It sees one state of the catalog.
  template <typename Body>
  [[nodiscard]] auto read(const Body& body) const -> std::invoke_result_t<const Body&, const Tables&> {
    const std::lock_guard lock(mutex_);
    return body(std::as_const(*tables_));
  }
  // Runs `body` in a transaction, and commits it durably if the body answers ok.
  [[nodiscard]] Status write(const std::function<Status(Tables&)>& body);

  // A durable copy in a new file, for a snapshot. kAlreadyExists if `path` is there.
  [[nodiscard]] Status backup_to(const std::string& path);
  // Reads all of it and checks its structure.
  [[nodiscard]] Status verify();
  // kUnavailable once a sync has failed.
  [[nodiscard]] Status check_writable() const;

 private:
  explicit Catalog(std::unique_ptr<sqlite::Connection> connection) : connection_(std::move(connection)) {}
  Status open_tables(std::int64_t now_ms);

  mutable std::mutex mutex_;  // Guards the members below.
  std::unique_ptr<sqlite::Connection> connection_;
  std::unique_ptr<Tables> tables_;  // Its statements go before the connection.
};

}  // namespace vibrato::catalog
