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
  taken_.assign(1, {});
  batch_ends_.clear();
  kth_.fill(CandidatePool::kInfinity);
  to_the_end_ = to_the_end;
}

bool WalkProbe::begin_step(const CandidatePool& pool, const CandidatePool& results, const StopRule& rule,
                           std::size_t expand) {
  next_.resize(expand);
  const std::size_t count = pool.peek_next(expand, next_.data());
  if (count == 0 || (!to_the_end_ && found_.size() == wanted_.size())) {
    return false;
  }
  rule_ = rule;
  for (std::size_t k = 0; k < kProbedKs.size(); ++k) {
    kth_[k] = results.kth(kProbedKs[k]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    Taken taken{need_of(next_[i].distance, met_behind_[next_[i].id]), 0};
    const std::size_t rank = results.nearer(next_[i].distance) + 1;
    taken.need.reach = std::max(taken.need.reach, static_cast<std::uint32_t>(rank));
    taken_.push_back(taken);
  }
  batch_ends_.clear();
  return true;
}

// What lies beyond the bound is neither kept nor taken.
WalkProbe::Need WalkProbe::need_of(float distance, std::uint32_t behind) const {
  Need need = taken_[behind].need;
  for (std::size_t k = 0; k < kProbedKs.size(); ++k) {
    need.slack[k] = std::max(need.slack[k], rule_.needed(distance, kth_[k]));
  }
  return need;
}

void WalkProbe::see(const std::uint32_t* rows, const float* distances, std::size_t count) {
  VIBRATO_CHECK(batch_ends_.size() < taken_.size() && (batch_ends_.empty() || batch_ends_.back() == count));
  std::size_t i = 0;
  auto behind = static_cast<std::uint32_t>(taken_.size() - batch_ends_.size());
  for (const std::size_t end : batch_ends_) {
    taken_[behind].distances = static_cast<std::uint32_t>(end - i);
    for (; i < end; ++i) {
      see_one(rows[i], distances[i], behind);
    }
    ++behind;
  }
  if (batch_ends_.empty()) {
    taken_[0].distances += static_cast<std::uint32_t>(count);
    for (; i < count; ++i) {
      see_one(rows[i], distances[i], 0);
    }
  }
}

void WalkProbe::see_one(std::uint32_t row, float distance, std::uint32_t behind) {
  met_behind_[row] = behind;
  if (rank_of_row_[row] != kNotWanted) {
    found_.push_back({rank_of_row_[row], need_of(distance, behind)});
  }
}

}  // namespace vibrato::hnsw
