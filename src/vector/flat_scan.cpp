#include "vector/flat_scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vibrato/check.hpp>

namespace vibrato::vector {
namespace {

// Rows scored by one kernel call: enough to hide its cost, few enough for their distances to stay in the first cache.
constexpr std::size_t kBatchRows = 512;
// Of product codes, scored again for each hit.
constexpr std::uint32_t kProductCandidatesAHit = 20;

float number_or_infinity(float distance) {
  return std::isnan(distance) ? std::numeric_limits<float>::infinity() : distance;
}

void offer(const hnsw::Hit& hit, std::uint32_t k, const HitOrder& order, std::vector<hnsw::Hit>& heap) {
  if (heap.size() < k) {
    heap.push_back(hit);
    std::push_heap(heap.begin(), heap.end(), order);
  } else if (order(hit, heap.front())) {
    std::pop_heap(heap.begin(), heap.end(), order);
    heap.back() = hit;
    std::push_heap(heap.begin(), heap.end(), order);
  }
}

// Leaves the k nearest of the rows in `hits`, nearest first, as `scorer` sees them.
template <typename Scorer>
void scan(const Scorer& scorer, std::uint32_t first, std::uint32_t end, std::uint32_t k, ScanScratch& scratch,
          std::vector<hnsw::Hit>& hits, const hnsw::RowPredicate& predicate, const Deadline& deadline,
          const HitOrder& order) {
  hits.clear();
  scratch.rows.resize(kBatchRows);
  scratch.distances.resize(kBatchRows);
  std::uint32_t looked_at = first;
  // `hits` is a heap with the farthest in front, as soon as it is full.
  for (std::uint32_t next = first; next < end;) {
    if (next - looked_at >= kScanCheckRows) {
      looked_at = next;
      if (deadline.has_passed()) {
        break;
      }
    }
    // The batch ends where the deadline is due, so that rows which the predicate refuses count as well.
    const std::uint32_t batch_end = next + std::min<std::uint32_t>(end - next, kScanCheckRows - (next - looked_at));
    std::size_t count = 0;
    if (predicate.allows == nullptr) {
      count = std::min<std::size_t>(batch_end - next, kBatchRows);
      std::iota(scratch.rows.data(), scratch.rows.data() + count, next);
      next += static_cast<std::uint32_t>(count);
    }
    for (; next < batch_end && count < kBatchRows; ++next) {
      scratch.rows[count] = next;
      count += predicate(next) ? 1 : 0;
    }
    scorer.score(scratch.rows.data(), count, scratch.distances.data());
    for (std::size_t i = 0; i < count; ++i) {
      offer({scratch.rows[i], number_or_infinity(scratch.distances[i])}, k, order, hits);
    }
  }
  std::sort_heap(hits.begin(), hits.end(), order);
}

}  // namespace

void scan_rows(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query, std::uint32_t first,
               std::uint32_t end, std::uint32_t k, ScanScratch& scratch, std::vector<hnsw::Hit>& hits,
               const hnsw::RowPredicate& predicate, const Deadline& deadline, const HitOrder& order) {
  VIBRATO_CHECK(k >= 1 && first <= end);
  scan(hnsw::ExactScorer(kernels, space, query), first, end, k, scratch, hits, predicate, deadline, order);
}

void scan_coded_rows(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query, std::uint32_t first,
                     std::uint32_t end, std::uint32_t k, ScanScratch& scratch, std::vector<hnsw::Hit>& hits,
                     const hnsw::RowPredicate& predicate, bool rescore, const Deadline& deadline,
                     const HitOrder& order) {
  VIBRATO_CHECK(k >= 1 && first <= end && space.has_codes());
  hnsw::prepare_query(kernels, space, query, scratch.query);
  const hnsw::WalkScorer scorer(kernels, space, scratch.query);
  if (!rescore || !space.has_vectors()) {
    scan(scorer, first, end, k, scratch, hits, predicate, deadline, order);
    return;
  }
  const std::uint32_t candidates = space.product != nullptr ? kProductCandidatesAHit * k : coded_scan_candidates(k);
  scan(scorer, first, end, candidates, scratch, hits, predicate, deadline, order);
  scratch.rows.resize(hits.size());
  scratch.distances.resize(hits.size());
  std::transform(hits.begin(), hits.end(), scratch.rows.begin(), [](const hnsw::Hit& hit) { return hit.row; });
  hnsw::ExactScorer(kernels, space, query).score(scratch.rows.data(), hits.size(), scratch.distances.data());
  for (std::size_t i = 0; i < hits.size(); ++i) {
    hits[i].distance = number_or_infinity(scratch.distances[i]);
  }
  std::sort(hits.begin(), hits.end(), order);
  hits.resize(std::min<std::size_t>(hits.size(), k));
}

void merge_hits(std::vector<hnsw::Hit>& hits, std::vector<hnsw::Hit>& more, std::uint32_t k) {
  hits.insert(hits.end(), more.begin(), more.end());
  more.clear();
  // A row may be in both lists with distances that differ by rounding, so equal rows are found by row, the nearer kept.
  std::sort(hits.begin(), hits.end(), [](const hnsw::Hit& a, const hnsw::Hit& b) {
    return a.row != b.row ? a.row < b.row : a.distance < b.distance;
  });
  hits.erase(
      std::unique(hits.begin(), hits.end(), [](const hnsw::Hit& a, const hnsw::Hit& b) { return a.row == b.row; }),
      hits.end());
  std::sort(hits.begin(), hits.end(), nearer_hit);
  if (hits.size() > k) {
    hits.resize(k);
  }
}

}  // namespace vibrato::vector
