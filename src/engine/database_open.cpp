// Opening, recovering and stopping, step by step.
//
// OPEN. The log's damage is no error, but ends writing: a log that is shorter than what the catalog builds on is as
// damaged as one with a bad checksum. The flag of a clean stop is cleared before anything else is written.
//
// START: load the models -> replay what they lack -> sequencer -> background work. What the catalog names is durable
// whatever became of the log, so the visible LSN is never below it.
//
// STOP: no new jobs -> background -> queries -> streams of events -> sequencer (commits what was submitted) -> waiters
// -> audit -> state, documents and SQL saved -> log closed -> the catalog says that the stop was clean. Rows of vectors
// that no file holds stay in the log: no checkpoint delays a stop.
#include <algorithm>
#include <fmt/format.h>

#include "base/limits.hpp"
#include "engine/database_impl.hpp"
#include "engine/recovery.hpp"
#include "engine/replay_relief.hpp"
#include "engine/snapshot_list.hpp"
#include "engine/state_swap.hpp"
#include "io/safe_path.hpp"

namespace vibrato::engine {
namespace {

// The share of the log's bound that one of its files, the least that can be cut off, may have.
constexpr std::uint64_t kLogFileShare = 4;
constexpr std::int64_t kHourMs = 3'600'000;
// Among the applied LSNs of the catalog: what was saved when a process was ready to serve; and whether one has begun to
// shrink the log in its start and was not ready since.
constexpr std::string_view kServedFrom = "served_from";
constexpr std::string_view kShrinksLog = "shrinks_log";
constexpr std::uint32_t kExportThreads = 2;
constexpr std::uint64_t kJobsKept = 1000;
constexpr std::uint64_t kJobsTrimSeconds = 60;
constexpr std::string_view kLogAdvice =
    "Put back what is missing, or use snapshot-restore, or replay-to-lsn to an LSN that the log has";

// Whether this start has to make the progress that processes before it did not: the last one that served saved nothing
// before it ended, or a start that was to make up for that ended too.
Result<bool> begin_start(catalog::Tables& tables, Lsn durable) {
  VIBRATO_ASSIGN_OR_RETURN(const Lsn served_from, tables.applied.get(kServedFrom, CollectionNumber()));
  VIBRATO_ASSIGN_OR_RETURN(const Lsn has_begun, tables.applied.get(kShrinksLog, CollectionNumber()));
  const bool is_due = durable <= served_from || has_begun != Lsn();
  if (is_due && has_begun == Lsn()) {
    VIBRATO_RETURN_IF_ERROR(tables.applied.set(kShrinksLog, CollectionNumber(), Lsn(1)));
  }
  return is_due;
}

Status end_start(catalog::Tables& tables, Lsn durable) {
  VIBRATO_ASSIGN_OR_RETURN(const Lsn served_from, tables.applied.get(kServedFrom, CollectionNumber()));
  VIBRATO_RETURN_IF_ERROR(tables.applied.forget(kShrinksLog, CollectionNumber()));
  return durable > served_from ? tables.applied.set(kServedFrom, CollectionNumber(), durable) : ok_status();
}

vector::VectorAccess vector_access(const DatabaseOptions& options) {
  return options.random_madvise ? vector::VectorAccess::kRandom : vector::VectorAccess::kReadAhead;
}

vector::MaintenanceOptions maintenance_options(const DatabaseOptions& options, IoThrottle& throttle,
                                               MetricsRegistry& metrics) {
  vector::MaintenanceOptions result;
  result.data_folder = options.data_folder;
  result.checkpoint_age_ms = std::int64_t{options.checkpoint_interval_secs} * 10'000;
  result.commit_bytes = options.hot_part_bytes;
  result.tombstone_ratio = options.compaction_tombstone_ratio;
  result.bytes_per_pass = options.compaction_bytes_per_pass;
  result.vector_access = vector_access(options);
  result.throttle = [&throttle](std::uint64_t bytes) { throttle.take(bytes); };
  result.removed_files = &metrics.counter("vibrato_obsolete_files_deleted_total",
                                          "Files of segments that were merged, dropped or given up, and are removed");
  return result;
}

}  // namespace

Database::Impl::Impl(io::FileSystem& file_system, DatabaseOptions database_options, const Clock& time,
                     const Logger& log_to, MetricsRegistry& registry)
    : fs(file_system),
      options(std::move(database_options)),
      clock(time),
      logger(log_to),
      metrics(registry),
      folder(options.data_folder),
      disk(fs, options.data_folder, options.disk_reserve_bytes, logger),
      quarantine(fs, folder.path(kQuarantineFolder),
                 {std::int64_t{options.orphan_ttl_hours} * kHourMs, options.quarantine_max_files,
                  options.quarantine_max_bytes},
                 logger, metrics),
      vfs(fs),
      round_time(clock),
      throttle(options.audio_colocated ? options.background_io_mb_per_sec * limits::kMiB : 0, clock),
      waiters(visible) {}

Status Database::Impl::open() {
  VIBRATO_ASSIGN_OR_RETURN(lock, folder.make_and_lock(fs));
  VIBRATO_RETURN_IF_ERROR(finish_swap(fs, folder));
  disk.prepare();
  VIBRATO_RETURN_IF_ERROR(folder.make_folders(fs));
  if (const Status removed = folder.remove_leftovers(fs); !removed.ok()) {
    logger.warning("what a crash left in {} stays: {}", folder.root(), removed.message());
  }
  VIBRATO_RETURN_IF_ERROR(open_catalog());
  VIBRATO_RETURN_IF_ERROR(open_keys());
  VIBRATO_RETURN_IF_ERROR(open_log());
  if (options.is_in_place) {
    list_snapshots();
  }
  VIBRATO_RETURN_IF_ERROR(make_models());
  query_pool.emplace(options.query_threads, options.query_queue_max);
  export_pool.emplace(kExportThreads, limits::kExportsMax);
  job_runner = std::make_unique<Jobs>(*catalog, clock, logger);
  return ok_status();
}

void Database::Impl::list_snapshots() {
  if (const Status forgotten = forget_missing_snapshots(fs, folder, *catalog); !forgotten.ok()) {
    logger.warning("snapshots whose folders are gone stay listed: {}", forgotten.message());
  }
  const auto listed = list_found_snapshots(fs, folder, *catalog);
  if (!listed.ok()) {
    logger.warning("snapshots that are not listed stay so: {}", listed.status().message());
    return;
  }
  for (const std::string& name : *listed) {
    logger.info("the snapshot {} is whole and was not listed: it is now", name);
  }
}

Status Database::Impl::open_catalog() {
  VIBRATO_RETURN_IF_ERROR(check_catalog_is_there(fs, folder));
  sqlite::ConnectionOptions connection;
  connection.wal_checkpoint_pages = options.catalog_wal_pages;
  VIBRATO_ASSIGN_OR_RETURN(catalog, catalog::Catalog::open(vfs, folder.root(), clock, connection));
  catalog->limit_reads(options.catalog_read_timeout_ms,
                       metrics.counter("vibrato_catalog_read_timeout_total", "Requests that the catalog kept waiting"));
  return catalog->write([this](catalog::Tables& tables) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const catalog::StoreInfo info, tables.store.read());
    VIBRATO_RETURN_IF_ERROR(check_witness(info));
    VIBRATO_ASSIGN_OR_RETURN(const Lsn applied, tables.applied.get("vector", CollectionNumber()));
    clean_stop = info.clean_stop;
    durable_floor = std::max(info.trim_lsn, applied);
    VIBRATO_ASSIGN_OR_RETURN(shrinks_log, begin_start(tables, durable_floor));
    return tables.store.set_clean_stop(false);
  });
}

