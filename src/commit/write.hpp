// A write as the sequencer sees it: it is asked once, when its turn comes, what it does to the database as it then is.
#pragma once

#include <cstddef>
#include <cstdint>
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

  // Takes the body over: the bytes that the log writes are those of whoever encoded them.
  void add(std::uint16_t type, CollectionNumber collection, std::vector<std::byte>&& body) {
    effects_.push_back({type, collection, std::move(body)});
  }
  // For many of them.
  void reserve(std::size_t effects) { effects_.reserve(effects); }

  [[nodiscard]] bool empty() const { return effects_.empty(); }

  // The LSN of the effect that is added next.
  [[nodiscard]] Lsn next_lsn() const { return Lsn(first_lsn_.value() + effects_.size()); }
  // That of the effect that was added last; 0 before the first.
  [[nodiscard]] Lsn last_lsn() const { return empty() ? Lsn() : Lsn(next_lsn().value() - 1); }
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
