// Makes every row reachable from the entry point.
//
// Diversity selection may drop the last link to a row: a near-duplicate whose twin stands in front of it everywhere,
// or an outlier. No effort would ever find such a row. After a build, a breadth-first tree is grown from the entry
// point; each row that it misses is linked from the nearest reached row whose list has room, or else in place of a
// link that is not part of the tree, so that nothing reached before is lost.
#pragma once

#include <cstdint>

#include "hnsw/builder.hpp"
#include "hnsw/mutable_graph.hpp"
#include "hnsw/row_space.hpp"

namespace vibrato::hnsw {

// Repairs rows [0, row_count); returns how many it linked. Requires: no insert runs meanwhile; readers may.
// Deterministic.
std::uint32_t link_unreachable_rows(const simd::Kernels& kernels, const RowSpace& space, MutableGraph& graph,
                                    std::uint32_t row_count);

}  // namespace vibrato::hnsw
