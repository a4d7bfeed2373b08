// The whole database over one data folder: lock, catalog, keys, log, models, sequencer, background work. The one object
// that servers and commands hold.
//
// Opening, in order: lock the folder; end an interrupted restore; release the disk reserve if the disk is full;
// catalog, keys; log. start() loads the models and replays the tail of the log: until it is done reads and writes
// answer kUnavailable with progress, and readiness says how far it is. What damage degrades stays so until an operator
// acts.
//
// Damage of the log: everything up to the last whole group before it is read, no write is taken, and no file is
// changed. Damage of a segment: its collection takes no writes, and answers from what is left of it. Damage or loss of
// the file of state, documents or SQL: it is built anew from the log; if the log was cut off, it does not open.
//
// Folder: LOCK, catalog.db, state.db, docs.db, sql.db, witness, pepper, wal/, segments/, snapshots/, quarantine/, tmp/,
// reserve. Anything else is foreign and is never touched.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "auth/access_guard.hpp"
#include "auth/key_manager.hpp"
#include "base/clock.hpp"
#include "base/logging.hpp"
#include "base/metrics.hpp"
#include "catalog/catalog.hpp"
#include "commit/idempotency_keys.hpp"
#include "commit/sequencer.hpp"
#include "commit/write.hpp"
#include "engine/database_options.hpp"
#include "engine/imports.hpp"
#include "engine/jobs.hpp"
#include "engine/query_pool.hpp"
#include "engine/snapshot_writer.hpp"
#include "io/file_system.hpp"
#include "vector/import.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::kv {
class StateModel;
}
namespace vibrato::doc {
class DocumentModel;
}
namespace vibrato::sql {
class SqlModel;
}
namespace vibrato::events {
class EventHub;
}

namespace vibrato::engine {

struct Readiness {
  bool ready = false;
  std::vector<std::string> reasons;       // Why not: "replaying the log: 40 %", ...; ready or not: a full disk.
  std::optional<double> replay_progress;  // 0 to 1 while it recovers.
};

struct DatabaseStats {
  std::uint64_t collections = 0;
  std::uint64_t active_segments = 0;
  std::uint64_t damaged_segments = 0;
  std::uint64_t obsolete_segments = 0;  // Files of merged or dropped segments that still have a reader.
  std::uint64_t hot_rows = 0;
  std::uint64_t total_rows = 0;  // Alive.
  std::uint64_t unsealed_log_records = 0;
  std::uint64_t checkpoints_running = 0;
  std::uint64_t compactions_running = 0;
  std::uint64_t memory_bytes = 0;   // What memory_budget_bytes bounds: what is in flight or in no file.
  std::uint64_t unsaved_bytes = 0;  // Of it what waits for the files of state and documents.
  std::uint64_t event_streams = 0;
  std::uint64_t memory_budget_bytes = 0;
  std::uint64_t quarantine_files = 0;
  std::uint64_t quarantine_bytes = 0;
  std::uint64_t wal_bytes = 0;
  std::uint64_t catalog_wal_bytes = 0;
  std::uint64_t writes_queued_bytes = 0;
  Lsn visible_lsn;
  Lsn durable_lsn;
  Lsn oldest_lsn;
};

// Thread-safety: all methods may be called from many threads at once, but open, start and stop.
class Database {
 public:
  // Errors: kUnavailable when another process holds the folder (naming --server for commands), kIoError, kDiskFull,
  // kCorruption of the catalog, or of a model's file that the log cannot bring back. A damaged log or segment is no
  // error: the database opens degraded. `fs`, `clock`, `logger` and `metrics` outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(io::FileSystem& fs, DatabaseOptions options,
                                                              const Clock& clock, const Logger& logger,
                                                              MetricsRegistry& metrics);
  // As stop().
  ~Database();

  // Recovers, then takes reads and writes and begins the background work. Blocks for the length of the recovery; a
  // server listens meanwhile.
  [[nodiscard]] Status start();
  // Readiness says "starting" until `held` is false again: for a server that has more to do after start() than others
  // should see.
  void hold_readiness(bool held);
  // Lets a start() that runs on another thread end early, and whoever waits for an LSN, with kUnavailable. Thread-safe.
  void request_stop();
  // Ends the background work, commits what was submitted, closes log and catalog cleanly. Idempotent.
  void stop();

  // ---- Vectors ----
  // kUnavailable while it recovers.
  [[nodiscard]] Status check_readable() const;
  [[nodiscard]] vector::VectorModel& vectors();

  // ---- State, documents, SQL, events ----
  [[nodiscard]] kv::StateModel& state();
  [[nodiscard]] doc::DocumentModel& documents();
  // Null without DatabaseOptions::sql.
  [[nodiscard]] sql::SqlModel* sql();
  [[nodiscard]] events::EventHub& events();

