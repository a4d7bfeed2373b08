// The models of a database by the record types they own, and the replay of a log into them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "commit/model.hpp"

namespace vibrato::commit {

// Thread-safety: immutable once made; the models have their own rules.
class ModelSet {
 public:
  // The models outlive it. Requires: no record type belongs to two.
  explicit ModelSet(std::span<Model* const> models);

  // Null when no model owns the type.
  [[nodiscard]] Model* owner_of(std::uint16_t type) const;

  // Every model forgets what it staged at and above `lsn`.
  void unstage_from(Lsn lsn) const;

  // What every model has made durable: the log may be trimmed up to here. Lsn::max() without models.
  [[nodiscard]] Lsn durable_lsn() const;

  // Loads every model: the first step of a replay.
  [[nodiscard]] Status load() const;
  // Applies a record that was logged to its model, unless that has it in its files. Errors: kCorruption for a record
  // that no model owns or takes, with its LSN; kUnavailable when a model lacks memory.
  [[nodiscard]] Status replay_record(const wal::StoredRecord& record) const;

  // Loads every model, and applies to each the records behind its durable LSN. Answers the last LSN of the log.
  // Errors: as replay_record(); kGone when the log no longer has what a model misses; the log's own.
  [[nodiscard]] Result<Lsn> load_and_replay(wal::Log& log) const;

 private:
  std::vector<Model*> models_;
  std::vector<Model*> by_type_;  // Up to the highest type; null where nobody owns it. Asked twice a record.
};

}  // namespace vibrato::commit
