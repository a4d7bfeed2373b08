// Numbers as ids that the database gives: each collection counts, from 0, above every number that a point of it ever
// had as its id. The largest number of 64 bits is never given: as a count it means that all are used up.
#pragma once

#include <cstdint>
#include <limits>

#include "base/point_id.hpp"

namespace vibrato::vector {

inline constexpr std::uint64_t kNumbersUsedUp = std::numeric_limits<std::uint64_t>::max();

// What the count is after a point with this id; 0 for a text.
[[nodiscard]] inline std::uint64_t number_after(const PointIdView& id) {
  if (id.is_text) {
    return 0;
  }
  return id.number == kNumbersUsedUp ? kNumbersUsedUp : id.number + 1;
}

}  // namespace vibrato::vector
