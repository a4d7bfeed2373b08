// How a database is opened. Defaults are those of `serve-v2`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace vibrato::engine {

struct DatabaseOptions {
  std::string data_folder;            // Absolute; made if it is missing.
  std::optional<std::string> pepper;  // VIBRATO_API_PEPPER; else the pepper file, made at first start.

  std::uint64_t wal_segment_bytes = std::uint64_t{64} << 20;
  std::uint64_t wal_retain_bytes = std::uint64_t{1} << 30;
  std::uint32_t wal_retain_hours = 24;
  std::uint64_t wal_max_bytes = std::uint64_t{4}
                                << 30;  // Past it the collection with the oldest unsealed row is checkpointed.

  bool sql = false;  // Whether SQL is served. Its file is kept up with the log either way.

  std::uint64_t memory_budget_bytes = std::uint64_t{8} << 30;  // Of all models, what no file holds; 0: no bound.
  std::uint64_t tail_budget_bytes = std::uint64_t{256} << 20;  // Of one collection, rows no index finds yet.
  std::uint64_t state_cache_bytes = std::uint64_t{256} << 20;  // Keys of the state that were read or saved last.
  std::uint64_t hot_part_bytes = std::uint64_t{64} << 20;
  std::uint64_t disk_reserve_bytes = std::uint64_t{64} << 20;  // 0: none.

  std::uint32_t checkpoint_interval_secs = 30;
  std::uint32_t compaction_interval_secs = 180;
  double compaction_tombstone_ratio = 0.2;
  std::uint64_t compaction_bytes_per_pass = std::uint64_t{4} << 30;
  std::uint32_t background_io_mb_per_sec = 40;  // 0: no throttle; in force only with audio_colocated.
  bool audio_colocated = true;
  bool random_madvise = false;  // Raw vectors of segments are read a row at a time; else the system reads ahead.

  std::uint32_t scrub_interval_secs = 86'400;  // From the end of a pass to the next; 0: no scrub.
  std::uint32_t scrub_mb_per_sec = 32;         // 0: as fast as it goes.

  std::uint32_t background_threads = 2;
  std::uint32_t query_threads = 0;  // 0: as many as the machine has.
  std::uint32_t query_queue_max = 1024;

  bool is_in_place = true;  // False while it is built beside the folder that its snapshots are in.
  std::uint32_t orphan_ttl_hours = 168;
  std::uint32_t quarantine_max_files = 50;
  std::uint64_t quarantine_max_bytes = std::uint64_t{5} << 30;
  std::uint32_t idempotency_hours = 168;
  std::uint64_t audit_events_max = 100'000;

  std::uint32_t ingest_queue_writes = 1024;      // Writes that wait for the committer.
  std::uint32_t catalog_read_timeout_ms = 5000;  // Of requests that read the catalog; 0: no bound.
  std::uint32_t catalog_wal_pages = 1000;        // SQLite's log of the catalog, before it is written back.
};

}  // namespace vibrato::engine
