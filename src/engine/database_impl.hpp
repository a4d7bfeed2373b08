// What a Database is made of, and in which state it is. For the bodies of this folder: database.cpp (the facade),
// database_open.cpp, database_models.cpp, database_writes.cpp, database_status.cpp.
//
// States: opened -> recovering -> running (or read-only, after damage of the log) -> stopped. Only the thread that
// calls open, start and stop changes it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "auth/authenticator.hpp"
#include "auth/catalog_audit_log.hpp"
#include "auth/catalog_key_store.hpp"
#include "auth/pepper.hpp"
#include "auth/random_source.hpp"
#include "commit/idempotency_keys.hpp"
#include "doc/document_model.hpp"
#include "engine/background.hpp"
#include "engine/data_folder.hpp"
#include "engine/database.hpp"
#include "engine/disk_space.hpp"
#include "engine/imports.hpp"
#include "engine/io_throttle.hpp"
#include "engine/log_retention.hpp"
#include "engine/model_files.hpp"
#include "engine/quarantine.hpp"
#include "engine/visibility_waiters.hpp"
#include "engine/witness.hpp"
#include "engine/write_budgets.hpp"
#include "events/event_hub.hpp"
#include "events/event_model.hpp"
#include "io/sync_watch.hpp"
#include "kv/state_writes.hpp"
#include "sql/sql_model.hpp"
#include "sqlite/vfs.hpp"
#include "vector/maintenance.hpp"
#include "wal/local_log.hpp"

namespace vibrato::engine {

class Database::Impl {
 public:
  Impl(io::FileSystem& file_system, DatabaseOptions options, const Clock& clock, const Logger& logger,
       MetricsRegistry& metrics);

  // ---- database_open.cpp ----
  [[nodiscard]] Status open();
  [[nodiscard]] Status start();
  void stop();
  void each_second();  // The timer's; not at once with itself.

  // ---- database_models.cpp ----
  // In how many milliseconds it should be called again. Not at once with itself.
  std::int64_t expire_due();

  // ---- database_writes.cpp ----
  [[nodiscard]] Status check_readable() const;
  [[nodiscard]] Status submit(std::unique_ptr<commit::Write> write, Kind kind, const vector::Collection* collection,
                              commit::Durability durability, commit::Completion done);
  [[nodiscard]] Status submit_to_all(std::unique_ptr<commit::Write> write, Kind kind,
                                     std::span<const vector::CollectionPtr> collections, commit::Durability durability,
                                     commit::Completion done);
  [[nodiscard]] Result<std::string> start_checkpoint(JobDone done);
  [[nodiscard]] Result<std::string> start_compaction(const std::optional<std::string>& name, JobDone done);
  [[nodiscard]] Result<std::string> start_optimization(const std::string& name, JobDone done);

  [[nodiscard]] Status start_import(const vector::CollectionPtr& collection, vector::KeepGoing keep_going,
                                    ImportWork work);
  [[nodiscard]] Result<commit::Committed> commit_import(const vector::CollectionPtr& collection,
                                                        vector::Import& import);
  [[nodiscard]] Status settle_now(const vector::CollectionPtr& collection, bool merge);
  [[nodiscard]] Status check_writable() const;

  // ---- database_snapshot.cpp ----
  [[nodiscard]] Result<std::string> start_snapshot(const std::string& name, JobDone done);
  [[nodiscard]] Result<SnapshotReport> snapshot_now(const std::string& name);

  // ---- database_status.cpp ----
  [[nodiscard]] Readiness readiness() const;
  [[nodiscard]] DatabaseStats stats() const;
  void update_gauges();

  enum class State : std::uint8_t { kOpened, kRecovering, kRunning, kReadOnly, kStopped };

  // Destroyed from the last to the first: threads before what they work on.
  mutable io::SyncWatch fs;  // All files are opened through it.
  const DatabaseOptions options;
  const Clock& clock;
  const Logger& logger;
  MetricsRegistry& metrics;
  const DataFolder folder;
  std::unique_ptr<io::DirectoryLock> lock;
  DiskSpace disk;
  Quarantine quarantine;
  sqlite::Vfs vfs;
  std::unique_ptr<catalog::Catalog> catalog;

