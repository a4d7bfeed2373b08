#include "vector/flat_scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vibrato/check.hpp>

namespace vibrato::vector {
namespace {

// Rows scored by one kernel call: enough to hide its cost, few enough for their distances to stay in the first cache.
constexpr std::size_t kScoredAtOnce = 512;
// Of product codes, scored again for each hit.
constexpr std::uint32_t kFlatProductCandidatesAHit = 20;

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

// The rows [first, end) that a predicate allows.
class RowRange {
 public:
  RowRange(std::uint32_t first, std::uint32_t end, const hnsw::RowPredicate& predicate)
      : next_(first), end_(end), predicate_(predicate) {}

  [[nodiscard]] bool done() const { return next_ == end_; }
  // Writes the next rows, at most kScoredAtOnce of them, to `rows`; looks at no more than `looks_max`, which it lowers.
  std::size_t take(std::uint32_t* rows, std::uint32_t& looks_max) {
    const std::uint32_t begin = next_;
    const std::uint32_t end = next_ + std::min(end_ - next_, looks_max);
    std::size_t count = 0;
    if (predicate_.allows == nullptr) {
      count = std::min<std::size_t>(end - next_, kScoredAtOnce);
      std::iota(rows, rows + count, next_);
      next_ += static_cast<std::uint32_t>(count);
    }
    for (; next_ < end && count < kScoredAtOnce; ++next_) {
      rows[count] = next_;
      count += predicate_(next_) ? 1 : 0;
    }
    looks_max -= next_ - begin;
    return count;
  }

 private:
  std::uint32_t next_;
  const std::uint32_t end_;
  const hnsw::RowPredicate& predicate_;
};

// Rows one by one.
class RowList {
 public:
  explicit RowList(std::span<const std::uint32_t> rows) : rows_(rows) {}

  [[nodiscard]] bool done() const { return rows_.empty(); }
  std::size_t take(std::uint32_t* rows, std::uint32_t& looks_max) {
    const std::size_t count = std::min({rows_.size(), kScoredAtOnce, std::size_t{looks_max}});
    std::copy_n(rows_.data(), count, rows);
    rows_ = rows_.subspan(count);
    looks_max -= static_cast<std::uint32_t>(count);
    return count;
  }

 private:
  std::span<const std::uint32_t> rows_;
};

// Leaves the k nearest of the rows in `hits`, nearest first, as `scorer` sees them.
template <typename Scorer, typename Rows>
void scan(const Scorer& scorer, Rows source, std::uint32_t k, ScanScratch& scratch, std::vector<hnsw::Hit>& hits,
          const Deadline& deadline, const HitOrder& order) {
  hits.clear();
  scratch.rows.resize(kScoredAtOnce);
  scratch.distances.resize(kScoredAtOnce);
  std::uint32_t looks = kScanCheckRows;  // Until the deadline is due; rows that are refused count as well.
  // `hits` is a heap with the farthest in front, as soon as it is full.
  while (!source.done()) {
    if (looks == 0) {
      looks = kScanCheckRows;
      if (deadline.has_passed()) {
        break;
      }
    }
    const std::size_t count = source.take(scratch.rows.data(), looks);
    scorer.score(scratch.rows.data(), count, scratch.distances.data());
    for (std::size_t i = 0; i < count; ++i) {
      offer({scratch.rows[i], number_or_infinity(scratch.distances[i])}, k, order, hits);
    }
  }
  std::sort_heap(hits.begin(), hits.end(), order);
}

// On codes, then exactly for the best of them.
template <typename Rows>
void scan_codes(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query, const Rows& source,
                std::uint32_t k, ScanScratch& scratch, std::vector<hnsw::Hit>& hits, bool rescore,
                const Deadline& deadline, const HitOrder& order) {
  hnsw::prepare_query(kernels, space, query, scratch.query);
  const hnsw::WalkScorer scorer(kernels, space, scratch.query);
  if (!rescore || !space.has_vectors()) {
    scan(scorer, source, k, scratch, hits, deadline, order);
    return;
  }
  const std::uint32_t candidates = space.product != nullptr ? kFlatProductCandidatesAHit * k : coded_scan_candidates(k);
  scan(scorer, source, candidates, scratch, hits, deadline, order);
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

}  // namespace

void scan_rows(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query, std::uint32_t first,
               std::uint32_t end, std::uint32_t k, ScanScratch& scratch, std::vector<hnsw::Hit>& hits,
               const hnsw::RowPredicate& predicate, const Deadline& deadline, const HitOrder& order) {
  VIBRATO_CHECK(k >= 1 && first <= end);
  scan(hnsw::ExactScorer(kernels, space, query), RowRange(first, end, predicate), k, scratch, hits, deadline, order);
}

void scan_coded_rows(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query, std::uint32_t first,
                     std::uint32_t end, std::uint32_t k, ScanScratch& scratch, std::vector<hnsw::Hit>& hits,
                     const hnsw::RowPredicate& predicate, bool rescore, const Deadline& deadline,
                     const HitOrder& order) {
  VIBRATO_CHECK(k >= 1 && first <= end && space.has_codes());
  scan_codes(kernels, space, query, RowRange(first, end, predicate), k, scratch, hits, rescore, deadline, order);
}

void scan_listed_rows(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query,
                      std::span<const std::uint32_t> rows, std::uint32_t k, ScanScratch& scratch,
                      std::vector<hnsw::Hit>& hits, const Deadline& deadline, const HitOrder& order) {
  VIBRATO_CHECK(k >= 1);
  scan(hnsw::ExactScorer(kernels, space, query), RowList(rows), k, scratch, hits, deadline, order);
}

void scan_listed_codes(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query,
                       std::span<const std::uint32_t> rows, std::uint32_t k, ScanScratch& scratch,
                       std::vector<hnsw::Hit>& hits, bool rescore, const Deadline& deadline, const HitOrder& order) {
  VIBRATO_CHECK(k >= 1 && space.has_codes());
  scan_codes(kernels, space, query, RowList(rows), k, scratch, hits, rescore, deadline, order);
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
