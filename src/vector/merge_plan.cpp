#include "vector/merge_plan.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace vibrato::vector {
namespace {

using Positions = std::vector<std::size_t>;

std::uint32_t tier_of(std::uint64_t alive, const MergePolicy& policy) {
  std::uint32_t tier = 0;
  const std::uint64_t width = std::max(policy.width, 2U);
  for (std::uint64_t size = alive / std::max<std::uint64_t>(policy.smallest_tier, 1); size > 0; size /= width) {
    ++tier;
  }
  return tier;
}

Positions sorted_by_size(std::span<const PartSize> parts) {
  Positions positions(parts.size());
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  std::stable_sort(positions.begin(), positions.end(),
                   [&](std::size_t a, std::size_t b) { return parts[a].alive() < parts[b].alive(); });
  return positions;
}

// The first of `positions`, smallest first, that fit together; nothing if that is one alone.
Positions fitting(std::span<const PartSize> parts, const Positions& positions, const MergePolicy& policy,
                  bool bound_bytes) {
  Positions taken;
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  for (const std::size_t position : positions) {
    bytes += parts[position].bytes;
    rows += parts[position].alive();
    if ((bound_bytes && bytes > policy.bytes_max) || rows > policy.rows_max) {
      break;
    }
    taken.push_back(position);
  }
  return taken.size() > 1 ? taken : Positions();
}

Positions without_living_rows(std::span<const PartSize> parts) {
  Positions dead;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].alive() == 0) {
      dead.push_back(i);
    }
  }
  return dead;
}

double dead_share(const PartSize& part) {
  return part.rows == 0 ? 0.0 : static_cast<double>(part.dead) / static_cast<double>(part.rows);
}

Positions most_dead(std::span<const PartSize> parts, const MergePolicy& policy) {
  const auto worst = std::max_element(
      parts.begin(), parts.end(), [](const PartSize& a, const PartSize& b) { return dead_share(a) < dead_share(b); });
  if (worst == parts.end() || dead_share(*worst) <= policy.tombstone_ratio) {
    return {};
  }
  return {static_cast<std::size_t>(worst - parts.begin())};
}

Positions full_tier(std::span<const PartSize> parts, const MergePolicy& policy) {
  std::map<std::uint32_t, Positions> tiers;
  for (const std::size_t position : sorted_by_size(parts)) {
    tiers[tier_of(parts[position].alive(), policy)].push_back(position);
  }
  for (const auto& [tier, positions] : tiers) {
    if (positions.size() >= std::max(policy.width, 2U)) {
      if (Positions taken = fitting(parts, positions, policy, true); !taken.empty()) {
        return taken;
      }
    }
  }
  return {};
}

// The smallest parts, as long as each is no more than `width` times those before it together.
Positions settling(std::span<const PartSize> parts, const MergePolicy& policy) {
  Positions together;
  std::uint64_t before = 0;
  for (const std::size_t position : sorted_by_size(parts)) {
    const std::uint64_t alive = parts[position].alive();
    if (!together.empty() && alive > std::max(policy.smallest_tier, before * policy.width)) {
      break;
    }
    together.push_back(position);
    before += alive;
  }
  return fitting(parts, together, policy, true);
}

}  // namespace

std::vector<std::size_t> plan_merge(std::span<const PartSize> parts, const MergePolicy& policy, bool is_idle) {
  Positions due = without_living_rows(parts);
  if (due.empty()) {
    due = most_dead(parts, policy);
  }
  if (due.empty()) {
    due = full_tier(parts, policy);
  }
  if (due.empty() && is_idle) {
    due = settling(parts, policy);
  }
  return due;
}

std::vector<std::size_t> plan_full_merge(std::span<const PartSize> parts, const MergePolicy& policy) {
  if (parts.size() == 1) {
    return parts.front().dead > 0 ? Positions{0} : Positions();
  }
  if (Positions all = fitting(parts, sorted_by_size(parts), policy, false); !all.empty()) {
    return all;
  }
  MergePolicy any_dead = policy;
  any_dead.tombstone_ratio = 0;
  return most_dead(parts, any_dead);
}

}  // namespace vibrato::vector
