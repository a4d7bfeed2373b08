// The numbers that the environment may set: lengths of the long checks, and seeds.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace vibrato::test {

inline std::uint64_t number_from_environment(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// VIBRATO_TEST_SEED, which repeats a run or begins another one.
inline std::uint64_t seed_or(std::uint64_t otherwise) {
  return number_from_environment("VIBRATO_TEST_SEED", otherwise);
}

}  // namespace vibrato::test
