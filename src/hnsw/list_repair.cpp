#include "hnsw/list_repair.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vibrato::hnsw {

std::size_t ListRepair::gather(const OldLevel& level, std::uint32_t id) {
  const std::uint32_t length = level.list_length();
  const std::uint32_t* list = level.list(id);
  seen_.reset(level.id_count());
  seen_.reserve_step(std::size_t{length} * (length + 1) + 1);
  seen_.insert(id);
  kept_.clear();
  lost_.clear();
  for (std::uint32_t i = 0; list != nullptr && i < length && level.is_member(list[i]); ++i) {
    if (!level.stays(list[i])) {
      lost_.push_back(list[i]);
    } else if (seen_.insert(list[i])) {
      kept_.push_back(list[i]);
    }
  }
  const std::size_t before = seen_.size();
  for (const std::uint32_t lost : lost_) {
    const std::uint32_t* behind = level.list(lost);
    for (std::uint32_t j = 0; behind != nullptr && j < length && level.is_member(behind[j]); ++j) {
      if (level.stays(behind[j])) {
        seen_.insert(behind[j]);
      }
    }
  }
  fresh_.assign(seen_.seen() + before, seen_.seen() + seen_.size());
  return kept_.size() + lost_.size();
}

bool ListRepair::is_lonely(const OldLevel& level, std::uint32_t id, std::size_t enough) {
  const std::uint32_t* list = level.list(id);
  std::size_t members = 0;
  std::size_t staying = 0;
  for (std::uint32_t i = 0; list != nullptr && i < level.list_length() && level.is_member(list[i]); ++i) {
    ++members;
    staying += level.stays(list[i]) ? 1 : 0;
  }
  const std::size_t needed = std::max<std::size_t>(1, std::min(enough, members));
  if (staying >= needed) {
    return false;
  }
  return count_choices(level, id, needed) < needed;
}

// A few rows are soon found, mostly behind the first members that went.
std::size_t ListRepair::count_choices(const OldLevel& level, std::uint32_t id, std::size_t enough) {
  fresh_.clear();
  const std::uint32_t* list = level.list(id);
  const auto count = [&](std::uint32_t choice) {
    if (level.stays(choice) && choice != id && std::find(fresh_.begin(), fresh_.end(), choice) == fresh_.end()) {
      fresh_.push_back(choice);
    }
  };
  for (std::uint32_t i = 0;
       list != nullptr && i < level.list_length() && level.is_member(list[i]) && fresh_.size() < enough; ++i) {
    count(list[i]);
    const std::uint32_t* behind = level.stays(list[i]) ? nullptr : level.list(list[i]);
    for (std::uint32_t j = 0; behind != nullptr && j < level.list_length() && level.is_member(behind[j]); ++j) {
      count(behind[j]);
    }
  }
  return fresh_.size();
}

void ListRepair::measure(const OldLevel& level, std::uint32_t owner_row, std::span<const std::uint32_t> ids,
                         std::size_t wanted, std::vector<Candidate>& out) {
  out.clear();
  selection_.rows.clear();
  for (const std::uint32_t id : ids) {
    selection_.rows.push_back(level.new_row(id));
    out.push_back({level.new_ids[id], selection_.rows.back(), 0});
  }
  selection_.distances.resize(ids.size());
  pairs_.from(owner_row).score(selection_.rows.data(), ids.size(), selection_.distances.data());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const float distance = selection_.distances[i];
    // Sorting needs an order: what overflows f32 into no number counts as the farthest.
    out[i].distance = std::isnan(distance) ? std::numeric_limits<float>::infinity() : distance;
  }
  const std::size_t sorted = std::min(out.size(), wanted);
  std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(sorted), out.end(), nearer);
  out.resize(sorted);
}

void ListRepair::add_diverse(std::size_t wanted) {
  selection_.rows.clear();
  for (const Candidate& kept : chosen_) {
    selection_.rows.push_back(kept.row);
  }
  for (std::size_t i = 0; i < candidates_.size() && chosen_.size() < wanted; ++i) {
    const Candidate& candidate = candidates_[i];
    selection_.distances.resize(selection_.rows.size());
    pairs_.from(candidate.row).score(selection_.rows.data(), selection_.rows.size(), selection_.distances.data());
    const bool diverse = std::all_of(selection_.distances.begin(), selection_.distances.end(),
                                     [&](float distance) { return distance >= candidate.distance; });
    if (diverse) {
      chosen_.push_back(candidate);
      selection_.rows.push_back(candidate.row);
    }
  }
  std::sort(chosen_.begin(), chosen_.end(), nearer);
}

void ListRepair::store(const OldLevel& level, std::uint32_t* out) {
  for (std::size_t i = 0; i < level.list_length(); ++i) {
    store_slot(out + i, i < chosen_.size() ? chosen_[i].id : kNoNeighbour);
  }
}

std::uint32_t ListRepair::write(const OldLevel& level, std::uint32_t id, std::uint32_t* out) {
  const std::size_t members = gather(level, id);
  if (lost_.empty()) {
    // Nothing went: the order of the list stays too.
    for (std::size_t i = 0; i < level.list_length(); ++i) {
      store_slot(out + i, i < kept_.size() ? level.new_ids[kept_[i]] : kNoNeighbour);
    }
    return 0;
  }
  const std::uint32_t owner_row = level.new_row(id);
  measure(level, owner_row, kept_, kept_.size(), chosen_);
  // Of many candidates, those behind the nearest hardly ever get in.
  measure(level, owner_row, fresh_, level.list_length(), candidates_);
  add_diverse(members);
  store(level, out);
  return static_cast<std::uint32_t>(members - chosen_.size());
}

void ListRepair::write_among(const OldLevel& level, std::uint32_t id, std::span<const std::uint32_t> members,
                             std::uint32_t* out) {
  fresh_.assign(members.begin(), members.end());
  std::erase(fresh_, id);
  chosen_.clear();
  measure(level, level.new_row(id), fresh_, fresh_.size(), candidates_);
  add_diverse(level.list_length());
  store(level, out);
}

}  // namespace vibrato::hnsw
