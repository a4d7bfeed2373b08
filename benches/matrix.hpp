// The vectors a bench works on: rows of f32 in one block, and lists of row numbers as exact answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vibrato::bench {

// Row-major f32 rows without padding. Invariant: values.size() == rows * dim.
struct Matrix {
  std::size_t rows = 0;
  std::size_t dim = 0;
  std::vector<float> values;

  [[nodiscard]] std::span<const float> row(std::size_t i) const { return {values.data() + i * dim, dim}; }
  [[nodiscard]] std::span<float> row(std::size_t i) { return {values.data() + i * dim, dim}; }
};

// `width` row numbers a query, best first. Invariant: ids.size() == rows * width.
struct Truth {
  std::size_t rows = 0;
  std::size_t width = 0;
  std::vector<std::uint32_t> ids;
  // How many leading ids of each query are right answers for its k: the first k and those that tie with the k-th.
  // Filled by mark_ties().
  std::vector<std::size_t> right;

  [[nodiscard]] std::span<const std::uint32_t> row(std::size_t i) const { return {ids.data() + i * width, width}; }
  [[nodiscard]] std::span<const std::uint32_t> right_answers(std::size_t i) const { return row(i).first(right[i]); }
};

}  // namespace vibrato::bench
