// The walk down the upper levels: from the entry point, always to the nearest neighbour, to a good start on a level.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/limits.hpp"
#include "hnsw/beam_search.hpp"

namespace vibrato::hnsw {

struct Start {
  std::uint32_t row = kNoNeighbour;
  std::uint32_t upper = kNoNeighbour;
  float distance = 0;
  float entry_distance = 0;  // Of the entry point itself.
};

// Greedy search from `entry` through all levels above `target_level`. Requires: entry.row != kNoNeighbour.
// Ends for damaged graphs too: each step strictly decreases the distance.
inline Start descend(const GraphView& graph, const EntryPoint& entry, std::uint32_t target_level,
                     const WalkScorer& scorer, BeamStats& stats) {
  Start best{entry.row, entry.upper, 0, 0};
  scorer.score(&best.row, 1, &best.distance);
  if (std::isnan(best.distance)) {
    best.distance = std::numeric_limits<float>::infinity();  // A row that overflows f32: all others are nearer.
  }
  best.entry_distance = best.distance;
  ++stats.distances;

  std::array<std::uint32_t, limits::kGraphMMax> ids;
  std::array<std::uint32_t, limits::kGraphMMax> rows;
  std::array<float, limits::kGraphMMax> distances;
  for (std::uint32_t level = entry.level; level > target_level; --level) {
    for (bool improved = true; improved;) {
      improved = false;
      const std::uint32_t* list = graph.upper_list(best.upper, level);
      std::size_t count = 0;
      for (std::uint32_t i = 0; list != nullptr && i < graph.m; ++i) {
        const std::uint32_t id = load_slot(list + i);
        if (id >= graph.upper_count || graph.upper_rows[id] >= graph.row_count) {
          break;
        }
        ids[count] = id;
        rows[count++] = graph.upper_rows[id];
        scorer.prefetch(graph.upper_rows[id]);
      }
      scorer.score(rows.data(), count, distances.data());
      stats.distances += static_cast<std::uint32_t>(count);
      for (std::size_t i = 0; i < count; ++i) {
        if (distances[i] < best.distance) {
          best = {rows[i], ids[i], distances[i], best.entry_distance};
          improved = true;
        }
      }
    }
  }
  return best;
}

}  // namespace vibrato::hnsw
