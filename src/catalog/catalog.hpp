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

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "base/metrics.hpp"
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
  // As read(), for requests that should rather fail than wait: kUnavailable once the time of limit_reads() is over.
  template <typename Body>
  [[nodiscard]] auto read_in_time(const Body& body) const -> std::invoke_result_t<const Body&, const Tables&> {
    if (read_limit_.timeout_ms <= 0) {
      return read(body);
    }
    const std::int64_t deadline_ns = read_deadline_ns();
    const std::unique_lock lock = lock_until(deadline_ns);
    if (!lock.owns_lock()) {
      return out_of_time();
    }
    const auto limit = connection_->limit_time(clock_, deadline_ns);
    auto result = body(std::as_const(*tables_));
    return result.status().code() == ErrorCode::kTimeout ? decltype(result)(out_of_time()) : result;
  }
  // For read_in_time(), before it is called: 0 ms for no bound. `timeouts`, which outlives the catalog, counts.
  void limit_reads(std::int64_t timeout_ms, Counter& timeouts) { read_limit_ = {timeout_ms, &timeouts}; }
  // Runs `body` in a transaction, and commits it durably if the body answers ok.
  [[nodiscard]] Status write(const std::function<Status(Tables&)>& body);

  // How many commits that changed something are durable, over the life of the store: StoreInfo::commits. An older or
  // cut copy of the catalog has fewer.
  [[nodiscard]] std::uint64_t commits() const { return commits_.load(); }

  // A durable copy in a new file, for a snapshot. kAlreadyExists if `path` is there.
  [[nodiscard]] Status backup_to(const std::string& path);
  // Reads all of it and checks its structure.
  [[nodiscard]] Status verify();
  // kUnavailable once a sync has failed.
  [[nodiscard]] Status check_writable() const;

 private:
  struct ReadLimit {
    std::int64_t timeout_ms = 0;
    Counter* timeouts = nullptr;
  };

  Catalog(std::unique_ptr<sqlite::Connection> connection, const Clock& clock)
      : clock_(clock), connection_(std::move(connection)) {}
  Status open_tables();
  [[nodiscard]] std::int64_t read_deadline_ns() const;
  // Without the lock when the deadline comes first.
  [[nodiscard]] std::unique_lock<std::mutex> lock_until(std::int64_t deadline_ns) const;
  // Counts it.
  [[nodiscard]] Status out_of_time() const;

  const Clock& clock_;
  ReadLimit read_limit_;
  std::atomic<std::uint64_t> commits_ = 0;
  mutable std::mutex mutex_;  // Guards the members below.
  std::unique_ptr<sqlite::Connection> connection_;
  std::unique_ptr<Tables> tables_;  // Its statements go before the connection.
};

}  // namespace vibrato::catalog
