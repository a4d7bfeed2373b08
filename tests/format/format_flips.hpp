// How many bits the tests of damage flip.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace vibrato::test {

// VIBRATO_FORMAT_FLIPS in place of `otherwise`, for the long check; tests whose flips cost more take a part of it.
inline std::uint64_t flips(std::uint64_t otherwise, std::uint64_t part = 1) {
  const char* const text = std::getenv("VIBRATO_FORMAT_FLIPS");
  return text == nullptr ? otherwise : std::max<std::uint64_t>(std::strtoull(text, nullptr, 10) / part, 1);
}

}  // namespace vibrato::test
