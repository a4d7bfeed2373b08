// k nearest rows of a query in one segment: walk the graph (on codes where there are any), then re-score on f32.
//
// Thread-safety: everything is const but the scratch, which belongs to one search at a time. A search takes no lock,
// also while other threads insert into the graph behind the view.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "hnsw/beam_search.hpp"
#include "hnsw/row_space.hpp"
#include "hnsw/stop_rule.hpp"

namespace vibrato::hnsw {

inline constexpr std::uint32_t kFilteredEfMax = 4096;

struct SearchParams {
  std::uint32_t k = 10;
  std::uint32_t ef = 128;  // Cap on the pool; raised to k.
  // StopRule::slack; infinity stops by effort alone.
  float slack = std::numeric_limits<float>::infinity();
  // StopRule::reach, and the k that slack goes by where more hits than that are wanted; 0: k.
  std::size_t reach = std::numeric_limits<std::size_t>::max();
  std::uint32_t stop_k = 0;
  // Candidates expanded in one step. 0: as many as the row size favours.
  std::uint32_t expand = 0;
  // Exact distances for the final candidates; without it the hits carry the distances on codes.
  bool rescore = true;
  RowPredicate predicate;
  // With a predicate: how many candidates the walk goes by, so that it ends when it has passed the ef-th best allowed
  // row, like one among these alone; it is not repeated then. 0: ef, and it is repeated as search() says.
  std::uint32_t pool = 0;
  // BeamLimits: where the walk gives up. Nothing is vouched for then.
  std::uint32_t expanded_max = std::numeric_limits<std::uint32_t>::max();
  float allowed_share = 0;
  // Rows that are farther may be left out, as somebody has k rows that are not (those of other segments). Fewer
  // rows are scored again then; the walk is the same, as one that is cut there finds less.
  float known = std::numeric_limits<float>::infinity();
  WalkProbe* probe = nullptr;  // For calibrations: watches the walk on level 0.
};

struct Hit {
  std::uint32_t row = 0;
  float distance = 0;  // Lower is better: see row_space.hpp.

  bool operator==(const Hit&) const = default;
};

struct SearchStats {
  BeamStats walk;
  std::uint32_t rescored = 0;
  std::uint32_t vouched = 0;  // Of the k nearest rows, so many were found, those that `known` left out among them.
};

struct SearchScratch {
  BeamScratch beam;
  quant::PreparedQuery query;
  std::vector<std::uint32_t> rows;
  std::vector<float> distances;
};

// Writes the min(k, reachable allowed rows) nearest rows to `hits`, nearest first, ties by row. With a predicate the ef
// best rows of a walk may hold too few allowed ones; it is then made wider, up to kFilteredEfMax. Where that does not
// do either, fewer than k vouched rows tell the caller to scan. query: shape [dim], finite; not zero under cosine.
// Requires: k
// >= 1, space.row_count >= graph.row_count.
void search(const simd::Kernels& kernels, const GraphView& graph, const RowSpace& space, const float* query,
            const SearchParams& params, SearchScratch& scratch, std::vector<Hit>& hits, SearchStats* stats = nullptr);

// One scratch a thread, for callers that keep none of their own.
[[nodiscard]] SearchScratch& scratch_of_this_thread();

}  // namespace vibrato::hnsw
