#include "quant/rotation.hpp"

#include <bit>
#include <cmath>
#include <vibrato/check.hpp>

namespace vibrato::quant {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014). Part of the file format: the signs of stored codes come from it.
std::uint64_t next_split_mix(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ull;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

Rotation::Rotation(std::uint32_t dim, std::uint64_t seed)
    : dim_(dim), seed_(seed), window_(std::bit_floor(dim)), signs_(std::size_t{kRounds} * dim) {
  VIBRATO_CHECK(dim > 0);
  // A dimension in both windows is scaled by both transforms, one in a single window by that one; the factor
  // before the second transform cannot be folded into the signs, so `apply` multiplies there.
  const float scale = 1.0F / std::sqrt(static_cast<float>(window_));
  std::uint64_t state = seed;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    for (std::uint32_t i = 0; i < dim_; ++i) {
      const float magnitude = i < window_ ? scale : 1.0F;
      signs_[std::size_t{round} * dim_ + i] = (next_split_mix(state) & 1) != 0 ? magnitude : -magnitude;
    }
  }
}

void Rotation::apply(const simd::Kernels& kernels, float* values) const {
  const float scale = 1.0F / std::sqrt(static_cast<float>(window_));
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    kernels.multiply(values, signs_.data() + std::size_t{round} * dim_, dim_);
    kernels.hadamard(values, window_);
    if (window_ == dim_) {
      continue;
    }
    float* last_window = values + (dim_ - window_);
    for (std::uint32_t i = 0; i < window_; ++i) {
      last_window[i] *= scale;
    }
    kernels.hadamard(last_window, window_);
  }
}

}  // namespace vibrato::quant
