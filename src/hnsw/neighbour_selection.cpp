#include "hnsw/neighbour_selection.hpp"

#include <algorithm>

namespace vibrato::hnsw {

WalkScorer RowPairScorer::from(std::uint32_t row) {
  if (space_.quantizer == nullptr) {
    const float* vector = space_.vectors.base + std::size_t{row} * space_.vectors.stride_floats;
    return WalkScorer(ExactScorer(kernels_, space_, vector));
  }
  space_.quantizer->prepare_from_row(space_.codes.base + std::size_t{row} * space_.codes.stride_bytes, query_);
  return WalkScorer(kernels_, space_, query_);
}

std::size_t select_neighbours(Candidate* candidates, std::size_t count, std::size_t wanted, RowPairScorer& pairs,
                              SelectionScratch& scratch) {
  scratch.rows.resize(wanted);
  scratch.distances.resize(wanted);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count && kept < wanted; ++i) {
    const Candidate candidate = candidates[i];
    bool keep = true;
    if (kept > 0) {
      pairs.from(candidate.row).score(scratch.rows.data(), kept, scratch.distances.data());
      for (std::size_t j = 0; j < kept; ++j) {
        keep = keep && scratch.distances[j] >= candidate.distance;
      }
    }
    if (keep) {
      scratch.rows[kept] = candidate.row;
      candidates[kept++] = candidate;
    }
  }
  return kept;
}

}  // namespace vibrato::hnsw
