// How many bits the tests of damage flip.
#pragma once

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>

#include "support/test_numbers.hpp"

namespace vibrato::test {

// VIBRATO_FORMAT_FLIPS in place of `otherwise`, for the long check; tests whose flips cost more take a part of it.
inline std::uint64_t flips(std::uint64_t otherwise, std::uint64_t part = 1) {
  const std::uint64_t wanted = number_from_environment("VIBRATO_FORMAT_FLIPS", otherwise * part);
  return std::max<std::uint64_t>(wanted / part, 1);
}

// For the report of the long check.
inline void record_flips(std::uint64_t count) {
  ::testing::Test::RecordProperty("flipped_bits", static_cast<int>(count));
}

}  // namespace vibrato::test
