// Brings the models to the end of the log, before there is a sequencer.
//
// Invariant: afterwards the models hold exactly a prefix of the log, in whole groups: all of it, or what lies before
// the damage. Memory stays bounded (engine/replay_relief.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "commit/model_set.hpp"
#include "commit/visible_lsn.hpp"
#include "wal/log.hpp"

namespace vibrato::engine {

struct RecoveryReport {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // Of their bodies.
  Lsn last_group_end;       // 0 if nothing was replayed.
  Status damage;            // kCorruption met on the way: what lies behind was not applied. Otherwise ok.
};

struct RecoveryHooks {
  std::atomic<double>* progress = nullptr;  // 0 to 1; may be null.
  // Called again and again at the end of a group that was published: may save rows and so free memory. May be empty.
  std::function<Status(Lsn visible)> relieve;
  std::uint64_t relieve_every_bytes = std::uint64_t{16} << 20;  // Of bodies of records between two calls.
  // Not ok to give up; its error is passed on. May be empty.
  std::function<Status()> keep_going;
};

// Requires: the models are loaded. Publishes `visible` only for `relieve`.
// Errors: kGone when the log no longer has what a model misses; kIoError; those of the hooks; those of a model that
// cannot apply what was logged for another reason than damage.
[[nodiscard]] Result<RecoveryReport> replay(wal::Log& log, const commit::ModelSet& models, commit::VisibleLsn& visible,
                                            const RecoveryHooks& hooks);

}  // namespace vibrato::engine
