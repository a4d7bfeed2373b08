// From candidates by code distance to hits by exact distance.
//
// The error of a code distance is near normal with a deviation that each row knows (ScalarQuantizer::distance_sigma),
// so rows are re-scored in order of code distance until one is so far that, even with kSigmas deviations in its
// favour, it could not be nearer than the k-th exact one. That takes a row or two more than k where codes are good
// and goes on where they are not, in place of a fixed multiple of k.
#pragma once

#include <vector>

#include "hnsw/candidate_pool.hpp"
#include "hnsw/row_space.hpp"
#include "hnsw/searcher.hpp"

namespace vibrato::hnsw {

// A row may be nearer than its code says by so many deviations.
inline constexpr float kSigmas = 3.0F;
// The errors of product codes have longer tails, and one deviation serves all rows.
inline constexpr float kProductSigmas = 6.0F;

// Standard deviation of a row's distance on codes. query: prepared for the space. Requires: space.has_codes().
[[nodiscard]] float sigma_of(const RowSpace& space, const quant::PreparedQuery& query, std::uint32_t row,
                             float distance);

// Writes the k nearest of `pool` to `hits`, nearest first, ties by row. Rows that cannot be as near as `known` are left
// out. Returns how many rows were re-scored.
std::uint32_t rescore(const simd::Kernels& kernels, const RowSpace& space, const float* query, std::uint32_t k,
                      const CandidatePool& pool, float known, SearchScratch& scratch, std::vector<Hit>& hits);

}  // namespace vibrato::hnsw
