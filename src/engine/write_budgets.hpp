// How much may be in memory before puts are refused: the rows of one collection that no index finds yet, and the rows
// of all collections that no file holds, with what is on its way there. Deletes are never refused: they give space
// back.
#pragma once

#include <atomic>
#include <cstdint>
#include <vibrato/status.hpp>

#include "base/metrics.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::engine {

// Thread-safety: all methods may be called from many threads at once.
class WriteBudgets {
 public:
  struct Limits {
    std::uint64_t memory_bytes = 0;  // 0: no bound.
    std::uint64_t tail_bytes = 0;    // 0: no bound.
  };

  // `model` and `metrics` outlive it.
  WriteBudgets(const Limits& limits, const vector::VectorModel& model, MetricsRegistry& metrics);

  // kOverloaded, saying which budget, when a put of `bytes` to `collection` (may be null) has to wait.
  [[nodiscard]] Status check(const vector::Collection* collection, std::uint64_t bytes);
  // Bytes of a write that was submitted, and of one that was answered.
  void add_queued(std::uint64_t bytes) { queued_bytes_ += bytes; }
  void remove_queued(std::uint64_t bytes);

  // Asks the collections; called several times a second, and before a refusal.
  void refresh();

  // Of the memory budget, as of the last refresh and what came since.
  [[nodiscard]] std::uint64_t used_bytes() const;
  [[nodiscard]] std::uint64_t queued_bytes() const { return queued_bytes_.load(); }
  // So much is in memory that background work should hurry.
  [[nodiscard]] bool is_tight() const;

 private:
  [[nodiscard]] bool has_room(std::uint64_t bytes) const;

  const Limits limits_;
  const vector::VectorModel& model_;
  Counter& soft_;  // Refused for a tail.
  Counter& hard_;  // Refused for the memory of all.
  std::atomic<std::uint64_t> hot_bytes_ = 0;
  std::atomic<std::uint64_t> added_bytes_ = 0;   // Committed since the last refresh.
  std::atomic<std::uint64_t> queued_bytes_ = 0;  // Submitted and not answered.
};

}  // namespace vibrato::engine
