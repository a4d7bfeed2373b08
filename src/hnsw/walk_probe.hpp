// What a walk that nothing stops tells of all stop rules at once: the walk under a rule is its beginning.
//
// A walk takes the best candidate left, again and again, and a rule (stop_rule.hpp) ends it at the first one that needs
// more slack, or more reach, than there is. Both needs only rise along the walk if the highest so far is counted, so
// each wanted row that is met gets one pair: with which slack and which reach a walk would have gone as far. For
// calibrations (calibration.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "hnsw/candidate_pool.hpp"
#include "hnsw/stop_rule.hpp"

namespace vibrato::hnsw {

// The k whose k-th distance the slack may go by.
inline constexpr std::array<std::uint32_t, 5> kProbedKs = {1, 3, 10, 30, 100};

// Thread-safety: one walk at a time.
class WalkProbe {
 public:
  using Slacks = std::array<float, kProbedKs.size()>;  // By the k of kProbedKs.

  // Before a step of the walk.
  struct Step {
    Slacks slack = {};
    std::uint32_t reach = 0;
    std::uint32_t distances = 0;  // That the walk had computed.
    std::uint32_t expanded = 0;   // Candidates that it had taken.
  };
  // A wanted row that was met, and what it takes to meet it.
  struct Found {
    std::uint32_t rank = 0;
    std::uint32_t reach = 0;
    Slacks slack = {};
  };

  explicit WalkProbe(std::uint32_t row_count) : rank_of_row_(row_count, kNotWanted) {}

  // Wants these rows, nearest first, of the next walk. `to_the_end`: it goes on when it has met them all, so that its
  // steps tell what any rule costs. Requires: at most kWantedMax rows, each below row_count.
  static constexpr std::size_t kWantedMax = 1000;
  void want(std::span<const std::uint32_t> rows, bool to_the_end);

  // ---- For walks ----
  // `next`: distance of the best candidate left; `results`: what the k-th distance is taken from. False ends the walk.
  [[nodiscard]] bool begin_step(float next, const CandidatePool& results, const StopRule& rule, std::uint32_t distances,
                                std::uint32_t expanded);
  // Rows that a step has met.
  void see(const std::uint32_t* rows, const float* distances, std::size_t count);

  // ---- After a walk ----
  [[nodiscard]] const std::vector<Found>& found() const { return found_; }
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

 private:
  static constexpr std::uint16_t kNotWanted = std::numeric_limits<std::uint16_t>::max();

  std::vector<std::uint16_t> rank_of_row_;
  std::vector<std::uint32_t> wanted_;
  std::vector<Found> found_;
  std::vector<Step> steps_;
  Step now_;
  Slacks kth_ = {};
  StopRule rule_;
  bool to_the_end_ = false;
};

}  // namespace vibrato::hnsw
