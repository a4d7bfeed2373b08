// Operations on a data folder that no process holds: restore, point-in-time replay, migration, and those that a server
// can do as well (snapshot, keys), for the command line. Each takes the folder's lock, or answers kUnavailable naming
// `--server URL --key K`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/logging.hpp"
#include "engine/database_options.hpp"
#include "engine/snapshot_writer.hpp"
#include "io/file_system.hpp"

namespace vibrato::engine {

struct OfflineContext {
  io::FileSystem& fs;
  const Clock& clock;
  const Logger& logger;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // Bytes; may be empty.
};

[[nodiscard]] Result<SnapshotReport> create_snapshot(const OfflineContext& context, const DatabaseOptions& options,
                                                     const std::string& name);

struct RestoreReport {
  Lsn lsn;  // The state of then: at most what was asked for, as a group of records comes whole or not at all.
  Lsn end;  // The end of the log now; above `lsn` when one collection was brought back by new writes.
  std::uint64_t collections = 0;
  std::string old_state;  // A pattern, as of a shell, of the paths it was moved to; empty if there was none.
};
// Verifies all of `snapshot_folder` (manifest, hashes, no links, nothing outside) before the data folder is touched.
// Keys, pepper and audit of a folder that has a catalog are kept.
[[nodiscard]] Result<RestoreReport> restore_snapshot(const OfflineContext& context, const DatabaseOptions& options,
                                                     const std::string& snapshot_folder);

// The state as of `target`, from the newest snapshot at or below it plus the log. kInvalidArgument names the reachable
// ranges. With `collection`: appends the logged effects that bring that one back, and nothing else changes. Either way
// all or nothing, whenever it is interrupted.
[[nodiscard]] Result<RestoreReport> replay_to_lsn(const OfflineContext& context, const DatabaseOptions& options,
                                                  Lsn target, const std::string& collection);

struct MigrateRequest {
  std::string input;
  std::string collection;
  std::uint32_t dim = 0;
  std::uint8_t level = 1;
};
struct MigrateReport {
  std::string segment;  // Its file.
  std::uint64_t rows = 0;
  bool was_there = false;  // Added by a former call, which ended before it could tell. Nothing was added now.
};
// Adds the rows of a `.vdb` file of any version to a collection (made if missing), ids from its counter: all of them
// or, interrupted, none. `tell` is called once when they are there; a call that ended before `tell` returned may be
// repeated without adding them twice.
[[nodiscard]] Status migrate_vdb(const OfflineContext& context, const DatabaseOptions& options,
                                 const MigrateRequest& request, const std::function<void(const MigrateReport&)>& tell);

}  // namespace vibrato::engine
