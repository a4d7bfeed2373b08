// Checks every promise that a graph makes, and counts what it holds: for `verify`, `stats` and the tests.
//
// The searcher needs none of this to be safe, as it bounds-checks each edge it follows; a graph that fails here
// answers worse than it should. Total on damaged graphs: memory is bounded by five bytes a row, every index is checked
// before it is used, and the work is O(edges).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "format/graph.hpp"

namespace vibrato::hnsw {

struct LevelReport {
  std::uint64_t rows = 0;   // That have this level: a row of level 2 counts on levels 0, 1 and 2.
  std::uint64_t edges = 0;  // Directed.
  std::uint32_t degree_min = 0;
  std::uint32_t degree_max = 0;

  [[nodiscard]] double degree_mean() const {
    return rows == 0 ? 0.0 : static_cast<double>(edges) / static_cast<double>(rows);
  }
};

struct GraphReport {
  std::vector<LevelReport> levels;  // [max_level + 1]; none for an empty graph.
};

struct ValidateOptions {
  std::string file = "graph";  // For messages.
  // Called now and then with steps done so far.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

// Checks, in this order:
//   the header's fields and that arrays are there;
//   upper_rows ascend and lie below row_count; upper_offsets start with 0, give each upper row at least one level and
//   end with upper_list_count;
//   the entry point is a row of the highest level;
//   each list names rows of its level (below row_count; on upper levels, upper indexes that have that level), neither
//   its own row nor any row twice, and nothing behind its end;
//   every row is reached from the entry row by links of level 0 alone.
// `graph` must point at arrays as long as its counts say (parse_graph_section sees to it), and nobody may change it
// meanwhile. Errors: kCorruption, naming the row, the level and what is wrong with it.
[[nodiscard]] Result<GraphReport> validate_graph(const format::GraphView& graph, const ValidateOptions& options = {});

}  // namespace vibrato::hnsw
