// What an answer says when its recall target cannot be promised. For the search of a collection.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "vector/segment.hpp"

namespace vibrato::vector {

// From what the search of each part did. Nothing where every walk went by a calibration that reached the target.
[[nodiscard]] std::vector<std::string> recall_notes(float target, std::span<const SegmentStats> parts);

}  // namespace vibrato::vector
