#include "hnsw/searcher.hpp"

#include <algorithm>
#include <vibrato/check.hpp>

#include "hnsw/descent.hpp"
#include "hnsw/search_setup.hpp"

namespace vibrato::hnsw {
namespace {

BeamLimits limits_of(const SearchParams& params, const RowSpace& space, const PreparedSearch& prepared,
                     const quant::PreparedQuery& query) {
  BeamLimits limits;
  limits.k = params.stop_k == 0 ? params.k : std::min(params.stop_k, params.k);
  limits.ef = std::max(params.ef, params.k);
  limits.expanded_max = params.expanded_max;
  limits.allowed_share = params.allowed_share;
  limits.expand = params.expand != 0 ? std::min<std::size_t>(params.expand, kExpandMax) : default_expand(space);
  limits.stop = stop_rule(space, prepared.query_norm(), query);
  limits.stop.slack = params.slack;
  limits.stop.reach = params.reach;
  limits.probe = params.probe;
  return limits;
}

// The walk over level 0, from the two rows where it begins; false if it gave up. `pool`: as SearchParams.
bool walk_base(const GraphView& graph, const EntryPoint& entry, const Start& start, const WalkScorer& scorer,
               const BeamLimits& limits, std::size_t pool, const RowPredicate& predicate, BeamScratch& beam,
               BeamStats& stats) {
  beam.visited.reset(graph.row_count);
  beam.visited.reserve_step(2);
  const bool filtered = predicate.allows != nullptr;
  beam.pool.reset(filtered ? std::max(limits.ef, pool) : limits.ef);
  if (filtered) {
    beam.allowed.reset(limits.ef);
  }
  const auto begin_at = [&](std::uint32_t row, float distance) {
    if (beam.visited.insert(row)) {
      beam.pool.insert(distance, row);
      if (limits.probe != nullptr) {
        limits.probe->see(&row, &distance, 1);
      }
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
  return filtered ? beam_search<true>(level, scorer, limits, predicate, beam, stats)
                  : beam_search<false>(level, scorer, limits, predicate, beam, stats);
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
  const PreparedSearch prepared(kernels, space, query, scratch);
  const WalkScorer& scorer = prepared.scorer();
  BeamLimits limits = limits_of(params, space, prepared, scratch.query);
  const bool filtered = params.predicate.allows != nullptr;

  SearchStats local;
  const EntryPoint entry{graph.entry_row, graph.entry_upper, graph.max_level};
  const Start start = descend(graph, entry, 0, scorer, local.walk);
  BeamScratch& beam = scratch.beam;
  bool is_done = walk_base(graph, entry, start, scorer, limits, params.pool, params.predicate, beam, local.walk);
  while (filtered && is_done && params.pool == 0 && !vouches_for(beam, params.k) && limits.ef < kFilteredEfMax) {
    limits.ef = std::min<std::size_t>(4 * limits.ef, kFilteredEfMax);
    is_done = walk_base(graph, entry, start, scorer, limits, 0, params.predicate, beam, local.walk);
  }
  if (!is_done) {
    if (stats != nullptr) {
      *stats = local;
    }
    return;
  }
  const std::uint32_t k = filtered ? vouched_hits(beam, params.k) : params.k;

  const CandidatePool& found = filtered ? beam.allowed : beam.pool;
  local.rescored = take_hits(kernels, space, query, {k, params.rescore, params.known}, found, scratch, hits);
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
