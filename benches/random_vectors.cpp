#include "random_vectors.hpp"

#include <random>

#include "exact.hpp"

namespace vibrato::bench {

Matrix random_unit_vectors(std::size_t rows, std::size_t dim, std::uint64_t seed) {
  Matrix matrix{rows, dim, std::vector<float>(rows * dim)};
  std::mt19937_64 engine(seed);
  std::normal_distribution<float> normal;
  for (float& value : matrix.values) value = normal(engine);
  normalise_rows(matrix);
  return matrix;
}

}  // namespace vibrato::bench
