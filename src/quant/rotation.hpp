// A fixed pseudo-random rotation of R^dim, applied in O(dim log dim).
//
// Two rounds of random signs and a Walsh-Hadamard transform. The transform needs a power of two, so each round does it
// to the first window of that length and then, with signs of its own, to the last one; every step is orthogonal, so
// lengths and dots are kept. After it the coordinates of a vector are close to independent and Gaussian whatever the
// data was, which is what lets one scale a vector serve all its dimensions (Johnson-Lindenstrauss by structured
// matrices: Ailon and Chazelle, "The Fast Johnson-Lindenstrauss Transform", 2009).
#pragma once

#include <cstdint>
#include <vector>

#include "simd/kernels.hpp"

namespace vibrato::quant {

// Immutable. Thread-safety: const methods may be called from many threads at once.
class Rotation {
 public:
  // The same dim and seed give the same rotation for ever: files store only the seed.
  Rotation(std::uint32_t dim, std::uint64_t seed);

  [[nodiscard]] std::uint32_t dim() const { return dim_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  // Rotates `values` (shape [dim]) in place.
  void apply(const simd::Kernels& kernels, float* values) const;
  // Takes apply() back, but for rounding.
  void undo(const simd::Kernels& kernels, float* values) const;

 private:
  static constexpr std::uint32_t kRounds = 2;

  std::uint32_t dim_;
  std::uint64_t seed_;
  std::uint32_t window_;  // The largest power of two <= dim.
  // [kRounds][dim + window] ([kRounds][dim] if dim is a power of two); the scale of the transform is folded in.
  std::vector<float> signs_;
};

}  // namespace vibrato::quant
