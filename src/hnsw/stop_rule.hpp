// When a beam search ends: the one place that trades recall for speed.
//
// By effort alone (slack = infinity): when the best candidate left is farther than the ef-th best found, the classic
// rule of Malkov and Yashunin 2018. By distance: when it is farther than the k-th best by a share `slack` of that
// distance ("distance adaptive beam search", 2025); nothing beyond that bound enters the pool either, so easy queries
// end early and hard ones go on. `ef` stays as a cap on the pool.
//
// By reach: when so many results are nearer than the best candidate left. As effort, but what lies behind is kept for
// re-scoring, and it may be less than k. Slack and reach together are what a recall target is turned into
// (calibration.hpp).
#pragma once

#include <cstddef>
#include <limits>

namespace vibrato::hnsw {

struct StopRule {
  // Share of the k-th distance (above `floor`) that the walk looks beyond it; about 0.03 to 0.2.
  float slack = std::numeric_limits<float>::infinity();
  // The least distance there can be: 0 for l2 and cosine, -|q| max|x| for dot.
  float floor = 0;
  // What the error of codes makes of a distance of nothing: where the k nearest are nearer than that, the order on
  // codes says little, and all that may be among them must stay in the pool for re-scoring. 0 for exact distances.
  float margin = 0;

  // At least 1.
  std::size_t reach = std::numeric_limits<std::size_t>::max();

  // The slack that a candidate at this distance needs: the least with which bound(kth) is not below it.
  [[nodiscard]] float needed(float distance, float kth) const {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (kth == kInfinity || distance <= kth + margin) {
      return 0;
    }
    const float span = kth - floor;
    return span > 0 ? (distance - kth - margin) / span : kInfinity;
  }

  // Candidates farther than this neither enter the pool nor are expanded. kth: distance of the k-th best so far,
  // infinity while there are fewer.
  [[nodiscard]] float bound(float kth) const {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (kth == kInfinity || slack == kInfinity) {
      return kInfinity;
    }
    const float span = kth - floor;  // Codes may put the k-th below the floor.
    return kth + margin + (span > 0 ? slack * span : 0.0F);
  }
};

}  // namespace vibrato::hnsw
