// Builds a data folder from a snapshot (or from nothing) and a log, as of one LSN: for restores and replays. It is
// built beside the real one and opened once to see that it holds, before anything is swapped.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/copy_edit.hpp"
#include "engine/data_folder.hpp"
#include "engine/offline.hpp"
#include "engine/snapshot_check.hpp"

namespace vibrato::engine {

struct StateSource {
  // Checked; a data folder whose catalog is one file is as good. Empty: the state begins with nothing, at LSN 0.
  std::string snapshot_folder;
  bool may_link = false;          // The snapshot is ours: nobody changes its files.
  std::vector<std::string> logs;  // Folders, see LogCopyRequest::sources.
  std::string data_folder;        // Where files of imports may be, that the log names; empty: none is needed.
  std::optional<Lsn> log_after;   // What the log is copied from on; else from where the catalog needs it.
  Lsn up_to;
  Lsn high_water;
  bool is_open_already = false;  // The caller opened the source, and opens the result: building does not.
};

struct BuiltState {
  Lsn lsn;  // The last whole group at or below `up_to`.
  std::uint64_t collections = 0;
};

// What is put into the catalog in place of what the snapshot says.
struct KeptState {
  std::optional<catalog::KeysAndAudit> keys;
  std::vector<catalog::Snapshot> snapshots;
  std::string pepper_file;  // Its path; empty: that of the snapshot, if it has one.
  bool jobs = false;        // Those that the snapshot lists.
};

// `target` must not be there. It is left complete and synced, or removed.
// Errors: kGone when the logs do not reach from the snapshot to `up_to`; kCorruption; kIoError; kDiskFull.
[[nodiscard]] Result<BuiltState> build_state(const OfflineContext& context, const DatabaseOptions& options,
                                             const DataFolder& target, const StateSource& source,
                                             const KeptState& kept);

}  // namespace vibrato::engine
