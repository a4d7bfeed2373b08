// What is saved while the log is replayed: so much that memory stays bounded, and, of a log that is larger than it may
// be, so much that it is no longer, if the process before saved nothing while it served. Else the start is quick, and
// the background shrinks the log.
//
// Invariant: whatever a start saved stays saved when it is killed: the log is cut off behind each commit, and the next
// start begins there. The first portion is small, so that a start that does not live long makes progress as well; each
// later one is twice as large, up to a hot part.
#pragma once

#include <cstdint>
#include <functional>
#include <vibrato/status.hpp>

#include "commit/model_set.hpp"
#include "engine/database_options.hpp"
#include "engine/disk_space.hpp"
#include "engine/io_throttle.hpp"
#include "engine/log_retention.hpp"
#include "engine/model_files.hpp"
#include "engine/write_budgets.hpp"
#include "vector/maintenance.hpp"

namespace vibrato::engine {

// Thread-safety: for the one thread that replays.
class ReplayRelief {
 public:
  // What it works on; all outlive it.
  struct Parts {
    vector::Maintenance& maintenance;
    LogRetention& retention;
    const ModelFiles& files;
    const commit::ModelSet& models;
    WriteBudgets& budgets;
    DiskSpace& disk;
    IoThrottle& throttle;
    vector::KeepGoing keep_going;
    bool may_shrink_log = false;
  };

  ReplayRelief(const Parts& parts, const DatabaseOptions& options);

  // Bytes of records between two calls of look().
  [[nodiscard]] std::uint64_t look_every_bytes() const { return first_portion_bytes_; }
  // Everything up to `visible` is applied and visible. Errors: those of the maintenance; a full disk is none.
  [[nodiscard]] Status look(Lsn visible);

 private:
  [[nodiscard]] bool is_memory_short() const;
  [[nodiscard]] Status save_files(Lsn visible);
  [[nodiscard]] Status save(Lsn visible);

  Parts parts_;
  const std::uint64_t memory_budget_bytes_;
  const std::uint64_t portion_bytes_max_;
  const std::uint64_t first_portion_bytes_;
  const std::uint64_t file_bytes_max_;  // In memory, of state, documents and SQL.
  std::uint64_t portion_bytes_;
  std::uint64_t held_bytes_ = 0;  // What the last save left in memory: what is damaged is not saved.
  bool may_shrink_log_;           // Also false once that has turned out to be of no use.
};

}  // namespace vibrato::engine
