// The right answers of a calibration: the nearest rows of each sampled row, of all rows but the sampled ones and of
// random shares of them, found by one scan for all samples: a block of codes is scored against one sample after the
// other while it is in the cache. For calibrate.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "hnsw/row_space.hpp"

namespace vibrato::vector {

// A random share of the rows.
struct RowShare {
  double share = 1;
  std::vector<std::uint64_t> bits;  // A bit a row, as hnsw::AllowedParams::allowed; empty: all rows.
};
[[nodiscard]] RowShare draw_share(std::uint32_t rows, double share, std::uint64_t seed);

// The nearest rows of a sample, nearest first, ties by row: at least `wanted` of them if there are as many, and some
// that tie with the last.
struct TrueRows {
  std::vector<std::uint32_t> rows;
  std::vector<float> distances;

  // How many leading rows are right answers for k: k, and those that tie with the k-th.
  [[nodiscard]] std::size_t right_for(std::uint32_t k) const;
};

struct TruthQuery {
  std::uint32_t row = 0;     // Of the space.
  std::uint32_t wanted = 0;  // Right answers.
  std::size_t shares = 1;    // Of so many of the shares, the first ones; of the others the answer is empty.
};

// Answers of `queries`, in the order [query][share]. `left_out`: ascending; neither of them is an answer. On codes
// where the space has them, then exactly for the best. Requires: the space has vectors. Errors: those of `keep_going`.
[[nodiscard]] Result<std::vector<TrueRows>> find_true_rows(const hnsw::RowSpace& space,
                                                           std::span<const TruthQuery> queries,
                                                           std::span<const RowShare> shares,
                                                           std::span<const std::uint32_t> left_out,
                                                           const std::function<Status()>& keep_going);

}  // namespace vibrato::vector
