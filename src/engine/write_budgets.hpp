// How much may be in memory before puts are refused: the rows of one collection that no index finds yet; what one of
// the other models has not written to its file; and what no file holds of all models, with what is on its way there.
// Deletes are never refused: they give space back.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vibrato/status.hpp>

#include "base/limits.hpp"
#include "base/metrics.hpp"
#include "engine/model_files.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::engine {

// Thread-safety: all methods may be called from many threads at once.
class WriteBudgets {
 public:
  struct Limits {
    std::uint64_t memory_bytes = 0;                              // 0: no bound.
    std::uint64_t tail_bytes = 0;                                // 0: no bound.
    std::uint64_t unwritten_bytes = limits::kUnwrittenBytesMax;  // Of one model.
  };

  // All outlive it.
  WriteBudgets(const Limits& limits, const vector::VectorModel& model, const ModelFiles& files,
               MetricsRegistry& metrics);

  // kOverloaded, saying which budget, when a put of `bytes` to `collection` has to wait. Null: to another model.
  [[nodiscard]] Status check(const vector::Collection* collection, std::uint64_t bytes);
  // The same for a put to all of `collections`, and to other models.
  [[nodiscard]] Status check_all(std::span<const vector::CollectionPtr> collections, std::uint64_t bytes);
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
  [[nodiscard]] Status check_tail(const vector::Collection& collection);
  [[nodiscard]] Status check_files();
  [[nodiscard]] Status check_memory(std::uint64_t bytes);
  [[nodiscard]] bool has_room(std::uint64_t bytes) const;

  const Limits limits_;
  const vector::VectorModel& model_;
  const ModelFiles& files_;
  Counter& soft_;                                // Refused for a tail.
  Counter& hard_;                                // Refused for what is in memory.
  std::atomic<std::uint64_t> hot_bytes_ = 0;     // Of vectors, and what the others have not written.
  std::atomic<std::uint64_t> added_bytes_ = 0;   // Committed since the last refresh.
  std::atomic<std::uint64_t> queued_bytes_ = 0;  // Submitted and not answered.
};

}  // namespace vibrato::engine
