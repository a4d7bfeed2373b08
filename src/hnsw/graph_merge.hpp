// A graph over the rows of several segments, made from the graph of the largest: its links between rows that stay are
// kept, lists that lost members are repaired, and the rows of the others are inserted. Much cheaper than a new build,
// which searches for the neighbours of every row.
//
// Repair of a list: the members that stay, stay. Those that went are replaced by rows that they themselves linked to,
// nearest first, unless a member of the list is nearer to one than the list's owner is (the selection rule of
// neighbour_selection.hpp); the list grows no longer than it was. One that is shorter still takes in rows that link to
// its owner. A row around which nearly everything went has nothing to be repaired from: it is taken out and inserted
// anew, at its level. In the end every row is made reachable.
//
// After: Singh and others, "FreshDiskANN" (2021), Algorithm 4, with the members that stay taken for granted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vibrato/result.hpp>

#include "hnsw/mutable_graph.hpp"
#include "hnsw/row_space.hpp"

namespace vibrato::hnsw {

struct GraphMergeOptions {
  std::uint32_t threads = 1;  // One thread and one seed always make the same graph.
  // Called now and then, by one thread at a time, with rows done and rows in all. An error ends the merge.
  std::function<Status(std::uint64_t done, std::uint64_t total)> progress;
};

// Makes a graph over rows [0, space.row_count) of `space`. `new_rows`: shape [base.row_count], where each row of `base`
// is in the new space, kNoNeighbour for those that went; an empty base (row_count 0) makes a new graph. Rows of the
// space that no row of `base` became are inserted. The base may be damaged: what its arrays say is checked before it is
// used. Requires: new_rows names no row twice and none at or above space.row_count.
// Errors: kInvalidArgument (m of the base is not that of `params`; params out of range), kCorruption (the upper arrays
// of the base contradict each other), kUnavailable (no memory), those of `progress`.
[[nodiscard]] Result<std::unique_ptr<MutableGraph>> merge_graphs(const simd::Kernels& kernels, const RowSpace& space,
                                                                 const GraphView& base,
                                                                 std::span<const std::uint32_t> new_rows,
                                                                 const GraphParams& params,
                                                                 const GraphMergeOptions& options);

}  // namespace vibrato::hnsw
