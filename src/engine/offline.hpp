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
  Lsn lsn;
  std::uint64_t collections = 0;
  std::string old_state;  // A pattern, as of a shell, of the paths it was moved to; empty if there was none.
};
// Verifies all of `snapshot_folder` (manifest, hashes, no links, nothing outside) before the data folder is touched.
// Keys, pepper and audit of a folder that has a catalog are kept.
[[nodiscard]] Result<RestoreReport> restore_snapshot(const OfflineContext& context, const DatabaseOptions& options,
                                                     const std::string& snapshot_folder);

// The state as of `target`, from the newest snapshot at or below it plus the log. kInvalidArgument names the reachable
// ranges. With `collection`: appends the logged effects that bring that one back, and nothing else changes.
[[nodiscard]] Result<RestoreReport> replay_to_lsn(const OfflineContext& context, const DatabaseOptions& options,
                                                  Lsn target, const std::string& collection);

struct MigrateReport {
  std::string segment;  // Its file.
  std::uint64_t rows = 0;
};
// Adds the rows of a `.vdb` file of any version to a collection (made if missing), ids from its counter.
[[nodiscard]] Result<MigrateReport> migrate_vdb(const OfflineContext& context, const DatabaseOptions& options,
                                                const std::string& input, const std::string& collection,
                                                std::uint32_t dim, std::uint8_t level);

}  // namespace vibrato::engine
