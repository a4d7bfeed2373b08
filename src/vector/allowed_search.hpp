// Search among the rows of a part that a filter allows, whichever way costs least: a scan of the allowed rows, a walk
// that scores only those, or a plain walk that keeps only those. A walk that did not meet enough of them, or that has
// cost more than it was chosen for, as the filter turns out to be against the query, is followed by a scan: so min(k,
// allowed rows that are alive) hits are always found, and no search costs much more than the scan. The choice depends
// on the set of allowed rows alone: filters that mean the same give the same hits. For the parts of a collection.
#pragma once

#include <cstdint>
#include <vector>
#include <vibrato/result.hpp>

#include "filter/row_set.hpp"
#include "hnsw/searcher.hpp"
#include "vector/segment.hpp"

namespace vibrato::vector {

// The rows of a part, as a search needs them. Borrows all.
struct SearchedRows {
  const hnsw::GraphView* graph = nullptr;            // Null: none.
  std::uint32_t indexed = 0;                         // Rows below it are in the graph.
  const hnsw::RowSpace* coded = nullptr;             // Null: no codes.
  std::uint32_t encoded = 0;                         // Rows below it have codes.
  const hnsw::RowSpace* plain = nullptr;             // On f32; null where the raw vectors were dropped.
  const format::Calibration* calibration = nullptr;  // What a recall target goes by; null: a guess.
};

enum class AllowedPlan : std::uint8_t { kScan, kAllowedWalk, kPlainWalk };

// What the choice of a plan goes by.
struct AllowedCosts {
  std::uint32_t rows = 0;     // Of the graph.
  std::uint32_t allowed = 0;  // Of them.
  std::uint32_t k = 10;
  std::uint32_t ef = 128;
  std::uint32_t list_length = 0;
  std::uint32_t row_bytes = 0;  // That a distance reads.
};

// Each about how long, in nanoseconds of one core, if the filter has nothing to do with the query.
struct PlanTimes {
  double scan = 0;
  double allowed_walk = 0;
  double plain_walk = 0;
  double allowed_step = 0;  // Of a walk: for each candidate expanded.
  double plain_step = 0;
};
[[nodiscard]] PlanTimes estimate_plans(const AllowedCosts& costs);
[[nodiscard]] AllowedPlan choose_plan(const AllowedCosts& costs);

// Requires: query.allowed != nullptr. `alive`: of the rows of the part. Errors: kTimeout past the deadline.
[[nodiscard]] Status search_allowed_rows(const SearchedRows& rows, const SegmentQuery& query,
                                         const hnsw::RowPredicate& alive, hnsw::SearchScratch& scratch,
                                         std::vector<hnsw::Hit>& hits, SegmentStats* stats);

}  // namespace vibrato::vector
