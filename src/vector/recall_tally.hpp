// Adds up what the walks of a calibration told (hnsw/walk_probe.hpp), and chooses for each recall target the pair of
// slack and reach that reaches it at the least cost,
// or nearly. For calibrate.hpp.
//
// Under a pair (slack, reach) a walk takes the candidates that need no more of either. So the share of the wanted rows
// that it finds is that of the rows whose two needs are both met, and its cost that of the candidates whose are: tables
// over the grids of both, summed up along both.
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

  // A walk that wanted the rows of `truth`.
  void add(const hnsw::WalkProbe& probe, const TrueRows& truth);
  // Of a walk that went to the end, and computed so many distances in all.
  void add_cost(const hnsw::WalkProbe& probe, std::uint32_t distances);

  // One point a target, slack and reach never falling. Where no pair reaches a target it is the widest one.
  // targets: ascending.
  [[nodiscard]] std::vector<format::CalibratedPoint> points(std::span<const float> targets) const;

 private:
  // By pair, [reach][slack]; summed up: of all pairs that are not above it in either.
  using Table = std::vector<std::uint32_t>;
  struct Tables {
    Table met;  // Wanted rows that were met.
    Table distances;
    Table taken;  // Candidates.
  };
  struct Choice {
    std::size_t slack = 0;  // Positions in the grids.
    std::size_t reach = 0;
    double recall = 0;
    double distances = 0;
    double expanded = 0;
  };

  [[nodiscard]] double margin_of(double target) const;
  [[nodiscard]] Choice measured(const Tables& sums, std::size_t slack, std::size_t reach) const;
  [[nodiscard]] bool choose(const Tables& sums, double target, const Choice& most, Choice& best) const;

  std::size_t k_index_;
  std::uint64_t walks_ = 0;
  std::uint64_t wanted_ = 0;
  std::uint64_t cost_walks_ = 0;
  std::uint64_t always_ = 0;  // Distances that those walks compute under any pair.
  Tables tables_;
};

}  // namespace vibrato::vector
