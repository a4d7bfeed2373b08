#include "hnsw/searcher.hpp"

#include <algorithm>
#include <vibrato/check.hpp>

#include "hnsw/descent.hpp"
#include "hnsw/rescore.hpp"

namespace vibrato::hnsw {
namespace {

// Small rows leave the core waiting for memory unless several candidates are expanded at once.
std::size_t default_expand(const RowSpace& space) {
  const std::size_t row_bytes = space.has_codes() ? space.codes.stride_bytes : space.vectors.dim * sizeof(float);
  return row_bytes <= 192 ? 4 : row_bytes <= 512 ? 2 : 1;
}

BeamLimits limits_of(const SearchParams& params, const RowSpace& space, float query_norm) {
  BeamLimits limits;
  limits.k = params.k;
  limits.ef = std::max(params.ef, params.k);
  limits.expand = params.expand != 0 ? std::min<std::size_t>(params.expand, kExpandMax) : default_expand(space);
  limits.stop.slack = params.slack;
  limits.stop.floor = space.metric == Metric::kDot ? -query_norm * space.norm_max : 0.0F;
  return limits;
}

// Three deviations of the distance that codes give for a row equal to the query.
float margin_of(const RowSpace& space, const quant::PreparedQuery& query) {
  if (space.product != nullptr) {
    return 3.0F * space.product->distance_sigma(query, 0.0F);
  }
  quant::CodeFactors same;
  same.offset = query.norm_squared;
  return 3.0F * space.quantizer->distance_sigma(query, same, 0.0F);
}

void take_pool(const CandidatePool& pool, std::uint32_t k, std::vector<Hit>& hits) {
  hits.clear();
  for (std::size_t i = 0; i < std::min<std::size_t>(k, pool.size()); ++i) {
    hits.push_back({pool.id(i), pool.distance(i)});
  }
}

// The walk over level 0, from the two rows where it begins.
void walk_base(const GraphView& graph, const EntryPoint& entry, const Start& start, const WalkScorer& scorer,
               const BeamLimits& limits, const RowPredicate& predicate, BeamScratch& beam, BeamStats& stats) {
  beam.visited.reset(graph.row_count);
  beam.visited.reserve_step(2);
  beam.pool.reset(limits.ef);
  const bool filtered = predicate.allows != nullptr;
  if (filtered) {
    beam.allowed.reset(limits.ef);
  }
  const auto begin_at = [&](std::uint32_t row, float distance) {
    if (beam.visited.insert(row)) {
      beam.pool.insert(distance, row);
      if (filtered && predicate(row)) {
        beam.allowed.insert(distance, row);
      }
    }
  };
  begin_at(start.row, start.distance);
  // All rows are reachable from the entry row (reachability.hpp), not from each row: a search that is wide enough to
  // see all must begin there too. Others drop it as soon as they have something nearer.
  begin_at(entry.row, start.entry_distance);
  const BaseLevel level{graph};
  if (filtered) {
    beam_search<true>(level, scorer, limits, predicate, beam, stats);
  } else {
    beam_search<false>(level, scorer, limits, predicate, beam, stats);
  }
}

// How far a full pool can be trusted: the last of its rows are what happened to be met.
float trusted_distance(const CandidatePool& pool) {
  return pool.full() ? pool.distance(pool.size() * 2 / 3) : CandidatePool::kInfinity;
}

// Whether the k best allowed rows are well among the best rows that were walked. Allowed rows beyond them were met on
// the way there, and nearer ones may have been left aside.
bool vouches_for(const BeamScratch& beam, std::uint32_t k) {
  return !beam.pool.full() || beam.allowed.kth(k) <= trusted_distance(beam.pool);
}

// How many of the k best allowed rows are.
std::uint32_t vouched_hits(const BeamScratch& beam, std::uint32_t k) {
  const float trusted = trusted_distance(beam.pool);
  std::uint32_t hits = 0;
  while (hits < std::min<std::size_t>(k, beam.allowed.size()) && beam.allowed.distance(hits) <= trusted) {
    ++hits;
  }
  return hits;
}

}  // namespace

void search(const simd::Kernels& kernels, const GraphView& graph, const RowSpace& space, const float* query,
            const SearchParams& params, SearchScratch& scratch, std::vector<Hit>& hits, SearchStats* stats) {
  VIBRATO_CHECK(params.k >= 1 && space.row_count >= graph.row_count);
  hits.clear();
  if (graph.entry_row >= graph.row_count) {
    return;
  }
  const ExactScorer exact(kernels, space, query);
  const bool on_codes = space.has_codes();
  if (on_codes) {
    prepare_query(kernels, space, query, scratch.query);
  }
  const WalkScorer scorer = on_codes ? WalkScorer(kernels, space, scratch.query) : WalkScorer(exact);
  BeamLimits limits = limits_of(params, space, exact.query_norm());
  if (on_codes) {
    limits.stop.margin = margin_of(space, scratch.query);
  }
  const bool filtered = params.predicate.allows != nullptr;

  SearchStats local;
  const EntryPoint entry{graph.entry_row, graph.entry_upper, graph.max_level};
  const Start start = descend(graph, entry, 0, scorer, local.walk);
  BeamScratch& beam = scratch.beam;
  walk_base(graph, entry, start, scorer, limits, params.predicate, beam, local.walk);
  while (filtered && !vouches_for(beam, params.k) && limits.ef < kFilteredEfMax) {
    limits.ef = std::min<std::size_t>(4 * limits.ef, kFilteredEfMax);
    walk_base(graph, entry, start, scorer, limits, params.predicate, beam, local.walk);
  }
  const std::uint32_t k = filtered ? vouched_hits(beam, params.k) : params.k;

  const CandidatePool& found = filtered ? beam.allowed : beam.pool;
  if (on_codes && params.rescore && k > 0 && space.has_vectors()) {
    local.rescored = rescore(kernels, space, query, k, found, params.known, scratch, hits);
  } else {
    take_pool(found, k, hits);
  }
  local.vouched = static_cast<std::uint32_t>(std::min<std::size_t>(k, found.size()));
  if (stats != nullptr) {
    *stats = local;
  }
}

SearchScratch& scratch_of_this_thread() {
  thread_local SearchScratch scratch;
  return scratch;
}

}  // namespace vibrato::hnsw