// A witness that cannot be read vouches for nothing, and is written anew.
Status Database::Impl::check_witness(const catalog::StoreInfo& info) {
  const auto found = read_witness(fs, folder);
  if (found.status().code() == ErrorCode::kCorruption) {
    logger.warning("{}", found.status().message());
  } else {
    VIBRATO_RETURN_IF_ERROR(found.status());
  }
  witness.store_id = info.id;
  if (!found.ok() || !found->has_value()) {
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(check_catalog(**found, info, folder));
  witness = **found;
  return ok_status();
}

void Database::Impl::write_witness_if_new() {
  const Witness now = {witness.store_id, catalog->commits(), log->end().durable_lsn};
  if (now == witness) {
    return;
  }
  if (const Status written = write_witness(fs, folder, now); !written.ok()) {
    logger.warning("{} stays behind: {}", kWitnessFile, written.message());
    return;
  }
  witness = now;
}

Status Database::Impl::open_keys() {
  VIBRATO_ASSIGN_OR_RETURN(key_store, auth::CatalogKeyStore::open(*catalog));
  if (options.pepper.has_value()) {
    VIBRATO_ASSIGN_OR_RETURN(pepper, auth::Pepper::from_text(*options.pepper));
  } else {
    VIBRATO_ASSIGN_OR_RETURN(pepper, auth::open_pepper(fs, random, folder.path(kPepperFile), *key_store));
  }
  authenticator.emplace(*key_store, *pepper);
  audit.emplace(*catalog, clock, options.audit_events_max);
  guard.emplace(*authenticator, *audit);
  keys.emplace(auth::KeyManager::Parts{*key_store, *authenticator, *pepper, random, clock, *audit});
  return ok_status();
}

Status Database::Impl::open_log() {
  const std::string path = folder.path(kLogFolder);
  const Lsn expected = std::max(durable_floor, witness.lsn);
  const auto must_reach = [&](const std::string& found) {
    log_damage = corruption(fmt::format("{}: expected a log up to LSN {}, found {}", path, expected.value(), found));
  };
  VIBRATO_ASSIGN_OR_RETURN(const bool is_there, wal::has_log(fs, path));
  if (!is_there && expected > Lsn()) {
    must_reach("none");
    return ok_status();
  }
  wal::LocalLogOptions log_options;
  log_options.segment_bytes =
      std::min(options.wal_segment_bytes, std::max(options.wal_max_bytes / kLogFileShare, limits::kMiB));
  log_options.check_from = durable_floor.next();
  VIBRATO_ASSIGN_OR_RETURN(const catalog::StoreInfo info,
                           catalog->read([](const catalog::Tables& tables) { return tables.store.read(); }));
  log_options.new_store_id = info.id;
  VIBRATO_ASSIGN_OR_RETURN(log, wal::LocalLog::open(fs, path, log_options));
  log_damage = log->health();
  if (log_damage.ok() && log->end().last_lsn < expected) {
    must_reach(fmt::format("one up to LSN {}", log->end().last_lsn.value()));
  }
  const wal::OpenReport& report = log->open_report();
  if (report.cut_bytes > 0 && !report.torn.ok()) {
    logger.warning("the log ended in a write that was never acknowledged; cut: {}", report.torn.message());
  }
  return ok_status();
}

Status Database::Impl::make_models() {
  VIBRATO_RETURN_IF_ERROR(open_files());
  vector::VectorModel::Options model_options;
  model_options.data_folder = folder.root();
  model_options.collection.hot_part_bytes = options.hot_part_bytes;
  model_options.vector_access = vector_access(options);
  model = std::make_unique<vector::VectorModel>(fs, *catalog, visible, model_options);
  commit::IdempotencyOptions idempotency_options;
  idempotency_options.keep_ms = std::int64_t{options.idempotency_hours} * kHourMs;
  idempotency = std::make_unique<commit::IdempotencyKeys>(*catalog, idempotency_options);
  make_model_set();
  if (log != nullptr) {
    // What is kept leaves room for what is not saved yet.
    const LogRetention::Options limits = {std::min(options.wal_retain_bytes, options.wal_max_bytes / 2),
                                          std::int64_t{options.wal_retain_hours} * kHourMs, options.wal_max_bytes};
    retention = std::make_unique<LogRetention>(*log, *models, *catalog, clock, limits);
  }
  vector::MaintenanceOptions upkeep = maintenance_options(options, throttle, metrics);
  upkeep.committed = [this] { cut_large_log(); };
  maintenance = std::make_unique<vector::Maintenance>(fs, *catalog, *model, clock, logger, std::move(upkeep));
  model->set_saver([this](Lsn up_to) { return maintenance->checkpoint(up_to, {}).status(); });
  budgets.emplace(WriteBudgets::Limits{options.memory_budget_bytes, options.tail_budget_bytes}, *model, *files,
                  metrics);
  const Background::Parts parts = {.maintenance = *maintenance,
                                   .files = *files,
                                   .retention = retention.get(),
                                   .models = *models,
                                   .visible = visible,
                                   .budgets = *budgets,
                                   .disk = disk,
                                   .syncs = fs,
                                   .throttle = throttle,
                                   .waiters = waiters,
                                   .clock = clock,
                                   .logger = logger,
                                   .metrics = metrics,
                                   .each_second = [this] { each_second(); },
                                   .expire_due = [this] { return expire_due(); }};
  background = std::make_unique<Background>(parts, options);
  return ok_status();
}

// In the middle of a checkpoint, which may never end. What fails is tried again at its end, and reported there.
void Database::Impl::cut_large_log() {
  if (retention == nullptr || !(retention->is_too_large() || disk.is_full())) {
    return;
  }
  if (files->save(visible.get()).ok()) {
    static_cast<void>(retention->trim(disk.is_full()));
  }
}

Status Database::Impl::start() {
  VIBRATO_CHECK(state == State::kOpened);
  state = State::kRecovering;
  VIBRATO_RETURN_IF_ERROR(models->load());
  for (const std::string& file : model->whole_again()) {
    logger.info("{} was damaged and is whole again: its collection takes writes", file);
  }
  VIBRATO_RETURN_IF_ERROR(recover());
  if (!log_damage.ok()) {
    log_damage = corruption(fmt::format("{}. {}", log_damage.message(), kLogAdvice));
    logger.error("the database is read-only: {}", log_damage.message());
    start_background(true);
    state = State::kReadOnly;
    waiters.on_visible(visible.get());
    return ok_status();
  }
  const Status noted = catalog->write(
      [this](catalog::Tables& tables) { return end_start(tables, std::max(durable_floor, models->durable_lsn())); });
  if (!noted.ok()) {
    logger.warning("the next start may take longer, as it does not learn that this one is ready: {}", noted.message());
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t orphans, maintenance->quarantine_orphans());
  if (orphans > 0) {
    logger.warning("{} files in {} that the catalog does not name were moved to {}", orphans, vector::kSegmentsFolder,
                   kQuarantineFolder);
  }
  commit::SequencerOptions sequencer_options;
  sequencer_options.queue_writes_max = options.ingest_queue_writes;
  sequencer_options.on_visible = [this](Lsn lsn) {
    // Records of other models may end the log: nothing of them is missing in the files of this one.
    model->set_applied_lsn(lsn);
    waiters.on_visible(lsn);
    background->wake_indexing();
    background->wake_saving_if_due();
    event_hub->on_visible(lsn);
  };
  sequencer_options.on_disk_full = [this] { return disk.report_full(); };
  sequencer = std::make_unique<commit::Sequencer>(*log, *models, round_time, visible, std::move(sequencer_options));
  visible.publish(std::max(visible.get(), durable_floor));
  write_witness_if_new();
  start_background(false);
  sequencer->start();
  state = State::kRunning;
  waiters.on_visible(visible.get());
  return ok_status();
}

// Publishes the visible LSN when it returns ok.
Status Database::Impl::recover() {
  const std::int64_t began_ns = clock.monotonic_ns();
  Lsn reached = durable_floor;
  if (log != nullptr) {
    RecoveryHooks hooks;
    hooks.progress = &replay_progress;
    hooks.keep_going = [this] { return stop_requested ? unavailable("the server stops") : ok_status(); };
    ReplayRelief relief(
        {*maintenance, *retention, *files, *models, *budgets, disk, throttle, hooks.keep_going, shrinks_log}, options);
    if (log_damage.ok()) {
      hooks.relieve = [&relief](Lsn visible_lsn) { return relief.look(visible_lsn); };
      hooks.relieve_every_bytes = relief.look_every_bytes();
    }
    const auto replayed = replay(*log, *models, visible, hooks);
    if (replayed.status().code() == ErrorCode::kGone) {
      log_damage = corruption(replayed.status().message());
    } else {
      VIBRATO_RETURN_IF_ERROR(replayed.status());
      reached = std::max(reached, replayed->last_group_end);
      if (log_damage.ok()) {
        log_damage = replayed->damage;
      }
      if (log_damage.ok()) {
        reached = std::max(reached, log->end().last_lsn);
      }
      logger.info("replayed {} records, {} bytes, in {} ms", replayed->records, replayed->bytes,
                  (clock.monotonic_ns() - began_ns) / 1'000'000);
    }
  }
  visible.publish(reached);
  if (log_damage.ok()) {
    model->set_applied_lsn(reached);
  }
  budgets->refresh();
  replay_progress = 1;
  return ok_status();
}

void Database::Impl::start_background(bool read_only) {
  if (options.background_threads > 0) {
    background->start(read_only);
  }
}

void Database::Impl::each_second() {
  if (const Status flushed = audit->flush(); !flushed.ok()) {
    logger.warning("audit rows wait: {}", flushed.message());
  }
  if (state == State::kRunning && fs.check().ok() && !disk.is_full()) {
    write_witness_if_new();
  }
  if (++seconds_ % kJobsTrimSeconds != 0) {
    return;
  }
  const Status trimmed = catalog->write([](catalog::Tables& tables) { return tables.jobs.trim(kJobsKept); });
  if (!trimmed.ok()) {
    logger.warning("old jobs stay in the catalog: {}", trimmed.message());
  }
  quarantine.trim(clock.now_ms());
}

void Database::Impl::stop() {
  stop_requested = true;
  if (state.exchange(State::kStopped) == State::kStopped) {
    return;
  }
  if (background != nullptr) {
    background->stop();
  }
  if (job_runner != nullptr) {
    job_runner->stop();
  }
  if (query_pool.has_value()) {
    query_pool->stop();
    export_pool->stop();
  }
  imports.stop();
  if (event_hub != nullptr) {
    event_hub->stop();
  }
  if (sequencer != nullptr) {
    sequencer->stop();
  }
  waiters.stop();
  if (const Status closed = close_files(); !closed.ok()) {
    logger.error("the stop was not clean, the next start recovers: {}", closed.message());
  }
}

Status Database::Impl::close_files() {
  VIBRATO_RETURN_IF_ERROR(fs.check());
  if (audit.has_value()) {
    VIBRATO_RETURN_IF_ERROR(audit->flush());
  }
  if (log == nullptr || sequencer == nullptr) {
    return ok_status();  // Never ran: what the former process left is as it was.
  }
  if (const Status saved = files->save(visible.get());
      saved.code() == ErrorCode::kDiskFull || saved.code() == ErrorCode::kUnavailable) {
    logger.warning("what is not saved stays in the log, and the next start replays it: {}", saved.message());
  } else {
    VIBRATO_RETURN_IF_ERROR(saved);
  }
  VIBRATO_RETURN_IF_ERROR(retention->save_applied());
  VIBRATO_RETURN_IF_ERROR(log->close());
  VIBRATO_RETURN_IF_ERROR(catalog->write([](catalog::Tables& tables) { return tables.store.set_clean_stop(true); }));
  write_witness_if_new();
  return ok_status();
}

}  // namespace vibrato::engine
