// The graph while rows are inserted: the same flat arrays as format::GraphView, with room for a fixed number of rows.
//
// Concurrency. A list is changed only under its row's lock, one 32-bit slot at a time with release stores; readers
// take no lock and load slots with acquire. A reader may see a list half changed: it then misses or repeats a
// neighbour, which costs a little recall and nothing else, as visited sets remove repeats. A row is linked to only
// after its vector and codes are complete and its own lists are cleared, and the release store of the link publishes
// them. Levels are a pure function of seed and row, but for rows that bring theirs from another graph, so the upper
// arrays are laid out once, before the first insert, and one thread with one seed always builds the same graph.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "base/large_buffer.hpp"
#include "format/graph.hpp"

namespace vibrato::hnsw {

using format::GraphView;
using format::kNoNeighbour;

struct GraphParams {
  std::uint32_t m = 16;
  std::uint32_t ef_construction = 200;
  std::uint64_t seed = 42;

  // Level 0 holds twice as many neighbours, in whole cache lines.
  [[nodiscard]] std::uint32_t m0() const { return (2 * m + 15) / 16 * 16; }
};

// Where a search starts.
struct EntryPoint {
  std::uint32_t row = kNoNeighbour;
  std::uint32_t upper = kNoNeighbour;
  std::uint32_t level = 0;
};

[[nodiscard]] inline std::uint32_t load_slot(const std::uint32_t* slot) {
  return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}
inline void store_slot(std::uint32_t* slot, std::uint32_t value) {
  __atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

class MutableGraph {
 public:
  static constexpr std::uint32_t kLevelMax = 30;

  // Errors: kInvalidArgument (m, ef_construction or capacity out of range), kUnavailable (no memory).
  [[nodiscard]] static Result<std::unique_ptr<MutableGraph>> create(std::uint32_t capacity, const GraphParams& params);

  // The same, with levels given for the first rows, at most kLevelMax each, and drawn for those behind them.
  // Requires: levels.size() <= capacity.
  [[nodiscard]] static Result<std::unique_ptr<MutableGraph>> create_with_levels(std::uint32_t capacity,
                                                                                const GraphParams& params,
                                                                                std::span<const std::uint8_t> levels);

  // A copy of a stored graph, with room for `capacity` rows, to insert more rows into. An edge out of range, or to a
  // row without the list's level, ends its list. Requires: capacity >= stored.row_count. Errors: as create;
  // kInvalidArgument if the levels of the stored graph were not drawn with this m and seed.
  [[nodiscard]] static Result<std::unique_ptr<MutableGraph>> create_from(const GraphView& stored,
                                                                         std::uint32_t capacity,
                                                                         const GraphParams& params);

  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }
  [[nodiscard]] const GraphParams& params() const { return params_; }
  [[nodiscard]] std::uint32_t m0() const { return m0_; }

  // The level that a graph of these parameters draws for a row: P(level >= l) = m^-l.
  [[nodiscard]] static std::uint32_t draw_level(const GraphParams& params, std::uint32_t row);
  // Drawn for the row, or given by who made the graph. Requires: row < capacity().
  [[nodiscard]] std::uint32_t level_of(std::uint32_t row) const;
  // kNoNeighbour for rows of level 0.
  [[nodiscard]] std::uint32_t upper_of(std::uint32_t row) const;

  [[nodiscard]] std::uint32_t* block(std::uint32_t row) { return level0_.as<std::uint32_t>() + std::size_t{row} * m0_; }
  [[nodiscard]] std::uint32_t* upper_list(std::uint32_t u, std::uint32_t level) {
    return upper_lists_.as<std::uint32_t>() + (std::size_t{upper_offsets_[u]} + level - 1) * params_.m;
  }

  // Empties the lists of a row before it is inserted. Requires: nothing links to the row yet.
  void clear_row(std::uint32_t row);

  [[nodiscard]] EntryPoint entry() const;
  // Makes `row` the entry if the graph is empty or the row's level is higher. Serialised by the caller through
  // entry_mutex().
  void raise_entry(std::uint32_t row);
  [[nodiscard]] std::mutex& entry_mutex() { return entry_mutex_; }

  // Locks the lists of one row (all its levels).
  void lock_row(std::uint32_t row);
  void unlock_row(std::uint32_t row) { locks_[row].clear(std::memory_order_release); }

  // A view of rows [0, row_count), to search while others insert or, once they are done, to store.
  // Requires: all rows below row_count whose lists may be reached have been cleared.
  [[nodiscard]] GraphView view(std::uint32_t row_count) const;

  [[nodiscard]] std::size_t memory_bytes(std::uint32_t row_count) const;

 private:
  MutableGraph(std::uint32_t capacity, const GraphParams& params);
  void lay_out_upper_rows(std::span<const std::uint8_t> levels);
  [[nodiscard]] bool has_levels_of(const GraphView& stored) const;
  [[nodiscard]] std::uint32_t level_of_upper(std::uint32_t u) const {
    return upper_offsets_[u + 1] - upper_offsets_[u];
  }

  std::uint32_t capacity_;
  GraphParams params_;
  std::uint32_t m0_;
  LargeBuffer level0_;
  LargeBuffer upper_lists_;
  std::vector<std::uint32_t> upper_rows_;
  std::vector<std::uint32_t> upper_offsets_;
  std::unique_ptr<std::atomic_flag[]> locks_;
  std::atomic<std::uint64_t> entry_;  // row in the high half, upper index in the low one.
  std::mutex entry_mutex_;
};

class RowLock {
 public:
  RowLock(MutableGraph& graph, std::uint32_t row) : graph_(graph), row_(row) { graph_.lock_row(row_); }
  ~RowLock() { graph_.unlock_row(row_); }
  RowLock(const RowLock&) = delete;
  RowLock& operator=(const RowLock&) = delete;

 private:
  MutableGraph& graph_;
  std::uint32_t row_;
};

}  // namespace vibrato::hnsw
