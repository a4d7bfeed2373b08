// Which of the candidates become neighbours: Algorithm 4 of Malkov and Yashunin 2018. Going from near to far, a
// candidate is kept unless some neighbour kept before is nearer to it than the row itself is; so the list points into
// different directions in place of many times into one cluster.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hnsw/row_space.hpp"

namespace vibrato::hnsw {

struct Candidate {
  std::uint32_t id = 0;  // As the level numbers its members: a row, or an upper index.
  std::uint32_t row = 0;
  float distance = 0;  // To the row that is being linked.
};

[[nodiscard]] inline bool nearer(const Candidate& a, const Candidate& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
}

// Distances between rows of a space, on codes where it has them. Thread-safety: one thread.
class RowPairScorer {
 public:
  RowPairScorer(const simd::Kernels& kernels, const RowSpace& space) : kernels_(kernels), space_(space) {}

  // Makes `row` the one that distances are measured from. The scorer is valid until the next call.
  [[nodiscard]] WalkScorer from(std::uint32_t row);

 private:
  const simd::Kernels& kernels_;
  const RowSpace& space_;
  quant::PreparedQuery query_;
};

// Memory of a selection, reused by the next one.
struct SelectionScratch {
  std::vector<std::uint32_t> rows;
  std::vector<float> distances;
};

// Moves the neighbours chosen among candidates[0, count), which are sorted by distance, to the front, in order, and
// returns how many there are: at most `wanted`.
[[nodiscard]] std::size_t select_neighbours(Candidate* candidates, std::size_t count, std::size_t wanted,
                                            RowPairScorer& pairs, SelectionScratch& scratch);

}  // namespace vibrato::hnsw
