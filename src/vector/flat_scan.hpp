// Search over a run of rows, one after the other: the truth that graphs are judged by, the whole search where there is
// no graph, and the part of a search over rows that are not indexed yet. Exact, or on codes where rows are many.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/deadline.hpp"
#include "hnsw/searcher.hpp"

namespace vibrato::vector {

// Order of hits: nearer first, ties by row.
[[nodiscard]] inline bool nearer_hit(const hnsw::Hit& a, const hnsw::Hit& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
}

// Another order of hits: nearer first, and of two rows at the same distance the one that `comes_first` says so of.
// Without it, by row. Asked for ties only.
struct HitOrder {
  bool (*comes_first)(const void* context, std::uint32_t a, std::uint32_t b) = nullptr;
  const void* context = nullptr;

  [[nodiscard]] bool operator()(const hnsw::Hit& a, const hnsw::Hit& b) const {
    if (a.distance != b.distance || comes_first == nullptr) {
      return nearer_hit(a, b);
    }
    return comes_first(context, a.row, b.row);
  }
};

// Memory of a scan, reused by the next one on the same thread.
struct ScanScratch {
  std::vector<std::uint32_t> rows;
  std::vector<float> distances;
  quant::PreparedQuery query;
};

// Rows of a scan between two looks at its deadline.
inline constexpr std::uint32_t kScanCheckRows = 1024;

// How many of the best by 8-bit code scan_coded_rows scores exactly.
[[nodiscard]] constexpr std::uint32_t coded_scan_candidates(std::uint32_t k) {
  return k < 32 ? 128 : 4 * k;
}
// Scanning on codes pays from this many rows a candidate that is scored again.
inline constexpr std::uint32_t kCodedScanMin = 8;

// A search for this share (1/n) of the rows reads most of them anyway: scanning all, in order and exactly, costs less
// than a walk.
inline constexpr std::uint32_t kScanShare = 4;

// Writes the min(k, end - first) nearest of rows [first, end) to `hits`, nearest first, ties as `order` says. A
// distance that is not a number counts as infinite; rows that the predicate refuses are left out. query: shape [dim].
// The deadline is looked at every kScanCheckRows rows: a scan that passes it ends early, and what it found is worth
// nothing. Requires: first <= end, rows below `end` complete, k >= 1.
void scan_rows(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query, std::uint32_t first,
               std::uint32_t end, std::uint32_t k, ScanScratch& scratch, std::vector<hnsw::Hit>& hits,
               const hnsw::RowPredicate& predicate = {}, const Deadline& deadline = {}, const HitOrder& order = {});

// The same on the rows' codes, then exactly for the best coded_scan_candidates(k) of them: a quarter of the memory is
// read. On product codes for the best 20 k, unless raw vectors were dropped or `rescore` is false: then the distances
// are those of the codes. `order` decides on equal distances of codes too. Requires: space.has_codes(), rows below
// `end` are encoded.
void scan_coded_rows(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query, std::uint32_t first,
                     std::uint32_t end, std::uint32_t k, ScanScratch& scratch, std::vector<hnsw::Hit>& hits,
                     const hnsw::RowPredicate& predicate = {}, bool rescore = true, const Deadline& deadline = {},
                     const HitOrder& order = {});

// The same over the rows of a list, each once, in the order of memory at best.
void scan_listed_rows(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query,
                      std::span<const std::uint32_t> rows, std::uint32_t k, ScanScratch& scratch,
                      std::vector<hnsw::Hit>& hits, const Deadline& deadline = {}, const HitOrder& order = {});
void scan_listed_codes(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query,
                       std::span<const std::uint32_t> rows, std::uint32_t k, ScanScratch& scratch,
                       std::vector<hnsw::Hit>& hits, bool rescore = true, const Deadline& deadline = {},
                       const HitOrder& order = {});

// Merges `more` into `hits`, both nearest first; keeps the k nearest. A row that is in both stays once.
// `more` is used up.
void merge_hits(std::vector<hnsw::Hit>& hits, std::vector<hnsw::Hit>& more, std::uint32_t k);

}  // namespace vibrato::vector
