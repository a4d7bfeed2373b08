// What operators see of a database: readiness, figures, gauges.
#include <algorithm>
#include <fmt/format.h>

#include "engine/database_impl.hpp"

namespace vibrato::engine {
namespace {

struct FolderSize {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

FolderSize size_of(io::FileSystem& fs, const std::string& path) {
  FolderSize size;
  if (const auto files = fs.list_directory(path); files.ok()) {
    for (const io::FileInfo& file : *files) {
      ++size.files;
      size.bytes += file.size_bytes;
    }
  }
  return size;
}

std::int64_t gauge_value(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

}  // namespace

Readiness Database::Impl::readiness() const {
  Readiness result;
  const State now = state;
  if (now == State::kOpened || now == State::kRecovering) {
    result.replay_progress = replay_progress.load();
    result.reasons.push_back(check_readable().message());
    return result;
  }
  if (now == State::kStopped) {
    result.reasons.emplace_back("the server stops");
    return result;
  }
  if (!log_damage.ok()) {
    result.reasons.push_back("read-only: " + log_damage.message());
  } else if (const Status synced = fs.check(); !synced.ok()) {
    result.reasons.push_back(synced.message());
  } else if (const Status health = log->health(); !health.ok()) {
    result.reasons.push_back("no writes until a restart: " + health.message());
  }
  if (const Status usable = sql_model->health(); options.sql && !usable.ok()) {
    result.reasons.push_back(usable.message());
  }
  if (readiness_held) {
    result.reasons.emplace_back("the server starts");
  }
  for (const vector::CollectionPtr& collection : model->all()) {
    if (const Status writable = collection->check_writable(); !writable.ok()) {
      // Everybody may ask: what it is called is not their business. The file, which is named, tells an operator.
      std::string reason = writable.message();
      const std::string name = "collection " + collection->identity().name;
      if (reason.starts_with(name)) {
        reason.replace(0, name.size(), "a collection");
      }
      result.reasons.push_back(std::move(reason));
    }
  }
  result.ready = result.reasons.empty();
  if (const Status room = disk.check(); !room.ok()) {
    result.reasons.push_back(room.message());  // Reads and deletes are taken: it is told, and ready all the same.
  }
  // Nor is where the folder is.
  const std::string folder_name = folder.root() + "/";
  for (std::string& reason : result.reasons) {
    for (std::size_t at = reason.find(folder_name); at != std::string::npos; at = reason.find(folder_name, at)) {
      reason.erase(at, folder_name.size());
    }
  }
  return result;
}

DatabaseStats Database::Impl::stats() const {
  DatabaseStats result;
  result.memory_budget_bytes = options.memory_budget_bytes;
  result.visible_lsn = visible.get();
  if (!check_readable().ok()) {
    return result;
  }
  for (const vector::CollectionPtr& collection : model->all()) {
    const vector::CollectionInfo info = collection->info();
    ++result.collections;
    result.active_segments += info.segments;
    result.hot_rows += info.hot_rows;
    result.total_rows += info.live_count;
    result.damaged_segments += info.notes.size();
  }
  result.durable_lsn = std::min(models->durable_lsn(), result.visible_lsn);
  result.unsealed_log_records = result.visible_lsn.value() - result.durable_lsn.value();
  result.checkpoints_running = background->checkpoints_running();
  result.compactions_running = background->compactions_running();
  result.obsolete_segments = maintenance->retired_files();
  result.memory_bytes = budgets->used_bytes();
  result.unsaved_bytes = files->unsaved_bytes();
  result.event_streams = event_hub->stats().subscribers;
  result.writes_queued_bytes = budgets->queued_bytes();
  const FolderSize quarantined = size_of(fs, folder.path(kQuarantineFolder));
  result.quarantine_files = quarantined.files;
  result.quarantine_bytes = quarantined.bytes;
  if (log != nullptr) {
    const wal::LogStats log_stats = log->stats();
    result.wal_bytes = log_stats.bytes;
    result.oldest_lsn = log_stats.oldest_lsn;
  }
  const auto catalog_wal = fs.stat(folder.path(catalog::kCatalogFile) + "-wal");
  result.catalog_wal_bytes = catalog_wal.ok() ? catalog_wal->size_bytes : 0;
  return result;
}

void Database::Impl::update_gauges() {
  const DatabaseStats now = stats();
  const auto set = [this](std::string_view name, std::string_view help, std::uint64_t value) {
    metrics.gauge(name, help).set(gauge_value(value));
  };
  set("vibrato_collections", "Collections", now.collections);
  set("vibrato_active_segments", "Segments that are searched", now.active_segments);
  set("vibrato_obsolete_segments", "Files of merged or dropped segments that still have a reader",
      now.obsolete_segments);
  set("vibrato_failed_segments", "Segments that could not be opened", now.damaged_segments);
  set("vibrato_hot_vectors", "Rows that no file holds yet", now.hot_rows);
  set("vibrato_total_vectors", "Rows that are alive", now.total_rows);
  set("vibrato_wal_pending", "LSNs between what files hold and what can be read", now.unsealed_log_records);
  set("vibrato_checkpoint_jobs_inflight", "Checkpoints that run", now.checkpoints_running);
  set("vibrato_compaction_jobs_inflight", "Merges of segments that run", now.compactions_running);
  set("vibrato_sqlite_wal_bytes", "Size of the catalog's write-ahead log", now.catalog_wal_bytes);
  set("vibrato_wal_bytes", "Size of the event log", now.wal_bytes);
  set("vibrato_quarantine_files", "Files in quarantine", now.quarantine_files);
  set("vibrato_quarantine_bytes", "Bytes in quarantine", now.quarantine_bytes);
  set("vibrato_ingest_queue_bytes", "Bytes of writes that are not answered yet", now.writes_queued_bytes);
  set("vibrato_memory_proxy_bytes", "Bytes that count against the memory budget", now.memory_bytes);
  set("vibrato_memory_budget_bytes", "The memory budget; 0 for none", now.memory_budget_bytes);
  set("vibrato_unsaved_bytes", "Bytes of state and documents that wait for their files", now.unsaved_bytes);
  set("vibrato_state_cache_bytes", "Bytes of keys and values that reads of the state find in memory",
      state_model->cached_bytes());
  set("vibrato_sse_clients", "Streams of events", now.event_streams);
  set("vibrato_visible_lsn", "Up to which LSN reads see", now.visible_lsn.value());
  set("vibrato_durable_lsn", "Up to which LSN files hold all", now.durable_lsn.value());
  set("vibrato_disk_full", "1 while puts are refused for lack of disk space", disk.is_full() ? 1 : 0);

  std::vector<MetricsRegistry::LabelledValue> rows;
  std::vector<MetricsRegistry::LabelledValue> segments;
  std::vector<MetricsRegistry::LabelledValue> bytes;
  for (const vector::CollectionPtr& collection : model->all()) {
    const vector::CollectionInfo info = collection->info();
    // Names are [A-Za-z0-9_.-]: nothing to escape.
    const std::string labels = fmt::format("collection=\"{}\"", info.identity.name);
    rows.push_back({labels, gauge_value(info.live_count)});
    segments.push_back({labels, gauge_value(info.segments)});
    bytes.push_back({labels, gauge_value(info.bytes_on_disk)});
  }
  metrics.replace_gauges("vibrato_collection_rows", "Rows that are alive, a collection", rows);
  metrics.replace_gauges("vibrato_collection_segments", "Segments that are searched, a collection", segments);
  metrics.replace_gauges("vibrato_collection_bytes", "Bytes on disk, a collection", bytes);
}

}  // namespace vibrato::engine
