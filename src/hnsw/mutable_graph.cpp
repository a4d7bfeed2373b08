#include "hnsw/mutable_graph.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vibrato/check.hpp>

#include "base/limits.hpp"

namespace vibrato::hnsw {
namespace {

// A uniform number in (0, 1] that depends on seed and row alone (finaliser of MurmurHash3 over both).
double uniform_of(std::uint64_t seed, std::uint32_t row) {
  std::uint64_t z = seed * 0x9e3779b97f4a7c15ull + (std::uint64_t{row} + 1) * 0xd1b54a32d192ed03ull;
  z = (z ^ (z >> 33)) * 0xff51afd7ed558ccdull;
  z = (z ^ (z >> 33)) * 0xc4ceb9fe1a85ec53ull;
  z ^= z >> 33;
  return (static_cast<double>(z >> 11) + 1.0) * 0x1.0p-53;
}

double level_factor(const GraphParams& params) {
  return 1.0 / std::log(static_cast<double>(params.m));
}

std::uint32_t level_drawn(std::uint64_t seed, std::uint32_t row, double factor) {
  const double level = -std::log(uniform_of(seed, row)) * factor;
  return std::min(static_cast<std::uint32_t>(level), MutableGraph::kLevelMax);
}

constexpr std::uint64_t pack_entry(std::uint32_t row, std::uint32_t upper) {
  return std::uint64_t{row} << 32 | upper;
}

// Copies a list up to its end, or up to the first id that is no member of its level.
template <typename IsMember>
void copy_list(const std::uint32_t* from, std::uint32_t length, const IsMember& is_member, std::uint32_t* to) {
  std::uint32_t i = 0;
  for (; i < length && is_member(from[i]); ++i) {
    to[i] = from[i];
  }
  std::fill(to + i, to + length, kNoNeighbour);
}

}  // namespace

Result<std::unique_ptr<MutableGraph>> MutableGraph::create(std::uint32_t capacity, const GraphParams& params) {
  return create_with_levels(capacity, params, {});
}

Result<std::unique_ptr<MutableGraph>> MutableGraph::create_with_levels(std::uint32_t capacity,
                                                                       const GraphParams& params,
                                                                       std::span<const std::uint8_t> levels) {
  VIBRATO_CHECK(levels.size() <= capacity);
  if (params.m < limits::kGraphMMin || params.m > limits::kGraphMMax) {
    return invalid_argument("m must be between " + std::to_string(limits::kGraphMMin) + " and " +
                            std::to_string(limits::kGraphMMax) + ", not " + std::to_string(params.m));
  }
  if (params.ef_construction == 0 || params.ef_construction > limits::kEfConstructionMax) {
    return invalid_argument("ef_construction must be between 1 and " + std::to_string(limits::kEfConstructionMax) +
                            ", not " + std::to_string(params.ef_construction));
  }
  if (capacity > limits::kRowsPerSegmentMax) {
    return invalid_argument("a segment holds at most " + std::to_string(limits::kRowsPerSegmentMax) + " rows, not " +
                            std::to_string(capacity));
  }
  std::unique_ptr<MutableGraph> graph(new MutableGraph(capacity, params));
  graph->lay_out_upper_rows(levels);
  VIBRATO_ASSIGN_OR_RETURN(graph->level0_, LargeBuffer::reserve(std::size_t{capacity} * graph->m0_ * 4));
  const std::size_t lists = graph->upper_offsets_.back();
  VIBRATO_ASSIGN_OR_RETURN(graph->upper_lists_, LargeBuffer::reserve(lists * params.m * 4));
  return graph;
}

Result<std::unique_ptr<MutableGraph>> MutableGraph::create_from(const GraphView& stored, std::uint32_t capacity,
                                                                const GraphParams& params) {
  VIBRATO_CHECK(capacity >= stored.row_count);
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<MutableGraph> graph, create(capacity, params));
  if (!graph->has_levels_of(stored)) {
    return invalid_argument("the stored graph was not made with m " + std::to_string(params.m) + " and seed " +
                            std::to_string(params.seed));
  }
  for (std::uint32_t row = 0; row < stored.row_count; ++row) {
    const auto is_row = [&](std::uint32_t id) { return id < stored.row_count; };
    copy_list(stored.block(row), stored.m0, is_row, graph->block(row));
  }
  for (std::uint32_t u = 0; u < stored.upper_count; ++u) {
    for (std::uint32_t level = 1; level <= graph->level_of_upper(u); ++level) {
      // An insert writes to the lists of what it finds on a level, so all that is found there must have some.
      const auto has_level = [&](std::uint32_t id) {
        return id < stored.upper_count && graph->level_of_upper(id) >= level;
      };
      copy_list(stored.upper_list(u, level), stored.m, has_level, graph->upper_list(u, level));
    }
  }
  if (stored.entry_row < stored.row_count) {
    graph->entry_.store(pack_entry(stored.entry_row, graph->upper_of(stored.entry_row)), std::memory_order_release);
  }
  return graph;
}

