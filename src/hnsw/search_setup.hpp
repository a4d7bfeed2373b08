// What every search of a graph begins and ends with: a scorer for the query, and hits from candidates. For searchers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "hnsw/rescore.hpp"
#include "hnsw/row_space.hpp"
#include "hnsw/searcher.hpp"

namespace vibrato::hnsw {

// Small rows leave the core waiting for memory unless several candidates are expanded at once.
[[nodiscard]] inline std::size_t default_expand(const RowSpace& space) {
  const std::size_t row_bytes = space.has_codes() ? space.codes.stride_bytes : space.vectors.dim * sizeof(float);
  return row_bytes <= 192 ? 4 : row_bytes <= 512 ? 2 : 1;
}

// The distances that a walk goes by. Borrows everything; the query as the codes need it stands in scratch.query.
class PreparedSearch {
 public:
  PreparedSearch(const simd::Kernels& kernels, const RowSpace& space, const float* query, SearchScratch& scratch)
      : exact_(kernels, space, query), scorer_(scorer_of(kernels, space, query, scratch)) {}
  PreparedSearch(const PreparedSearch&) = delete;
  PreparedSearch& operator=(const PreparedSearch&) = delete;

  [[nodiscard]] const WalkScorer& scorer() const { return scorer_; }
  [[nodiscard]] float query_norm() const { return exact_.query_norm(); }

 private:
  [[nodiscard]] WalkScorer scorer_of(const simd::Kernels& kernels, const RowSpace& space, const float* query,
                                     SearchScratch& scratch) const {
    if (!space.has_codes()) {
      return WalkScorer(exact_);
    }
    prepare_query(kernels, space, query, scratch.query);
    return WalkScorer(kernels, space, scratch.query);
  }

  ExactScorer exact_;
  WalkScorer scorer_;
};

// Three deviations of the distance that codes give for a row equal to the query.
[[nodiscard]] inline float margin_of(const RowSpace& space, const quant::PreparedQuery& query) {
  if (space.product != nullptr) {
    return 3.0F * space.product->distance_sigma(query, 0.0F);
  }
  quant::CodeFactors same;
  same.offset = query.norm_squared;
  return 3.0F * space.quantizer->distance_sigma(query, same, 0.0F);
}

// A rule that stops nothing yet, for the distances of one query. query: prepared for the space's codes, if it has any.
[[nodiscard]] inline StopRule stop_rule(const RowSpace& space, float query_norm, const quant::PreparedQuery& query) {
  StopRule rule;
  rule.floor = space.metric == Metric::kDot ? -query_norm * space.norm_max : 0.0F;
  rule.margin = space.has_codes() ? margin_of(space, query) : 0.0F;
  return rule;
}

struct HitsWanted {
  std::uint32_t k = 10;
  bool rescore = true;
  float known = CandidatePool::kInfinity;
};

// Writes the k nearest candidates to `hits`: by exact distance where the walk went on codes and the raw rows are there.
// Returns how many rows were re-scored.
[[nodiscard]] inline std::uint32_t take_hits(const simd::Kernels& kernels, const RowSpace& space, const float* query,
                                             const HitsWanted& wanted, const CandidatePool& found,
                                             SearchScratch& scratch, std::vector<Hit>& hits) {
  hits.clear();
  if (space.has_codes() && wanted.rescore && wanted.k > 0 && space.has_vectors()) {
    return rescore(kernels, space, query, wanted.k, found, wanted.known, scratch, hits);
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(wanted.k, found.size()); ++i) {
    hits.push_back({found.id(i), found.distance(i)});
  }
  return 0;
}

}  // namespace vibrato::hnsw
