#include "vector/recall_notes.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace vibrato::vector {
namespace {

struct Counts {
  std::size_t walked = 0;
  std::size_t uncalibrated = 0;
  std::size_t borrowed = 0;
  std::size_t short_of_it = 0;
  std::size_t by_codes = 0;
  float least = 1;
};

Counts count(float target, std::span<const SegmentStats> parts) {
  Counts counts;
  for (const SegmentStats& part : parts) {
    counts.by_codes += part.is_by_codes ? 1 : 0;
    if (!part.rule) {
      continue;
    }
    ++counts.walked;
    counts.borrowed += part.rule->is_borrowed ? 1 : 0;
    if (!part.rule->is_calibrated) {
      ++counts.uncalibrated;
    } else if (part.rule->recall < target) {
      ++counts.short_of_it;
      counts.least = std::min(counts.least, part.rule->recall);
    }
  }
  return counts;
}

}  // namespace

std::vector<std::string> recall_notes(float target, std::span<const SegmentStats> parts) {
  const Counts counts = count(target, parts);
  std::vector<std::string> notes;
  if (counts.short_of_it > 0) {
    notes.push_back(
        fmt::format("recall {} is out of reach in {} of {} walked segments: their calibration reached {:.4f}", target,
                    counts.short_of_it, counts.walked, counts.least));
  }
  if (counts.uncalibrated > 0) {
    notes.push_back(
        fmt::format("{} of {} walked segments are not calibrated, nor is a sealed one of this collection: "
                    "recall {} is a guess there",
                    counts.uncalibrated, counts.walked, target));
  }
  if (counts.borrowed > 0) {
    notes.push_back(
        fmt::format("{} of {} walked segments are sealed without a calibration of their own: recall {} goes by the "
                    "newest of this collection there",
                    counts.borrowed, counts.walked, target));
  }
  if (counts.by_codes > 0) {
    notes.push_back(
        fmt::format("hits of {} of {} segments are in the order of their codes, not scored again with the vectors: "
                    "recall {} is that of the walk alone there, and the answer may have less",
                    counts.by_codes, parts.size(), target));
  }
  return notes;
}

}  // namespace vibrato::vector
