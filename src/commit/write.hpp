// A write as the sequencer sees it: it is asked once, when its turn comes, what it does to the database as it then is.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>
#include <vibrato/status.hpp>

#include "base/ids.hpp"

namespace vibrato::commit {

// A record to be: an outcome, not a request (a merged document, an absolute time, the ids that a filter chose).
struct Effect {
  std::uint16_t type = 0;
  CollectionNumber collection;
  std::vector<std::byte> body;
};

// Takes the effects of one write, in order. They become one group of the log: all or none.
class EffectList {
 public:
  // `first_lsn` is what the first effect will have.
  EffectList(Lsn first_lsn, std::int64_t time_ms) : first_lsn_(first_lsn), time_ms_(time_ms) {}

  void add(std::uint16_t type, CollectionNumber collection, std::span<const std::byte> body) {
    effects_.push_back({type, collection, {body.begin(), body.end()}});
  }

  // The LSN of the effect that is added next.
  [[nodiscard]] Lsn next_lsn() const { return Lsn(first_lsn_.value() + effects_.size()); }
  // The time that the records will carry; the only clock a validation may read.
  [[nodiscard]] std::int64_t time_ms() const { return time_ms_; }
  [[nodiscard]] std::vector<Effect> take() && { return std::move(effects_); }

 private:
  Lsn first_lsn_;
  std::int64_t time_ms_;
  std::vector<Effect> effects_;
};

class Write {
 public:
  virtual ~Write() = default;
  // Checks the request against what the models hold, staged records included, and adds its effects: none for a write
  // that changes nothing. An error refuses it; nothing is logged then. Runs on the committer thread: short, no I/O.
  [[nodiscard]] virtual Status validate(EffectList& effects) = 0;
  // About how many bytes it holds, for the bound of the queue.
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;
};

}  // namespace vibrato::commit
