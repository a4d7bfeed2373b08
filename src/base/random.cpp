#include "base/random.hpp"

#include <bit>
#include <cmath>
#include <vibrato/check.hpp>

namespace vibrato {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    word = splitmix64(seed);
  }
}

std::uint64_t Random::next_u64() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  VIBRATO_CHECK(bound > 0);
  // 2^64 mod bound values at the low end would make some remainders more likely: they are drawn again.
  const std::uint64_t first_fair = (0 - bound) % bound;
  std::uint64_t drawn = next_u64();
  while (drawn < first_fair) {
    drawn = next_u64();
  }
  return drawn % bound;
}

double Random::uniform() {
  return static_cast<double>(next_u64() >> 11) * 0x1.0p-53;
}

double Random::normal() {
  if (has_spare_normal_) {
    has_spare_normal_ = false;
    return spare_normal_;
  }
  double x = 0;
  double y = 0;
  double radius_squared = 0;
  do {
    x = 2 * uniform() - 1;
    y = 2 * uniform() - 1;
    radius_squared = x * x + y * y;
  } while (radius_squared >= 1 || radius_squared == 0);
  const double scale = std::sqrt(-2 * std::log(radius_squared) / radius_squared);
  spare_normal_ = y * scale;
  has_spare_normal_ = true;
  return x * scale;
}

}  // namespace vibrato
