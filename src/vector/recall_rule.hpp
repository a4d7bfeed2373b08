// Turns a recall target into the stop rule of a walk: from the calibration of a segment, or from a careful guess where
// there is none.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "format/calibration.hpp"

namespace vibrato::vector {

inline constexpr float kRecallTargetMin = 0.5F;
inline constexpr float kRecallTargetMax = 0.999F;

struct RecallTarget {
  float recall = 0.95F;  // kRecallTargetMin to kRecallTargetMax.
  std::uint32_t k = 10;  // Of the answer.
};

// Fields of hnsw::SearchParams and hnsw::AllowedParams.
struct WalkRule {
  float slack = std::numeric_limits<float>::infinity();
  std::uint32_t reach = 1;
  std::uint32_t ef = 1;      // The pool: some room behind the reach, for re-scoring.
  std::uint32_t effort = 1;  // Candidates that the walk takes, about: what a plan compares with a scan.
  float recall = 0;          // That the calibration reached; below the target where it is out of reach.
  bool is_calibrated = false;
  bool is_borrowed = false;  // By the newest calibration, as the sealed part has none of its own.
};

// Between the targets, k and shares that were measured it is interpolated (along -log(1 - recall), log k and log
// share); outside of them the nearest is taken, and past the largest k the reach grows with k. Monotone in the target.
// `calibration` null: from a table that has three times the reach that sets of real vectors needed. share: of the rows
// that a filter allows, above 0, at most 1.
[[nodiscard]] WalkRule rule_for(const format::Calibration* calibration, const RecallTarget& target, double share = 1);

// The rule of a slack and a reach, with a pool for it. Requires: reach >= 1.
[[nodiscard]] WalkRule walk_rule(float slack, std::uint32_t reach, std::uint32_t k);

// Into hnsw::SearchParams, hnsw::AllowedParams or HotQuery.
template <typename Params>
void apply(const WalkRule& rule, const RecallTarget& target, Params& params) {
  params.slack = rule.slack;
  params.reach = rule.reach;
  params.stop_k = target.k;
  params.ef = rule.ef;
}

}  // namespace vibrato::vector