  auth::SystemRandomSource random;
  std::unique_ptr<auth::CatalogKeyStore> key_store;
  std::optional<auth::Pepper> pepper;
  std::optional<auth::Authenticator> authenticator;
  std::optional<auth::CatalogAuditLog> audit;
  std::optional<auth::AccessGuard> guard;
  std::optional<auth::KeyManager> keys;

  std::unique_ptr<wal::LocalLog> log;  // Null if it is gone though the catalog builds on it.
  Status log_damage;                   // Why nothing is written any more; ok otherwise. Set by open() and start().
  Lsn durable_floor;         // What the catalog held when it was opened: files have it, whatever the log says.
  bool clean_stop = false;   // Of the process before.
  bool shrinks_log = false;  // Whether this start does, of a log that is too large: see replay_relief.hpp.
  Witness witness;  // As in its file, or what it will say of this store. Of whoever opens, stops, or the timer.

  commit::VisibleLsn visible;
  commit::RoundTime round_time;
  std::unique_ptr<vector::VectorModel> model;
  std::unique_ptr<commit::IdempotencyKeys> idempotency;
  std::unique_ptr<kv::StateModel> state_model;
  std::unique_ptr<doc::DocumentModel> documents;
  std::unique_ptr<sql::SqlModel> sql_model;  // Also when SQL is not served: the log may have statements.
  std::unique_ptr<events::EventModel> event_model;
  std::unique_ptr<ModelFiles> files;
  std::unique_ptr<commit::ModelSet> models;
  std::unique_ptr<events::EventHub> event_hub;
  std::unique_ptr<LogRetention> retention;  // Null without a log.
  IoThrottle throttle;
  std::unique_ptr<vector::Maintenance> maintenance;
  std::optional<WriteBudgets> budgets;
  VisibilityWaiters waiters;
  std::unique_ptr<Background> background;
  std::unique_ptr<commit::Sequencer> sequencer;  // Null until running.
  std::optional<QueryPool> query_pool;
  std::optional<QueryPool> export_pool;
  Imports imports;
  std::unique_ptr<Jobs> job_runner;

  std::atomic<State> state = State::kOpened;
  std::atomic<double> replay_progress = 0;
  std::atomic<bool> readiness_held = false;
  std::atomic<bool> stop_requested = false;
  std::atomic<bool> expiry_runs = false;  // A write of expire_due() is on its way.

 private:
  void list_snapshots();
  [[nodiscard]] Status open_catalog();
  [[nodiscard]] Status check_witness(const catalog::StoreInfo& info);
  void write_witness_if_new();
  [[nodiscard]] Status open_keys();
  [[nodiscard]] Status open_log();
  [[nodiscard]] Status make_models();
  [[nodiscard]] Status recover();
  void cut_large_log();
  void start_background(bool read_only);
  [[nodiscard]] Status close_files();
  struct HeldCapture;
  [[nodiscard]] Result<std::shared_ptr<HeldCapture>> begin_snapshot(const std::string& name, bool may_wait);
  [[nodiscard]] Result<SnapshotReport> write_snapshot(HeldCapture& held, const Jobs::KeepGoing& keep_going);
  [[nodiscard]] Result<std::string> run_merges(const vector::CollectionPtr& collection,
                                               const Jobs::KeepGoing& keep_going);
  // `check` asks the budgets; only for puts.
  [[nodiscard]] Status check_budgets(Kind kind, const std::function<Status()>& check);
  [[nodiscard]] Status queue(std::unique_ptr<commit::Write> write, commit::Durability durability,
                             commit::Completion done);

  // ---- database_models.cpp ----
  [[nodiscard]] Status open_files();
  template <typename Open>
  [[nodiscard]] Status open_file(std::string_view name, const Open& open, bool& is_new_to_catalog);
  void make_model_set();
  void check_log_reaches_files();
  [[nodiscard]] Result<std::map<CollectionNumber, std::string>> collection_names() const;

  std::uint64_t seconds_ = 0;  // The timer's own.
};

}  // namespace vibrato::engine
