// The nearest of the rows of a list, by a scan of their codes: what a filter that few rows match costs.
//
//   1. Codes come first, in batches whose rows are prefetched while the batch before them is scored.
//   2. Of the best, those that may be among the k nearest are scored again with f32, as after a walk
//      (hnsw/rescore.hpp). In most scans that ends well before the last of them.
//   3. Where it does not, rows behind them may be nearer as well: far from the query many rows are about as near, and
//      codes err the more the farther a row is. The codes are gone through again for all rows that may be nearer than
//      the k-th by then, and these are scored with f32.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/deadline.hpp"
#include "hnsw/search_setup.hpp"
#include "vector/flat_scan.hpp"

namespace vibrato::vector {

// Writes the min(k, rows.size()) nearest of `rows`, but for those beyond wanted.known, to `hits`, nearest first, ties
// by row: with exact distances unless wanted.rescore is false or the raw vectors were dropped. rows: ascending, each
// once, complete and encoded. query: shape [dim]. Returns how many were scored with f32. The deadline is looked at
// every kScanCheckRows rows; past it what was found is worth nothing. Requires: space.has_codes(), wanted.k >= 1.
std::uint32_t scan_listed_nearest(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query,
                                  std::span<const std::uint32_t> rows, const hnsw::HitsWanted& wanted,
                                  hnsw::SearchScratch& scratch, ScanScratch& scan, std::vector<hnsw::Hit>& hits,
                                  const Deadline& deadline = {});

}  // namespace vibrato::vector
