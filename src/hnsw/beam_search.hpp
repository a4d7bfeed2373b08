// The walk itself, over one level of a graph.
//
//   1. Take the few best candidates that were not expanded yet, none beyond the stop rule's bound.
//   2. Read their neighbour lists; those not seen before form one batch, and each is prefetched as it is found.
//   3. Prefetch the lists of the candidates that are likely next.
//   4. Score the whole batch, and keep what is within the bound.
// Expanding several candidates a step makes batches large enough to hide memory behind arithmetic; the price, a few
// expansions that a strict best-first order would have saved, is smaller than what it hides.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "hnsw/candidate_pool.hpp"
#include "hnsw/mutable_graph.hpp"
#include "hnsw/row_space.hpp"
#include "hnsw/stop_rule.hpp"
#include "hnsw/visited_set.hpp"
#include "hnsw/walk_probe.hpp"

namespace vibrato::hnsw {

inline constexpr std::size_t kExpandMax = 8;

// Level 0: ids are rows.
struct BaseLevel {
  const GraphView& graph;

  [[nodiscard]] std::uint32_t id_count() const { return graph.row_count; }
  [[nodiscard]] bool is_member(std::uint32_t id) const { return id < graph.row_count; }
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
  [[nodiscard]] bool is_member(std::uint32_t id) const {
    return id < graph.upper_count && graph.upper_rows[id] < graph.row_count;
  }
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
  // The walk gives up once it has expanded so many.
  std::uint32_t expanded_max = std::numeric_limits<std::uint32_t>::max();
  // With a predicate: the share of the rows that it probably allows. Where far fewer are met, it is against the query,
  // and the walk gives up early. 0: unknown.
  float allowed_share = 0;
  StopRule stop;
  WalkProbe* probe = nullptr;  // Watches the walk and may end it.
};

struct BeamStats {
  std::uint32_t distances = 0;
  std::uint32_t expanded = 0;
};

// One search of one level, from the candidates that are in scratch.pool already (and seen in scratch.visited).
// The result is scratch.pool or, with a predicate, scratch.allowed.
template <bool kFiltered, typename Level>
class BeamWalk {
 public:
  // Borrows everything.
  BeamWalk(const Level& level, const WalkScorer& scorer, const BeamLimits& limits, const RowPredicate& predicate,
           BeamScratch& scratch, BeamStats& stats)
      : level_(level), scorer_(scorer), limits_(limits), predicate_(predicate), scratch_(scratch), stats_(stats) {}

  // False if it gave up.
  bool run() {
    const std::size_t batch_max = std::size_t{level_.list_length()} * limits_.expand;
    // Each by itself: other walks share the memory, and do not need all of it.
    scratch_.distances.resize(std::max(scratch_.distances.size(), batch_max));
    scratch_.rows.resize(std::max(scratch_.rows.size(), batch_max));
    scratch_.kept.resize(std::max(scratch_.kept.size(), batch_max));
    while (stats_.expanded < limits_.expanded_max) {
      const float bound = std::min(limits_.stop.bound(results().kth(limits_.k)), results().worst());
      if (limits_.probe != nullptr &&
          !limits_.probe->begin_step(scratch_.pool, results(), limits_.stop, limits_.expand)) {
        return true;
      }
      const float reach = std::min(bound, results().kth(limits_.stop.reach));
      const std::size_t taken = scratch_.pool.take(limits_.expand, reach, expanding_.data());
      if (taken == 0) {
        return true;
      }
      if (kFiltered && is_against_the_query()) {
        return false;
      }
      scratch_.visited.reserve_step(batch_max + 1);
      const std::size_t batch_begin = scratch_.visited.size();
      for (std::size_t e = 0; e < taken; ++e) {
        gather_neighbours(level_.list(expanding_[e]));
        if (limits_.probe != nullptr) {
          limits_.probe->end_candidate(scratch_.visited.size() - batch_begin);
        }
      }
      const std::size_t batch_size = scratch_.visited.size() - batch_begin;
      stats_.expanded += static_cast<std::uint32_t>(taken);
      stats_.distances += static_cast<std::uint32_t>(batch_size);
      prefetch_likely_next();
      const std::uint32_t* ids = scratch_.visited.seen() + batch_begin;
      scorer_.score(rows_of(ids, batch_size), batch_size, scratch_.distances.data());
      if (limits_.probe != nullptr) {
        limits_.probe->see(rows_of(ids, batch_size), scratch_.distances.data(), batch_size);
      }
      keep_near(ids, batch_size, bound);
    }
    return false;
  }