bool MutableGraph::has_levels_of(const GraphView& stored) const {
  const GraphView same = view(stored.row_count);
  const std::size_t upper = same.upper_count;
  return stored.m == params_.m && stored.m0 == m0_ && stored.upper_count == upper &&
         stored.upper_list_count == same.upper_list_count &&
         std::equal(same.upper_rows, same.upper_rows + upper, stored.upper_rows) &&
         std::equal(same.upper_offsets, same.upper_offsets + upper, stored.upper_offsets);
}

MutableGraph::MutableGraph(std::uint32_t capacity, const GraphParams& params)
    : capacity_(capacity),
      params_(params),
      m0_(params.m0()),
      locks_(std::make_unique<std::atomic_flag[]>(capacity)),
      entry_(pack_entry(kNoNeighbour, kNoNeighbour)) {}

void MutableGraph::lay_out_upper_rows(std::span<const std::uint8_t> levels) {
  const double factor = level_factor(params_);
  upper_offsets_.push_back(0);
  for (std::uint32_t row = 0; row < capacity_; ++row) {
    const std::uint32_t level =
        row < levels.size() ? std::min<std::uint32_t>(levels[row], kLevelMax) : level_drawn(params_.seed, row, factor);
    if (level > 0) {
      upper_rows_.push_back(row);
      upper_offsets_.push_back(upper_offsets_.back() + level);
    }
  }
}

std::uint32_t MutableGraph::draw_level(const GraphParams& params, std::uint32_t row) {
  return level_drawn(params.seed, row, level_factor(params));
}

std::uint32_t MutableGraph::level_of(std::uint32_t row) const {
  const std::uint32_t upper = upper_of(row);
  return upper == kNoNeighbour ? 0 : level_of_upper(upper);
}

std::uint32_t MutableGraph::upper_of(std::uint32_t row) const {
  const auto it = std::lower_bound(upper_rows_.begin(), upper_rows_.end(), row);
  return it != upper_rows_.end() && *it == row ? static_cast<std::uint32_t>(it - upper_rows_.begin()) : kNoNeighbour;
}

void MutableGraph::clear_row(std::uint32_t row) {
  std::fill_n(block(row), m0_, kNoNeighbour);
  const std::uint32_t u = upper_of(row);
  if (u == kNoNeighbour) {
    return;
  }
  std::fill_n(upper_list(u, 1), std::size_t{level_of_upper(u)} * params_.m, kNoNeighbour);
}

EntryPoint MutableGraph::entry() const {
  const std::uint64_t packed = entry_.load(std::memory_order_acquire);
  EntryPoint entry;
  entry.row = static_cast<std::uint32_t>(packed >> 32);
  entry.upper = static_cast<std::uint32_t>(packed);
  if (entry.upper != kNoNeighbour) {
    entry.level = level_of_upper(entry.upper);
  }
  return entry;
}

void MutableGraph::raise_entry(std::uint32_t row) {
  const EntryPoint now = entry();
  if (now.row == kNoNeighbour || level_of(row) > now.level) {
    entry_.store(pack_entry(row, upper_of(row)), std::memory_order_release);
  }
}

void MutableGraph::lock_row(std::uint32_t row) {
  // Held for a few hundred nanoseconds at most; a holder that lost its core makes the waiters give theirs up.
  for (std::uint32_t spins = 0; locks_[row].test_and_set(std::memory_order_acquire); ++spins) {
    if (spins % 64 == 63) {
      std::this_thread::yield();
    }
  }
}

GraphView MutableGraph::view(std::uint32_t row_count) const {
  const EntryPoint start = entry();
  GraphView view;
  view.row_count = row_count;
  view.m = params_.m;
  view.m0 = m0_;
  view.ef_construction = params_.ef_construction;
  view.entry_row = start.row;
  view.entry_upper = start.upper;
  view.max_level = start.level;
  view.upper_count = static_cast<std::uint32_t>(std::lower_bound(upper_rows_.begin(), upper_rows_.end(), row_count) -
                                                upper_rows_.begin());
  view.upper_list_count = upper_offsets_[view.upper_count];
  view.level0 = level0_.as<std::uint32_t>();
  view.upper_rows = upper_rows_.data();
  view.upper_offsets = upper_offsets_.data();
  view.upper_lists = upper_lists_.as<std::uint32_t>();
  return view;
}

std::size_t MutableGraph::memory_bytes(std::uint32_t row_count) const {
  const std::size_t blocks = std::size_t{row_count} * (m0_ * sizeof(std::uint32_t) + 1);
  const std::size_t lists = std::size_t{upper_offsets_.back()} * params_.m * sizeof(std::uint32_t);
  return blocks + lists + (upper_rows_.size() + upper_offsets_.size()) * sizeof(std::uint32_t);
}

}  // namespace vibrato::hnsw
