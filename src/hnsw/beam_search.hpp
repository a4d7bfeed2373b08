// The walk itself, over one level of a graph.
//
//   1. Take the few best candidates that were not expanded yet, none beyond the stop rule's bound.
//   2. Read their neighbour lists; those not seen before form one batch, and each is prefetched as it is found.
//   3. Prefetch the lists of the candidates that are likely next.
//   4. Score the whole batch, and keep what is within the bound.
// Expanding several candidates a step makes batches large enough to hide memory behind arithmetic; the price, a few
// expansions that a strict best-first order would have saved, is smaller than what it hides.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hnsw/candidate_pool.hpp"
#include "hnsw/mutable_graph.hpp"
#include "hnsw/row_space.hpp"
#include "hnsw/stop_rule.hpp"
#include "hnsw/visited_set.hpp"

namespace vibrato::hnsw {

inline constexpr std::size_t kExpandMax = 8;

// Level 0: ids are rows.
struct BaseLevel {
  const GraphView& graph;

  [[nodiscard]] std::uint32_t id_count() const { return graph.row_count; }
  [[nodiscard]] std::uint32_t list_length() const { return graph.m0; }
  [[nodiscard]] const std::uint32_t* list(std::uint32_t id) const { return graph.block(id); }
  [[nodiscard]] std::uint32_t row(std::uint32_t id) const { return id; }
  static constexpr bool kIdsAreRows = true;
};

// A level above: ids are upper indexes.
struct UpperLevel {
  const GraphView& graph;
  std::uint32_t level;

  [[nodiscard]] std::uint32_t id_count() const { return graph.upper_count; }
  [[nodiscard]] std::uint32_t list_length() const { return graph.m; }
  [[nodiscard]] const std::uint32_t* list(std::uint32_t id) const { return graph.upper_list(id, level); }
  [[nodiscard]] std::uint32_t row(std::uint32_t id) const { return graph.upper_rows[id]; }
  static constexpr bool kIdsAreRows = false;
};

// Which rows may be hits. The default allows all.
struct RowPredicate {
  bool (*allows)(const void* context, std::uint32_t row) = nullptr;
  const void* context = nullptr;

  [[nodiscard]] bool operator()(std::uint32_t row) const { return allows == nullptr || allows(context, row); }
};

// Memory of a search, reused by the next one on the same thread.
struct BeamScratch {
  VisitedSet visited;
  CandidatePool pool;     // What the walk goes by.
  CandidatePool allowed;  // With a predicate: the best allowed rows.
  std::vector<float> distances;
  std::vector<std::uint32_t> rows;
  std::vector<std::uint32_t> kept;  // Positions in the batch.
};

struct BeamLimits {
  std::size_t ef = 0;      // Pool capacity.
  std::size_t k = 0;       // Whose distance the stop rule goes by; k <= ef.
  std::size_t expand = 4;  // Candidates a step, at most kExpandMax.
  StopRule stop;
};

struct BeamStats {
  std::uint32_t distances = 0;
  std::uint32_t expanded = 0;
};

template <typename Level>
void prefetch_list(const Level& level, std::uint32_t id) {
  const std::uint32_t* list = level.list(id);
  __builtin_prefetch(list);
  __builtin_prefetch(list + 16);
}

// Searches one level from the candidates that are in scratch.pool already (and seen in scratch.visited).
// The result is scratch.pool or, with a predicate, scratch.allowed.
template <bool kFiltered, typename Level>
void beam_search(const Level& level, const WalkScorer& scorer, const BeamLimits& limits, const RowPredicate& predicate,
                 BeamScratch& scratch, BeamStats& stats) {
  CandidatePool& pool = scratch.pool;
  CandidatePool& results = kFiltered ? scratch.allowed : scratch.pool;
  VisitedSet& visited = scratch.visited;
  const std::uint32_t id_count = level.id_count();
  const std::uint32_t list_length = level.list_length();
  const std::size_t batch_max = std::size_t{list_length} * limits.expand;
  if (scratch.distances.size() < batch_max) {
    scratch.distances.resize(batch_max);
    scratch.rows.resize(batch_max);
    scratch.kept.resize(batch_max);
  }

  std::array<std::uint32_t, kExpandMax> expanding;
  while (true) {
    float bound = std::min(limits.stop.bound(results.kth(limits.k)), results.worst());
    const std::size_t taken = pool.take(limits.expand, bound, expanding.data());
    if (taken == 0) {
      return;
    }
    stats.expanded += static_cast<std::uint32_t>(taken);

    visited.reserve_step(batch_max + 1);
    const std::size_t batch_begin = visited.size();
    for (std::size_t e = 0; e < taken; ++e) {
      // Two passes without a branch on what was seen before, which no predictor could guess.
      const std::size_t fresh_begin = visited.size();
      const std::uint32_t* list = level.list(expanding[e]);
      for (std::uint32_t i = 0; list != nullptr && i < list_length; ++i) {
        const std::uint32_t id = load_slot(list + i);
        if (id >= id_count) {
          break;  // The end of the list, or a damaged edge: either way nothing may be read through it.
        }
        visited.insert(id);
      }
      for (std::size_t i = fresh_begin; i < visited.size(); ++i) {
        scorer.prefetch(level.row(visited.seen()[i]));
      }
    }
    const std::size_t batch_size = visited.size() - batch_begin;
    if (batch_size == 0) {
      continue;
    }
    const std::size_t likely_next = pool.peek(limits.expand, expanding.data());
    for (std::size_t e = 0; e < likely_next; ++e) {
      prefetch_list(level, expanding[e]);
    }

    const std::uint32_t* ids = visited.seen() + batch_begin;
    const std::uint32_t* rows = ids;
    if constexpr (!Level::kIdsAreRows) {
      for (std::size_t i = 0; i < batch_size; ++i) {
        scratch.rows[i] = level.row(ids[i]);
      }
      rows = scratch.rows.data();
    }
    float* distances = scratch.distances.data();
    scorer.score(rows, batch_size, distances);
    stats.distances += static_cast<std::uint32_t>(batch_size);

    // What is kept may be expanded next: ask for its list while the others are inserted.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < batch_size; ++i) {
      const bool keep = distances[i] <= bound;
      scratch.kept[kept] = static_cast<std::uint32_t>(i);
      kept += keep ? 1 : 0;
    }
    for (std::size_t j = 0; j < kept; ++j) {
      prefetch_list(level, ids[scratch.kept[j]]);
    }
    for (std::size_t j = 0; j < kept; ++j) {
      const std::size_t i = scratch.kept[j];
      pool.insert(distances[i], ids[i]);
      if constexpr (kFiltered) {
        if (predicate(level.row(ids[i]))) {
          results.insert(distances[i], ids[i]);
        }
      }
    }
  }
}

}  // namespace vibrato::hnsw
