// Made data for benches that need no files.
#pragma once

#include <cstdint>

#include "matrix.hpp"

namespace vibrato::bench {

// `rows` random directions: normal draws made of unit length. The same seed gives the same rows.
[[nodiscard]] Matrix random_unit_vectors(std::size_t rows, std::size_t dim, std::uint64_t seed);

}  // namespace vibrato::bench
