// Deterministic random numbers: the same seed gives the same sequence on every machine and compiler, which
// std::uniform_*_distribution does not promise. Not for secrets.
// Source: xoshiro256** and splitmix64 by Blackman and Vigna (https://prng.di.unimi.it).
#pragma once

#include <array>
#include <cstdint>

namespace vibrato {

// Thread-safety: one thread at a time; give each thread its own.
class Random {
 public:
  explicit Random(std::uint64_t seed);

  [[nodiscard]] std::uint64_t next_u64();
  // Uniform in [0, bound), without bias. Requires: bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
  // Uniform in [0, 1), with 53 random bits.
  [[nodiscard]] double uniform();
  // Normal with mean 0 and variance 1 (Marsaglia's polar method).
  [[nodiscard]] double normal();
  // True with the given probability in [0, 1].
  [[nodiscard]] bool chance(double probability) { return uniform() < probability; }

 private:
  std::array<std::uint64_t, 4> state_{};
  double spare_normal_ = 0;
  bool has_spare_normal_ = false;
};

}  // namespace vibrato
