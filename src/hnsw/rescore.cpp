#include "hnsw/rescore.hpp"

#include <algorithm>

namespace vibrato::hnsw {
namespace {

// With product codes many rows may be near enough; past so many a hit, more of them cost more than they find.
constexpr std::size_t kProductRowsAHit = 20;
// Rows scored at a time after the first k: enough to overlap their loads.
constexpr std::size_t kStep = 4;

bool nearer_by_distance(const Hit& a, const Hit& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
}

void prefetch_row(const ExactScorer& exact, std::uint32_t row) {
  const auto* first = static_cast<const char*>(exact.address(row));
  const std::size_t bytes = std::min<std::size_t>(exact.row_bytes(), 1024);
  for (std::size_t offset = 0; offset < bytes; offset += 64) {
    __builtin_prefetch(first + offset);
  }
}

// Keeps the k nearest in `hits`, a heap with the farthest in front.
void keep_nearest(std::vector<Hit>& hits, std::size_t k, const Hit& hit) {
  if (hits.size() == k) {
    if (!nearer_by_distance(hit, hits.front())) {
      return;
    }
    std::pop_heap(hits.begin(), hits.end(), nearer_by_distance);
    hits.pop_back();
  }
  hits.push_back(hit);
  std::push_heap(hits.begin(), hits.end(), nearer_by_distance);
}

// Kernels score rows in groups of kStep and what is left over one by one, which may round otherwise. Equal rows must
// tie wherever they stand, in whichever segment: the last group is filled up.
void score_in_groups(const ExactScorer& exact, SearchScratch& scratch, std::size_t count) {
  std::size_t filled = count;
  for (; filled % kStep != 0; ++filled) {
    scratch.rows[filled] = scratch.rows[count - 1];
  }
  exact.score(scratch.rows.data(), filled, scratch.distances.data());
}

}  // namespace

float sigma_of(const RowSpace& space, const quant::PreparedQuery& query, std::uint32_t row, float distance) {
  if (space.product != nullptr) {
    return space.product->distance_sigma(query, distance);
  }
  const std::byte* coded = space.codes.base + std::size_t{row} * space.codes.stride_bytes;
  const quant::CodeFactors factors = quant::ScalarQuantizer::factors_of(coded, space.quantizer->layout());
  return space.quantizer->distance_sigma(query, factors, distance);
}

std::uint32_t rescore(const simd::Kernels& kernels, const RowSpace& space, const float* query, std::uint32_t k,
                      const CandidatePool& pool, float known, SearchScratch& scratch, std::vector<Hit>& hits) {
  const ExactScorer exact(kernels, space, query);
  const float sigmas = space.product != nullptr ? kProductSigmas : kSigmas;
  const auto could_matter = [&](std::size_t i) {
    const float limit = hits.size() < k ? known : std::min(known, hits.front().distance);
    if (limit == CandidatePool::kInfinity) {
      return true;
    }
    const float sigma = sigma_of(space, scratch.query, pool.id(i), pool.distance(i));
    return pool.distance(i) - sigmas * sigma <= limit;
  };

  hits.clear();
  scratch.rows.resize(std::max<std::size_t>(k, kStep) + kStep);
  scratch.distances.resize(scratch.rows.size());
  const std::size_t ahead = std::min(pool.size(), std::size_t{k} + 2 * kStep);
  for (std::size_t i = 0; i < ahead && could_matter(i); ++i) {
    prefetch_row(exact, pool.id(i));
  }
  const std::size_t most = space.product != nullptr ? std::min(pool.size(), kProductRowsAHit * k) : pool.size();
  std::size_t next = 0;
  while (next < most) {
    const std::size_t step = std::min(most - next, hits.empty() ? std::size_t{k} : kStep);
    std::size_t count = 0;
    for (std::size_t i = next; i < next + step && could_matter(i); ++i) {
      scratch.rows[count++] = pool.id(i);
    }
    score_in_groups(exact, scratch, count);
    for (std::size_t i = 0; i < count; ++i) {
      keep_nearest(hits, k, {scratch.rows[i], scratch.distances[i]});
    }
    next += count;
    if (count < step) {
      break;
    }
    for (std::size_t i = next + kStep; i < std::min(most, next + 2 * kStep); ++i) {
      prefetch_row(exact, pool.id(i));
    }
  }
  std::sort_heap(hits.begin(), hits.end(), nearer_by_distance);
  return static_cast<std::uint32_t>(next);
}

}  // namespace vibrato::hnsw
