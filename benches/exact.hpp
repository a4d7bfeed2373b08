// Exact answers by brute force, and the preparation of the "rotated" figure.
#pragma once

#include <cstdint>
#include <vibrato/metric.hpp>

#include "matrix.hpp"

namespace vibrato::bench {

// The `width` nearest base rows of every query, best first, ties by row number. Scored in f32 with a margin and then
// ranked in double. Rows under cosine need not be of unit length.
[[nodiscard]] Truth exact_truth(const Matrix& base, const Matrix& queries, Metric metric, std::size_t width,
                                unsigned threads);

// Fills truth.right for `k`: real sets hold equal rows, and which of them an index returns is no matter of recall.
// Requires: truth.width >= k, truth.rows == queries.rows.
void mark_ties(Truth& truth, const Matrix& base, const Matrix& queries, Metric metric, std::size_t k);

// Makes every row of unit length; a zero row stays zero.
void normalise_rows(Matrix& matrix);

// Turns both sets by one random orthogonal matrix drawn from `seed`, then makes every row of unit length.
// Requires: base.dim == queries.dim.
void rotate_and_normalise(Matrix& base, Matrix& queries, std::uint64_t seed);

}  // namespace vibrato::bench
