// The nearest of those rows that a filter allows: a walk that scores allowed rows alone.
//
// A neighbour that is not allowed is passed through instead of scored: the allowed ones among its own neighbours take
// its place, until a step has as many rows as a list is long (ACORN-1 of Patel, Kraft, Guestrin and Zaharia 2024,
// arXiv 2403.04871). So a step costs about the same whatever share of the rows is allowed, and allowed rows stay
// connected where they are within two hops of each other. They are not always, and they may be far from where a query
// lands: the walk also begins at a sample of allowed rows spread over the segment, and says whether it saw enough of
// them to be believed.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "hnsw/searcher.hpp"

namespace vibrato::hnsw {

struct AllowedParams {
  std::uint32_t k = 10;
  std::uint32_t ef = 128;  // Raised to k.
  bool rescore = true;     // As SearchParams.
  float known = CandidatePool::kInfinity;
  // A bit a row; rows without one are not allowed. Shape [ceil(row_count / 64)], or fewer words.
  std::span<const std::uint64_t> allowed;
  RowPredicate alive;  // Of those, which may be hits; asked for allowed rows only.
  // As SearchParams. With a slack or a reach the walk ends before it has met ef rows.
  float slack = CandidatePool::kInfinity;
  std::size_t reach = std::numeric_limits<std::size_t>::max();
  std::uint32_t stop_k = 0;
  std::uint32_t expand = 0;
  WalkProbe* probe = nullptr;
  // BeamLimits: where the walk gives up.
  std::uint32_t expanded_max = std::numeric_limits<std::uint32_t>::max();
  float allowed_share = 0;
};

// Writes up to k of the nearest allowed rows to `hits`, nearest first, ties by row. False if the walk gave up, or met
// fewer than ef allowed rows and was not ended by slack or reach with k of them: there may be others that it cannot
// reach, so the caller has to scan them (flat_scan.hpp).
// query: as search(). Requires: k >= 1, space.row_count >= graph.row_count.
[[nodiscard]] bool search_allowed(const simd::Kernels& kernels, const GraphView& graph, const RowSpace& space,
                                  const float* query, const AllowedParams& params, SearchScratch& scratch,
                                  std::vector<Hit>& hits, SearchStats* stats = nullptr);

}  // namespace vibrato::hnsw
