// What a walk that nothing stops tells of all stop rules at once: about the walk under a rule is its beginning.
//
// A step takes the few best candidates left, and a rule (stop_rule.hpp) leaves those of them aside that need more
// slack, or more reach, than there is. What a candidate needs is the highest need on the way to it: its own, and that
// of the candidate in whose list it was met. So each wanted row that is met gets a pair: with which slack and which
// reach a walk would have gone as far. With one candidate a step that is exact. With more, what candidates that a rule
// leaves aside have found makes the others seem to need a little more than they do, most for small k.
// For calibrations (calibration.hpp).
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

  struct Need {
    Slacks slack = {};
    std::uint32_t reach = 1;
  };
  // A candidate that the walk took. The first is none: it stands for where the walk began.
  struct Taken {
    Need need;
    std::uint32_t distances = 0;  // Computed on behalf of it: to rows that were not met before.
  };
  // A wanted row that was met, and what it takes to meet it.
  struct Found {
    std::uint32_t rank = 0;
    Need need;
  };

  explicit WalkProbe(std::uint32_t row_count) : rank_of_row_(row_count, kNotWanted), met_behind_(row_count) {}

  // Wants these rows, nearest first, of the next walk. `to_the_end`: it goes on when it has met them all, so that what
  // it takes tells what any rule costs. Requires: at most kWantedMax rows, each below row_count.
  static constexpr std::size_t kWantedMax = 1000;
  void want(std::span<const std::uint32_t> rows, bool to_the_end);

  // ---- For walks ----
  // Before a step that takes up to `expand` candidates from `pool`, all that are left if there are fewer; `results`:
  // what the k-th distance and the rank of a candidate are taken from. False ends the walk.
  [[nodiscard]] bool begin_step(const CandidatePool& pool, const CandidatePool& results, const StopRule& rule,
                                std::size_t expand);
  // After the list of each candidate of a step, in turn: how many rows the step has to score so far.
  void end_candidate(std::size_t batch_size) { batch_ends_.push_back(batch_size); }
  // Rows that a step, or the beginning, has met.
  void see(const std::uint32_t* rows, const float* distances, std::size_t count);

  // ---- After a walk ----
  [[nodiscard]] const std::vector<Found>& found() const { return found_; }
  [[nodiscard]] const std::vector<Taken>& taken() const { return taken_; }

 private:
  static constexpr std::uint16_t kNotWanted = std::numeric_limits<std::uint16_t>::max();

  void see_one(std::uint32_t row, float distance, std::uint32_t behind);
  [[nodiscard]] Need need_of(float distance, std::uint32_t behind) const;

  std::vector<std::uint16_t> rank_of_row_;
  std::vector<std::uint32_t> met_behind_;  // By row: which of taken_. What was not met in this walk is never read.
  std::vector<std::uint32_t> wanted_;
  std::vector<Found> found_;
  std::vector<Taken> taken_;
  std::vector<std::size_t> batch_ends_;  // Of the candidates of this step, which are the last of taken_.
  std::vector<CandidatePool::Next> next_;
  Slacks kth_ = {};
  StopRule rule_;
  bool to_the_end_ = false;
};

}  // namespace vibrato::hnsw
