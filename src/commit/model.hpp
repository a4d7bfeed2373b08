// What a model (vectors, state, documents, SQL) is to the log: something that turns requests into effects, applies
// effects in the order of the log, and makes the result durable on its own time.
//
// Invariants that every model keeps:
//   - applying depends on the records alone: no clock, no random number, no configuration; so two nodes that apply one
//     log are equal;
//   - applying a record twice is the same as once (replay starts at the durable LSN of the slowest model);
//   - what validation accepts, apply() takes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "wal/log.hpp"

namespace vibrato::commit {

// Thread-safety: stage, unstage_from and apply are called by one thread at a time, the committer (or the one that
// replays, before there is a committer). Reads of the model's users come from any thread beside them.
class Model {
 public:
  virtual ~Model() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  // The record types that are its own; no two models share one. Fixed for its life.
  [[nodiscard]] virtual std::span<const std::uint16_t> record_types() const = 0;

  // The record is in flight: later validations must see it, readers must not. Its body is valid until it is applied or
  // unstaged.
  virtual void stage(const wal::StoredRecord& record) = 0;
  // Records at and above `lsn` were staged and will not come: they could not be logged.
  virtual void unstage_from(Lsn lsn) = 0;
  // The record is durable; readers may see it once `lsn` is visible (Sequencer::visible_lsn). It was staged before, but
  // in a replay. The body is borrowed for the call.
  // Errors: only for a record that contradicts the model's state, which ends the sequencer.
  [[nodiscard]] virtual Status apply(const wal::StoredRecord& record) = 0;

  // All effects up to here are durable in the model's own files: the log may drop them as far as this model goes, and
  // replay starts behind.
  [[nodiscard]] virtual Lsn durable_lsn() const = 0;
  // Makes what is applied durable, up to `up_to` or further.
  [[nodiscard]] virtual Status save(Lsn up_to) = 0;
  // Reads what save() left. Called once, before replay.
  [[nodiscard]] virtual Status load() = 0;
};

}  // namespace vibrato::commit