  // ---- Writes ----
  // For commit::make_joined.
  [[nodiscard]] const commit::ModelSet& models() const;
  // For commit::make_idempotent.
  [[nodiscard]] commit::IdempotencyKeys& idempotency_keys();
  enum class Kind : std::uint8_t { kPut, kDelete, kAdmin };
  // As Sequencer::submit, after the budgets: kOverloaded (tail, memory; never for kDelete), kDiskFull (kPut while the
  // disk is full), kUnavailable (recovering, poisoned, stopping). `collection` is charged; null for none.
  [[nodiscard]] Status submit(std::unique_ptr<commit::Write> write, Kind kind, const vector::Collection* collection,
                              commit::Durability durability, commit::Completion done);
  // The same for a write to several collections: each is charged, and one that is full refuses it.
  [[nodiscard]] Status submit_to_all(std::unique_ptr<commit::Write> write, Kind kind,
                                     std::span<const vector::CollectionPtr> collections, commit::Durability durability,
                                     commit::Completion done);
  // The same as submit(), waiting: never on an I/O thread.
  [[nodiscard]] Result<commit::Committed> commit(std::unique_ptr<commit::Write> write, Kind kind,
                                                 const vector::Collection* collection = nullptr,
                                                 commit::Durability durability = commit::Durability::kSynced);
  // Runs `work` with an import into the collection, on a thread of its own, and removes what it leaves uncommitted.
  // What the work answers is called then, when the next import may begin. `keep_going` is asked now and then: its error
  // ends the import. Errors: those of a put; kOverloaded while one into this collection runs, or too many.
  using ImportWork = std::function<Imports::Last(vector::Import& import)>;
  [[nodiscard]] Status start_import(const vector::CollectionPtr& collection, vector::KeepGoing keep_going,
                                    ImportWork work);
  // Makes what was added visible: for that work. A write without effects for no points. Errors: those of
  // Import::finish() and Import::commit().
  [[nodiscard]] Result<commit::Committed> commit_import(const vector::CollectionPtr& collection,
                                                        vector::Import& import);
  [[nodiscard]] Lsn visible_lsn() const;
  // Calls `then` once everything up to `lsn` is visible: at once on this thread, or later on the committer's, or with
  // kTimeout at the deadline (of the monotonic clock).
  void when_visible(Lsn lsn, std::int64_t deadline_ns, std::function<void(Status)> then);

  // ---- Work that may take long ----
  [[nodiscard]] QueryPool& queries();
  // For exports, of which each has one piece of work at a time here: no queue of theirs keeps a query waiting.
  [[nodiscard]] QueryPool& exports();
  [[nodiscard]] Jobs& jobs();
  // Starts a job of a kind; `done` gets it when it has ended. Errors: kConflict when one of that kind runs,
  // kInvalidArgument, kNotFound. Names of snapshots: [A-Za-z0-9_.-]{1,64}, made if empty.
  [[nodiscard]] Result<std::string> start_checkpoint(JobDone done);
  [[nodiscard]] Result<std::string> start_compaction(const std::optional<std::string>& collection, JobDone done);
  // Saves the collection, then merges it to the fewest segments, which computes codes and graph anew.
  [[nodiscard]] Result<std::string> start_optimization(const std::string& collection, JobDone done);
  // The snapshot's LSN is the visible one of this call.
  [[nodiscard]] Result<std::string> start_snapshot(const std::string& name, JobDone done);

  // The same, waiting on this thread and outside the jobs: for commands.
  [[nodiscard]] Result<SnapshotReport> snapshot_now(const std::string& name);
  // Makes everything durable in files, and with `merge` brings the collection to the fewest segments.
  [[nodiscard]] Status settle_now(const vector::CollectionPtr& collection, bool merge);

  // ---- Operators ----
  [[nodiscard]] Readiness readiness() const;
  [[nodiscard]] DatabaseStats stats() const;
  [[nodiscard]] catalog::Catalog& catalog();  // Reading snapshots, audit rows.
  [[nodiscard]] auth::AccessGuard& guard();
  [[nodiscard]] auth::KeyManager& keys();
  // Writes waiting audit rows; after admin calls, before they are answered.
  [[nodiscard]] Status flush_audit();
  [[nodiscard]] auth::AuditLog& audit();
  // Gauges that are computed when somebody looks (rendered after this call).
  void update_gauges();

  class Impl;  // engine/database_impl.hpp, for the parts of this folder only.
  explicit Database(std::unique_ptr<Impl> impl);
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::engine
