#include "vector/recall_notes.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace vibrato::vector {

std::vector<std::string> recall_notes(float target, std::span<const SegmentStats> parts) {
  std::size_t walked = 0;
  std::size_t uncalibrated = 0;
  std::size_t short_of_it = 0;
  float least = target;
  for (const SegmentStats& part : parts) {
    if (!part.rule) {
      continue;
    }
    ++walked;
    if (!part.rule->is_calibrated) {
      ++uncalibrated;
    } else if (part.rule->recall < target) {
      ++short_of_it;
      least = std::min(least, part.rule->recall);
    }
  }
  std::vector<std::string> notes;
  if (short_of_it > 0) {
    notes.push_back(
        fmt::format("recall {} is out of reach in {} of {} walked segments: their calibration reached {:.4f}", target,
                    short_of_it, walked, least));
  }
  if (uncalibrated > 0) {
    notes.push_back(
        fmt::format("{} of {} walked segments are not calibrated, nor is a sealed one of this collection: "
                    "recall {} is a guess there",
                    uncalibrated, walked, target));
  }
  return notes;
}

}  // namespace vibrato::vector
