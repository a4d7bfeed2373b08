// From which snapshot and which logs the state as of an LSN can be built, and building it.
#pragma once

#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "engine/offline_folder.hpp"
#include "engine/state_builder.hpp"

namespace vibrato::engine {

// Which LSNs can be reached: ends included; a snapshot whose log is gone reaches itself only.
struct LsnRange {
  Lsn first;
  Lsn last;

  friend bool operator==(const LsnRange&, const LsnRange&) = default;
};
// A snapshot to begin with.
struct ReplayBase {
  catalog::Snapshot snapshot;
  bool log_goes_on = false;  // Otherwise the log lacks what follows, or is one of a past without the snapshot.
};
// In order, not overlapping. `log_after` and `log_last` are those of the log (LogExtent).
[[nodiscard]] std::vector<LsnRange> reachable_ranges(const std::vector<ReplayBase>& bases, Lsn log_after, Lsn log_last);

// Builds the state as of `target` (of its last whole group) in `site`, from the newest snapshot at or below it that
// holds and that the log goes on from, or from nothing if the log goes back to its beginning. A snapshot of a past that
// a restore has undone is for its own LSN only.
// Errors: kInvalidArgument naming the ranges that can be reached; those of build_state.
[[nodiscard]] Result<BuiltState> build_at(const OfflineContext& context, const DatabaseOptions& options,
                                          const OfflineFolder& data, const DataFolder& site, const KeptState& kept,
                                          Lsn target);

// Brings one collection back to what it was at `target`, by writes behind everything that was logged since.
// Errors: as build_at; kNotFound if there was no such collection then.
[[nodiscard]] Result<RestoreReport> replay_collection(const OfflineContext& context, const DatabaseOptions& options,
                                                      Lsn target, const std::string& name);

}  // namespace vibrato::engine
