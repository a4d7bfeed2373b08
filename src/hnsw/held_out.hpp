// A graph as it would be without some of its rows: what they are searched in when they stand for queries that are no
// rows. Passing over them in the graph as it is finds less than a search for a real query does, as the lists around
// them were made with them; going through them finds more. So the lists that name them are repaired, as when rows are
// deleted (graph_merge.hpp). For calibrations.
#pragma once

#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "base/large_buffer.hpp"
#include "hnsw/mutable_graph.hpp"
#include "hnsw/row_space.hpp"

namespace vibrato::hnsw {

// Immutable. Row numbers are those of the whole graph; no list of level 0 names a row that is held out.
class HeldOutGraph {
 public:
  // Borrows `graph`. Rows that stand on upper levels must not be held out (sample_rows draws none). Requires: rows
  // ascending, each below graph.row_count; space has codes that are scalar, or vectors. Errors: kUnavailable (no
  // memory).
  [[nodiscard]] static Result<HeldOutGraph> make(const simd::Kernels& kernels, const RowSpace& space,
                                                 const GraphView& graph, std::span<const std::uint32_t> rows);

  [[nodiscard]] const GraphView& view() const { return view_; }

 private:
  HeldOutGraph(LargeBuffer lists, const GraphView& view);

  LargeBuffer lists_;
  GraphView view_;
};

// `count` rows of level 0 alone, spread evenly over the rows, one drawn from each stretch: ascending, fewer where a
// stretch has none. Deterministic. Requires: count <= graph.row_count.
[[nodiscard]] std::vector<std::uint32_t> sample_rows(const GraphView& graph, std::uint32_t count, std::uint64_t seed);

}  // namespace vibrato::hnsw
