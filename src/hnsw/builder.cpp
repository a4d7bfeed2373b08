#include "hnsw/builder.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <vibrato/check.hpp>

#include "base/parallel_for.hpp"
#include "hnsw/descent.hpp"
#include "hnsw/reachability.hpp"

namespace vibrato::hnsw {

void Builder::insert(std::uint32_t row, InsertScratch& scratch) {
  VIBRATO_CHECK(row < graph_.capacity());
  graph_.clear_row(row);
  if (graph_.entry().row == kNoNeighbour && insert_first(row)) {
    return;
  }
  const EntryPoint entry = graph_.entry();
  const std::uint32_t level = graph_.level_of(row);
  const std::uint32_t upper = graph_.upper_of(row);
  choose_neighbours(row, level, entry, scratch);
  write_own_lists(row, upper, scratch);
  add_reverse_links(row, upper, scratch);
  if (level > entry.level) {
    const std::lock_guard lock(graph_.entry_mutex());
    graph_.raise_entry(row);
  }
}

bool Builder::insert_first(std::uint32_t row) {
  const std::lock_guard lock(graph_.entry_mutex());
  if (graph_.entry().row != kNoNeighbour) {
    return false;
  }
  graph_.raise_entry(row);
  return true;
}

void Builder::choose_neighbours(std::uint32_t row, std::uint32_t level, const EntryPoint& entry,
                                InsertScratch& scratch) {
  const float* vector = space_.vectors.base + std::size_t{row} * space_.vectors.stride_floats;
  const bool on_codes = space_.quantizer != nullptr;
  if (on_codes) {
    space_.quantizer->prepare(kernels_, vector, scratch.query);
  }
  const WalkScorer scorer =
      on_codes ? WalkScorer(kernels_, space_, scratch.query) : WalkScorer(ExactScorer(kernels_, space_, vector));
  const GraphView view = graph_.view(graph_.capacity());
  RowPairScorer pairs(kernels_, space_);
  BeamStats stats;
  const std::uint32_t top = std::min(level, entry.level);
  const Start start = descend(view, entry, top, scorer, stats);

  scratch.chosen.clear();
  scratch.offsets.assign(1, 0);
  CandidatePool& pool = scratch.beam.pool;
  pool.reset(graph_.params().ef_construction);
  pool.insert(start.distance, top > 0 ? start.upper : start.row);
  for (std::uint32_t l = top; l > 0; --l) {
    choose_on_level(UpperLevel{view, l}, scorer, scratch, pairs);
    // All that was found starts the level below; as row numbers on level 0.
    for (Candidate& member : scratch.members) {
      member.id = l == 1 ? member.row : member.id;
    }
    pool.reset(graph_.params().ef_construction);
    for (const Candidate& member : scratch.members) {
      pool.insert(member.distance, member.id);
    }
  }
  choose_on_level(BaseLevel{view}, scorer, scratch, pairs);
}

template <typename Level>
void Builder::choose_on_level(const Level& level, const WalkScorer& scorer, InsertScratch& scratch,
                              RowPairScorer& pairs) {
  CandidatePool& pool = scratch.beam.pool;
  VisitedSet& visited = scratch.beam.visited;
  visited.reset(level.id_count());
  visited.reserve_step(pool.size());
  for (std::size_t i = 0; i < pool.size(); ++i) {
    visited.insert(pool.id(i));
  }
  BeamLimits limits;
  limits.ef = graph_.params().ef_construction;
  limits.k = limits.ef;
  limits.expand = 4;
  BeamStats stats;
  beam_search<false>(level, scorer, limits, {}, scratch.beam, stats);

  scratch.members.clear();
  for (std::size_t i = 0; i < pool.size(); ++i) {
    scratch.members.push_back({pool.id(i), level.row(pool.id(i)), pool.distance(i)});
  }
  const std::size_t begin = scratch.chosen.size();
  scratch.chosen.insert(scratch.chosen.end(), scratch.members.begin(), scratch.members.end());
  const std::size_t kept = select_neighbours(scratch.chosen.data() + begin, scratch.members.size(), graph_.params().m,
                                             pairs, scratch.selection);
  scratch.chosen.resize(begin + kept);
  scratch.offsets.push_back(scratch.chosen.size());
}

void Builder::write_own_lists(std::uint32_t row, std::uint32_t upper, const InsertScratch& scratch) {
  const std::size_t levels = scratch.offsets.size() - 1;
  for (std::size_t part = 0; part < levels; ++part) {
    const auto level = static_cast<std::uint32_t>(levels - 1 - part);
    std::uint32_t* list = level == 0 ? graph_.block(row) : graph_.upper_list(upper, level);
    for (std::size_t i = scratch.offsets[part]; i < scratch.offsets[part + 1]; ++i) {
      store_slot(list++, scratch.chosen[i].id);
    }
  }
}

void Builder::add_reverse_links(std::uint32_t row, std::uint32_t upper, InsertScratch& scratch) {
  RowPairScorer pairs(kernels_, space_);
  const std::size_t levels = scratch.offsets.size() - 1;
  for (std::size_t part = levels; part-- > 0;) {
    const auto level = static_cast<std::uint32_t>(levels - 1 - part);
    for (std::size_t i = scratch.offsets[part]; i < scratch.offsets[part + 1]; ++i) {
      const Candidate owner = scratch.chosen[i];
      const Candidate added{level == 0 ? row : upper, row, owner.distance};
      const RowLock lock(graph_, owner.row);
      std::uint32_t* list = level == 0 ? graph_.block(owner.row) : graph_.upper_list(owner.id, level);
      add_link(list, level == 0 ? graph_.m0() : graph_.params().m, owner, added, level == 0, scratch, pairs);
    }
  }
}

void Builder::add_link(std::uint32_t* list, std::size_t length, const Candidate& owner, const Candidate& added,
                       bool ids_are_rows, InsertScratch& scratch, RowPairScorer& pairs) {
  std::size_t count = 0;
  while (count < length && load_slot(list + count) != kNoNeighbour) {
    ++count;
  }
  if (count < length) {
    store_slot(list + count, added.id);
    return;
  }
  const GraphView view = graph_.view(graph_.capacity());
  scratch.members.clear();
  scratch.selection.rows.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t id = load_slot(list + i);
    scratch.members.push_back({id, ids_are_rows ? id : view.upper_rows[id], 0});
    scratch.selection.rows.push_back(scratch.members.back().row);
  }
  scratch.selection.distances.resize(count);
  pairs.from(owner.row).score(scratch.selection.rows.data(), count, scratch.selection.distances.data());
  for (std::size_t i = 0; i < count; ++i) {
    // Sorting needs an order: rows whose distance overflows f32 into no number count as the farthest.
    float& distance = scratch.members[i].distance;
    distance = scratch.selection.distances[i];
    if (std::isnan(distance)) {
      distance = CandidatePool::kInfinity;
    }
  }
  scratch.members.push_back(added);
  std::sort(scratch.members.begin(), scratch.members.end(), nearer);
  const std::size_t kept =
      select_neighbours(scratch.members.data(), scratch.members.size(), length, pairs, scratch.selection);
  for (std::size_t i = 0; i < length; ++i) {
    store_slot(list + i, i < kept ? scratch.members[i].id : kNoNeighbour);
  }
}

void insert_rows(const simd::Kernels& kernels, const RowSpace& space, MutableGraph& graph, std::uint32_t first,
                 std::uint32_t end, const BuildOptions& options) {
  constexpr std::size_t kRowsAChunk = 64;
  Builder builder(kernels, space, graph);
  std::vector<InsertScratch> scratches(std::max<std::uint32_t>(options.threads, 1));
  std::mutex progress_mutex;
  std::uint64_t done = 0;
  parallel_for(scratches.size(), end - first, kRowsAChunk,
               [&](std::size_t begin, std::size_t stop, std::size_t thread) {
                 for (std::size_t i = begin; i < stop; ++i) {
                   builder.insert(first + static_cast<std::uint32_t>(i), scratches[thread]);
                 }
                 if (options.progress) {
                   const std::lock_guard lock(progress_mutex);
                   done += stop - begin;
                   options.progress(done, end - first);
                 }
               });
  link_unreachable_rows(kernels, space, graph, end);
}

}  // namespace vibrato::hnsw