 private:
  // Looked at once, when there is something to see. All allowed rows that were met are kept until there are ef.
  [[nodiscard]] bool is_against_the_query() {
    constexpr std::uint32_t kDistances = 384;
    constexpr float kShareMin = 0.25F;
    if (limits_.allowed_share <= 0 || was_looked_at_ || stats_.distances < kDistances) {
      return false;
    }
    was_looked_at_ = true;
    return static_cast<float>(scratch_.allowed.size()) <
               kShareMin * limits_.allowed_share * static_cast<float>(scratch_.visited.size()) &&
           !scratch_.allowed.full();
  }

  [[nodiscard]] CandidatePool& results() { return kFiltered ? scratch_.allowed : scratch_.pool; }

  // Adds what was not seen before to the batch. Two passes without a branch on that, which no predictor could guess.
  void gather_neighbours(const std::uint32_t* list) {
    VisitedSet& visited = scratch_.visited;
    const std::size_t fresh_begin = visited.size();
    const std::uint32_t length = list != nullptr ? level_.list_length() : 0;
    for (std::uint32_t i = 0; i < length; ++i) {
      const std::uint32_t id = load_slot(list + i);
      if (!level_.is_member(id)) {
        break;  // The end of the list, or a damaged edge: either way nothing may be read through it.
      }
      visited.insert(id);
    }
    for (std::size_t i = fresh_begin; i < visited.size(); ++i) {
      scorer_.prefetch(level_.row(visited.seen()[i]));
    }
  }

  void prefetch_list(std::uint32_t id) const {
    const std::uint32_t* list = level_.list(id);
    __builtin_prefetch(list);
    __builtin_prefetch(list + 16);
  }

  void prefetch_likely_next() {
    const std::size_t count = scratch_.pool.peek(limits_.expand, expanding_.data());
    for (std::size_t e = 0; e < count; ++e) {
      prefetch_list(expanding_[e]);
    }
  }

  const std::uint32_t* rows_of(const std::uint32_t* ids, std::size_t count) {
    if constexpr (Level::kIdsAreRows) {
      return ids;
    }
    for (std::size_t i = 0; i < count; ++i) {
      scratch_.rows[i] = level_.row(ids[i]);
    }
    return scratch_.rows.data();
  }

  // What is kept may be expanded next: its list is asked for while the others are inserted.
  void keep_near(const std::uint32_t* ids, std::size_t count, float bound) {
    const float* distances = scratch_.distances.data();
    std::uint32_t* kept = scratch_.kept.data();
    std::size_t kept_count = 0;
    for (std::size_t i = 0; i < count; ++i) {
      kept[kept_count] = static_cast<std::uint32_t>(i);
      kept_count += distances[i] <= bound ? 1 : 0;
    }
    for (std::size_t j = 0; j < kept_count; ++j) {
      prefetch_list(ids[kept[j]]);
    }
    for (std::size_t j = 0; j < kept_count; ++j) {
      const std::uint32_t id = ids[kept[j]];
      scratch_.pool.insert(distances[kept[j]], id);
      if constexpr (kFiltered) {
        if (predicate_(level_.row(id))) {
          scratch_.allowed.insert(distances[kept[j]], id);
        }
      }
    }
  }

  const Level& level_;
  const WalkScorer& scorer_;
  const BeamLimits& limits_;
  const RowPredicate& predicate_;
  BeamScratch& scratch_;
  BeamStats& stats_;
  bool was_looked_at_ = false;
  std::array<std::uint32_t, kExpandMax> expanding_{};
};

// False if it gave up, which it does by `expanded_max` and `allowed_share` only.
template <bool kFiltered, typename Level>
bool beam_search(const Level& level, const WalkScorer& scorer, const BeamLimits& limits, const RowPredicate& predicate,
                 BeamScratch& scratch, BeamStats& stats) {
  return BeamWalk<kFiltered, Level>(level, scorer, limits, predicate, scratch, stats).run();
}

}  // namespace vibrato::hnsw
