#include "hnsw/walk_probe.hpp"

#include <algorithm>
#include <vibrato/check.hpp>

namespace vibrato::hnsw {

void WalkProbe::want(std::span<const std::uint32_t> rows, bool to_the_end) {
  VIBRATO_CHECK(rows.size() <= kWantedMax);
  for (const std::uint32_t row : wanted_) {
    rank_of_row_[row] = kNotWanted;
  }
  wanted_.assign(rows.begin(), rows.end());
  for (std::size_t rank = 0; rank < rows.size(); ++rank) {
    VIBRATO_CHECK(rows[rank] < rank_of_row_.size());
    rank_of_row_[rows[rank]] = static_cast<std::uint16_t>(rank);
  }
  found_.clear();
  steps_.clear();
  now_ = {};
  kth_.fill(CandidatePool::kInfinity);
  to_the_end_ = to_the_end;
}

bool WalkProbe::begin_step(float next, const CandidatePool& results, const StopRule& rule, std::uint32_t distances,
                           std::uint32_t expanded) {
  if (next == CandidatePool::kInfinity || (!to_the_end_ && found_.size() == wanted_.size())) {
    return false;
  }
  rule_ = rule;
  for (std::size_t i = 0; i < kProbedKs.size(); ++i) {
    kth_[i] = results.kth(kProbedKs[i]);
    now_.slack[i] = std::max(now_.slack[i], rule.needed(next, kth_[i]));
  }
  now_.reach = std::max(now_.reach, static_cast<std::uint32_t>(results.nearer(next)) + 1);
  now_.distances = distances;
  now_.expanded = expanded;
  steps_.push_back(now_);
  return true;
}

void WalkProbe::see(const std::uint32_t* rows, const float* distances, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint16_t rank = rank_of_row_[rows[i]];
    if (rank == kNotWanted) {
      continue;
    }
    Found found{rank, std::max(now_.reach, 1U), now_.slack};
    for (std::size_t k = 0; k < kProbedKs.size(); ++k) {
      // What lies beyond the bound is not kept.
      found.slack[k] = std::max(found.slack[k], rule_.needed(distances[i], kth_[k]));
    }
    found_.push_back(found);
  }
}

}  // namespace vibrato::hnsw
