// Adds up what the walks of a calibration told (hnsw/walk_probe.hpp), and chooses for each recall target the pair of
// slack and reach that reaches it at the least cost,
// or nearly. For calibrate.hpp.
//
// A pair (slack, reach) ends a walk at the first step that needs more of either. So the share of the wanted rows that
// it finds is that of the rows whose two needs are both met: a table over the grids of both, summed up along both.
// Slack alone serves data in clusters best, reach alone data where the nearest row is next to nothing away; together
// they are never worse than the better one.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "format/calibration.hpp"
#include "hnsw/walk_probe.hpp"
#include "vector/recall_truth.hpp"

namespace vibrato::vector {

// The widest reach that a calibration tries: the pool of its walks.
inline constexpr std::uint32_t kCalibratedReachMax = 2048;

// Of one k. Thread-safety: one thread.
class RecallTally {
 public:
  // `k_index`: of hnsw::kProbedKs.
  explicit RecallTally(std::size_t k_index);

  // A walk that wanted the rows of `truth`. `cost`: it went to the end, so that its steps count as well; the walk as a
  // whole computed `distances` and took `expanded` candidates.
  void add(const hnsw::WalkProbe& probe, const TrueRows& truth);
  void add_cost(const hnsw::WalkProbe& probe, std::uint32_t distances, std::uint32_t expanded);

  // One point a target, slack and reach never falling. Where no pair reaches a target it is the widest one.
  // targets: ascending.
  [[nodiscard]] std::vector<format::CalibratedPoint> points(std::span<const float> targets) const;

 private:
  struct Choice {
    std::size_t slack = 0;  // Positions in the grids.
    std::size_t reach = 0;
    double recall = 0;
    double distances = 0;
    double expanded = 0;
  };
  // What one walk costs under any pair: the step at which each slack, and each reach, ends it.
  struct Cost {
    std::vector<std::uint32_t> end_of_slack;
    std::vector<std::uint32_t> end_of_reach;
    std::vector<std::uint32_t> distances;  // By step; one more for the whole walk.
    std::vector<std::uint32_t> expanded;
  };

  [[nodiscard]] std::vector<std::uint64_t> summed() const;
  [[nodiscard]] double margin_of(double target) const;
  [[nodiscard]] bool choose(std::span<const std::uint64_t> found, double target, const Choice& most,
                            Choice& best) const;
  void measure(Choice& choice) const;

  std::size_t k_index_;
  std::uint64_t walks_ = 0;
  std::uint64_t wanted_ = 0;
  std::vector<std::uint64_t> met_;  // [reach][slack]: rows whose needs are in that cell.
  std::vector<Cost> costs_;
};

}  // namespace vibrato::vector
