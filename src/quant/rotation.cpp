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

Rotation::Rotation(std::uint32_t dim, std::uint64_t seed) : dim_(dim), seed_(seed), window_(std::bit_floor(dim)) {
  VIBRATO_CHECK(dim > 0);
  const float scale = 1.0F / std::sqrt(static_cast<float>(window_));
  std::uint64_t state = seed;
  const auto add_signs = [&](std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const float magnitude = i < window_ ? scale : 1.0F;
      signs_.push_back((next_split_mix(state) & 1) != 0 ? magnitude : -magnitude);
    }
  };
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    add_signs(dim_);
    if (window_ != dim_) {
      add_signs(window_);
    }
  }
}

void Rotation::apply(const simd::Kernels& kernels, float* values) const {
  const float* signs = signs_.data();
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    kernels.multiply(values, signs, dim_);
    kernels.hadamard(values, window_);
    signs += dim_;
    if (window_ == dim_) {
      continue;
    }
    // Without signs of its own the last window would undo what the first did to the dimensions that both hold: the
    // transform is its own inverse.
    float* last_window = values + (dim_ - window_);
    kernels.multiply(last_window, signs, window_);
    kernels.hadamard(last_window, window_);
    signs += window_;
  }
}

// The transform is symmetric, and each step orthogonal: the steps transposed, in reverse order.
void Rotation::undo(const simd::Kernels& kernels, float* values) const {
  const std::size_t signs_a_round = signs_.size() / kRounds;
  for (std::uint32_t round = kRounds; round-- > 0;) {
    const float* signs = signs_.data() + round * signs_a_round;
    if (window_ != dim_) {
      float* last_window = values + (dim_ - window_);
      kernels.hadamard(last_window, window_);
      kernels.multiply(last_window, signs + dim_, window_);
    }
    kernels.hadamard(values, window_);
    kernels.multiply(values, signs, dim_);
  }
}

}  // namespace vibrato::quant
