// Measures with which stop rule searches of a segment reach which recall, at sealing and merging.
//
// A sample of the segment's own rows stands for queries. It is held out: the walks go over the graph as it would be
// without them (hnsw/held_out.hpp), and they are nobody's answers. Each is searched exactly, and by one walk to the
// end, which tells for every slack and reach what it would have found (hnsw/walk_probe.hpp). Cheapest pairs for a grid
// of targets are what is stored (recall_tally.hpp). So too with random shares of the rows allowed, where the planner
// would walk over the allowed rows alone (allowed_search.hpp); a plain walk under a filter goes by the table of all
// rows.
//
// For k 1 and 3 the walks tell a little less than searches find; by how much is measured by searching for the sample at
// a few targets, and taken off the targets.
#pragma once

#include <cstdint>
#include <functional>
#include <vibrato/result.hpp>

#include "format/calibration.hpp"
#include "hnsw/mutable_graph.hpp"
#include "hnsw/row_space.hpp"

namespace vibrato::vector {

// Smaller segments are not calibrated: searches there scan for a large part of what is asked, and a sample that costs
// little says little.
inline constexpr std::uint32_t kCalibratedRowsMin = 2000;

struct CalibrationOptions {
  std::uint32_t samples_max = 1024;
  std::uint32_t rows_a_sample = 80;  // At least so many rows for each that is held out.
  std::uint64_t seed = 42;
  bool all_shares = false;             // Filters of any share, also of such that no search here walks under.
  std::function<Status()> keep_going;  // Asked every few milliseconds: an error ends the work. May be empty.
};

// Deterministic. Requires: the space has vectors, and as many rows as the graph. Errors: kInvalidArgument for fewer
// rows than kCalibratedRowsMin, kUnavailable (no memory), those of keep_going.
[[nodiscard]] Result<format::Calibration> calibrate(const hnsw::RowSpace& space, const hnsw::GraphView& graph,
                                                    const CalibrationOptions& options = {});

}  // namespace vibrato::vector
