#include "vector/listed_scan.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vibrato/check.hpp>

namespace vibrato::vector {
namespace {

using Rows = std::span<const std::uint32_t>;

// Few enough that the lines asked for are still there when they are read, enough to hide their way.
constexpr std::size_t kFetchedAtOnce = 128;
// Rows kept for each hit, and at least. Most queries need fewer than two a hit; keeping more costs all of them more
// than going through the codes again costs the few that do not find enough.
constexpr std::size_t kCandidatesAHit = 3;
constexpr std::size_t kCandidatesMin = 32;
// Product codes leave more rows that may be among the nearest (rescore.cpp).
constexpr std::uint32_t kListedProductCandidatesAHit = 20;

bool rescores(const hnsw::RowSpace& space, const hnsw::HitsWanted& wanted) {
  return wanted.rescore && space.has_vectors();
}

std::size_t candidates_of(const hnsw::RowSpace& space, const hnsw::HitsWanted& wanted) {
  if (!rescores(space, wanted)) {
    return wanted.k;
  }
  return space.product != nullptr ? std::size_t{kListedProductCandidatesAHit} * wanted.k
                                  : std::max(kCandidatesAHit * wanted.k, kCandidatesMin);
}

void prefetch(const hnsw::WalkScorer& scorer, Rows rows) {
  for (const std::uint32_t row : rows) {
    scorer.prefetch(row);
  }
}

// Calls visit(rows, distances on codes) for batch after batch. False past the deadline.
template <typename Visit>
bool score_all(const hnsw::WalkScorer& scorer, Rows rows, const Deadline& deadline, const Visit& visit) {
  std::array<float, kFetchedAtOnce> distances;
  prefetch(scorer, rows.first(std::min(rows.size(), kFetchedAtOnce)));
  std::size_t unchecked = 0;
  while (!rows.empty()) {
    const Rows batch = rows.first(std::min(rows.size(), kFetchedAtOnce));
    rows = rows.subspan(batch.size());
    prefetch(scorer, rows.first(std::min(rows.size(), kFetchedAtOnce)));
    scorer.score(batch.data(), batch.size(), distances.data());
    visit(batch, distances.data());
    unchecked += batch.size();
    if (unchecked >= kScanCheckRows) {
      unchecked = 0;
      if (deadline.has_passed()) {
        return false;
      }
    }
  }
  return true;
}

bool keep_best(const hnsw::WalkScorer& scorer, Rows rows, const Deadline& deadline, hnsw::CandidatePool& pool) {
  return score_all(scorer, rows, deadline, [&pool](Rows batch, const float* distances) {
    float bound = pool.worst();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!(distances[i] > bound)) {
        float distance = distances[i];
        if (std::isnan(distance)) {
          distance = hnsw::CandidatePool::kInfinity;
        }
        pool.insert(distance, batch[i]);
        bound = pool.worst();
      }
    }
  });
}

// The code distance up to which a row may be nearer than `distance`, judged by the last rows of the pool.
float reach_of(const hnsw::RowSpace& space, const quant::PreparedQuery& query, const hnsw::CandidatePool& pool,
               float distance) {
  constexpr std::size_t kJudged = 16;
  float sigma = 0;
  for (std::size_t i = pool.size() - std::min(pool.size(), kJudged); i < pool.size(); ++i) {
    sigma = std::max(sigma, hnsw::sigma_of(space, query, pool.id(i), pool.distance(i)));
  }
  return distance + hnsw::kSigmas * sigma;
}

}  // namespace

std::uint32_t scan_listed_nearest(const simd::Kernels& kernels, const hnsw::RowSpace& space, const float* query,
                                  Rows rows, const hnsw::HitsWanted& wanted, hnsw::SearchScratch& scratch,
                                  ScanScratch& scan, std::vector<hnsw::Hit>& hits, const Deadline& deadline) {
  VIBRATO_CHECK(wanted.k >= 1 && space.has_codes());
  hnsw::prepare_query(kernels, space, query, scratch.query);
  const hnsw::WalkScorer scorer(kernels, space, scratch.query);
  hnsw::CandidatePool& pool = scratch.beam.pool;
  pool.reset(candidates_of(space, wanted));
  bool is_in_time = keep_best(scorer, rows, deadline, pool);
  const std::uint32_t rescored = hnsw::take_hits(kernels, space, query, wanted, pool, scratch, hits);
  const bool reached_the_last = rescored >= pool.size() && rows.size() > pool.size();
  if (!is_in_time || !reached_the_last || !rescores(space, wanted) || space.product != nullptr) {
    return rescored;
  }
  const float farthest = hits.size() < wanted.k ? wanted.known : std::min(wanted.known, hits.back().distance);
  const float reach = reach_of(space, scratch.query, pool, farthest);
  std::vector<std::uint32_t>& near = scratch.rows;
  near.clear();
  is_in_time = score_all(scorer, rows, deadline, [&near, reach](Rows batch, const float* distances) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!(distances[i] > reach)) {
        near.push_back(batch[i]);
      }
    }
  });
  if (is_in_time) {
    scan_listed_rows(kernels, space, query, near, wanted.k, scan, hits, deadline);
  }
  return rescored + static_cast<std::uint32_t>(near.size());
}

}  // namespace vibrato::vector
