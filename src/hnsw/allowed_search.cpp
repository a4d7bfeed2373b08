#include "hnsw/allowed_search.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <vibrato/check.hpp>

#include "hnsw/descent.hpp"
#include "hnsw/rescore.hpp"
#include "hnsw/search_setup.hpp"

namespace vibrato::hnsw {
namespace {

// Allowed rows, spread over the segment, where a walk begins beside the row that the descent found.
constexpr std::size_t kSeeds = 32;
// With fewer allowed rows in a list than one in so many, the walk looks two hops far.
constexpr std::uint32_t kPassThroughShare = 4;

class AllowedWalk {
 public:
  AllowedWalk(const GraphView& graph, const AllowedParams& params, const WalkScorer& scorer, const BeamLimits& limits,
              BeamScratch& scratch, BeamStats& stats)
      : graph_(graph),
        allowed_(params.allowed),
        alive_(params.alive),
        scorer_(scorer),
        limits_(limits),
        scratch_(scratch),
        stats_(stats) {}

  // False if it gave up.
  bool run(std::uint32_t start) {
    if (limits_.allowed_share > 0 && is_against_the_query(start)) {
      return false;
    }
    // A list in full, and up to twice as many rows from behind it.
    const std::size_t step_max = 3 * std::size_t{graph_.m0} * limits_.expand + kSeeds + 1;
    scratch_.rows.resize(std::max(scratch_.rows.size(), step_max + 1));
    scratch_.distances.resize(std::max(scratch_.distances.size(), step_max));
    scratch_.visited.reset(graph_.row_count);
    scratch_.pool.reset(limits_.ef);
    scratch_.visited.reserve_step(2 * step_max);
    begin_at(start);
    add_seeds();
    score_batch();
    while (stats_.expanded < limits_.expanded_max) {
      if (limits_.probe != nullptr &&
          !limits_.probe->begin_step(scratch_.pool, scratch_.pool, limits_.stop, limits_.expand)) {
        return true;
      }
      const float reach = std::min(bound(), scratch_.pool.kth(limits_.stop.reach));
      const std::size_t taken = scratch_.pool.take(limits_.expand, reach, expanding_.data());
      if (taken == 0) {
        was_cut_ = was_cut_ || scratch_.pool.next_distance() != CandidatePool::kInfinity;
        return true;
      }
      stats_.expanded += static_cast<std::uint32_t>(taken);
      scratch_.visited.reserve_step(2 * step_max);
      for (std::size_t e = 0; e < taken; ++e) {
        gather(graph_.block(expanding_[e]));
        if (limits_.probe != nullptr) {
          limits_.probe->end_candidate(batch_);
        }
      }
      score_batch();
    }
    return false;
  }

  // Whether the stop rule left candidates aside.
  [[nodiscard]] bool was_cut() const { return was_cut_; }

 private:
  [[nodiscard]] float bound() const {
    return std::min(limits_.stop.bound(scratch_.pool.kth(limits_.k)), scratch_.pool.worst());
  }

  // Whether of the rows within two hops of the start far fewer are allowed than of all: the nearest allowed rows are
  // somewhere else then, and a walk from a sample of them would end wherever it finds ef.
  [[nodiscard]] bool is_against_the_query(std::uint32_t start) const {
    constexpr float kShareMin = 0.25F;
    std::uint32_t seen = 0;
    std::uint32_t allowed = 0;
    const auto look_at = [&](std::uint32_t of, const auto& visit) {
      const std::uint32_t* list = graph_.block(of);
      for (std::uint32_t i = 0; i < graph_.m0 && load_slot(list + i) < graph_.row_count; ++i) {
        visit(load_slot(list + i));
      }
    };
    look_at(start, [&](std::uint32_t row) { __builtin_prefetch(graph_.block(row)); });
    look_at(start, [&](std::uint32_t row) {
      look_at(row, [&](std::uint32_t behind) {
        ++seen;
        allowed += is_allowed(behind) ? 1 : 0;
      });
    });
    return static_cast<float>(allowed) < kShareMin * limits_.allowed_share * static_cast<float>(seen);
  }

  [[nodiscard]] bool is_allowed(std::uint32_t row) const {
    const std::size_t word = row / 64;
    return word < allowed_.size() && (allowed_[word] >> (row % 64) & 1) != 0 && alive_(row);
  }

  void add(std::uint32_t row) {
    scratch_.rows[batch_++] = row;
    scorer_.prefetch(row);
  }

  void begin_at(std::uint32_t row) {
    if (scratch_.visited.insert(row) && is_allowed(row)) {
      add(row);
    }
    gather(graph_.block(row));
  }

  void add_seeds() {
    const std::size_t words = std::min<std::size_t>(allowed_.size(), (std::size_t{graph_.row_count} + 63) / 64);
    for (std::size_t seed = 0; seed < kSeeds; ++seed) {
      const std::size_t end = (seed + 1) * words / kSeeds;
      for (std::size_t word = seed * words / kSeeds; word < end; ++word) {
        if (allowed_[word] == 0) {
          continue;
        }
        const auto row =
            static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(allowed_[word])));
        if (row < graph_.row_count && is_allowed(row) && scratch_.visited.insert(row)) {
          add(row);
        }
        break;
      }
    }
  }

  // Adds the allowed rows of a list that were not seen before and, if there are few allowed ones, those behind the
  // others. Passes without a branch on what a row is, which no predictor could guess.
  void gather(const std::uint32_t* list) {
    VisitedSet& visited = scratch_.visited;
    const std::size_t fresh_begin = visited.size();
    const std::size_t batch_begin = batch_;
    std::uint32_t allowed = 0;
    for (std::uint32_t i = 0; i < graph_.m0; ++i) {
      const std::uint32_t row = load_slot(list + i);
      if (row >= graph_.row_count) {
        break;  // The end of the list, or a damaged edge.
      }
      visited.insert(row);
      allowed += is_allowed(row) ? 1 : 0;
    }
    std::size_t passed = 0;
    for (std::size_t i = fresh_begin; i < visited.size(); ++i) {
      const std::uint32_t row = visited.seen()[i];
      const std::size_t is_hit = is_allowed(row) ? 1 : 0;
      scratch_.rows[batch_] = row;
      batch_ += is_hit;
      pass_through_[passed] = row;
      passed += 1 - is_hit;
    }
    if (allowed * kPassThroughShare < graph_.m0) {
      gather_behind(std::span(pass_through_).first(passed));
    }
    for (std::size_t i = batch_begin; i < batch_; ++i) {
      scorer_.prefetch(scratch_.rows[i]);
    }
  }

  void gather_behind(std::span<const std::uint32_t> rows) {
    const std::size_t full = batch_ + graph_.m0;
    for (const std::uint32_t through : rows) {
      __builtin_prefetch(graph_.block(through));
      __builtin_prefetch(graph_.block(through) + 16);
    }
    for (const std::uint32_t through : rows) {
      const std::uint32_t* list = graph_.block(through);
      for (std::uint32_t i = 0; i < graph_.m0; ++i) {
        const std::uint32_t row = load_slot(list + i);
        if (row >= graph_.row_count) {
          break;
        }
        // Others are not marked as seen: they may still be passed through themselves.
        scratch_.rows[batch_] = row;
        batch_ += scratch_.visited.insert_if(row, is_allowed(row)) ? 1 : 0;
      }
      if (batch_ >= full) {
        return;
      }
    }
  }

  void score_batch() {
    const float bound = this->bound();
    scorer_.score(scratch_.rows.data(), batch_, scratch_.distances.data());
    stats_.distances += static_cast<std::uint32_t>(batch_);
    if (limits_.probe != nullptr) {
      limits_.probe->see(scratch_.rows.data(), scratch_.distances.data(), batch_);
    }
    for (std::size_t i = 0; i < batch_; ++i) {
      if (scratch_.distances[i] <= bound) {
        scratch_.pool.insert(scratch_.distances[i], scratch_.rows[i]);
      } else {
        was_cut_ = true;
      }
    }
    batch_ = 0;
    const std::size_t likely = scratch_.pool.peek(limits_.expand, expanding_.data());
    for (std::size_t e = 0; e < likely; ++e) {
      __builtin_prefetch(graph_.block(expanding_[e]));
      __builtin_prefetch(graph_.block(expanding_[e]) + 16);
    }
  }

  const GraphView& graph_;
  const std::span<const std::uint64_t> allowed_;
  const RowPredicate& alive_;
  const WalkScorer& scorer_;
  const BeamLimits& limits_;
  BeamScratch& scratch_;
  BeamStats& stats_;
  std::size_t batch_ = 0;  // Rows waiting in scratch_.rows.
  bool was_cut_ = false;
  std::array<std::uint32_t, kExpandMax> expanding_{};
  std::array<std::uint32_t, 2 * limits::kGraphMMax + 1> pass_through_{};
};

}  // namespace

bool search_allowed(const simd::Kernels& kernels, const GraphView& graph, const RowSpace& space, const float* query,
                    const AllowedParams& params, SearchScratch& scratch, std::vector<Hit>& hits, SearchStats* stats) {
  VIBRATO_CHECK(params.k >= 1 && space.row_count >= graph.row_count);
  hits.clear();
  if (graph.entry_row >= graph.row_count) {
    return false;
  }
  const PreparedSearch prepared(kernels, space, query, scratch);
  BeamLimits limits;
  limits.k = params.stop_k == 0 ? params.k : std::min(params.stop_k, params.k);
  limits.ef = std::max(params.ef, params.k);
  limits.expand = params.expand != 0 ? std::min<std::size_t>(params.expand, kExpandMax) : default_expand(space);
  limits.expanded_max = params.expanded_max;
  limits.allowed_share = params.allowed_share;
  limits.stop = stop_rule(space, prepared.query_norm(), scratch.query);
  limits.stop.slack = params.slack;
  limits.stop.reach = params.reach;
  limits.probe = params.probe;
  const bool has_rule = params.slack != CandidatePool::kInfinity || params.reach < limits.ef;

  SearchStats local;
  const EntryPoint entry{graph.entry_row, graph.entry_upper, graph.max_level};
  const Start start = descend(graph, entry, 0, prepared.scorer(), local.walk);
  AllowedWalk walk(graph, params, prepared.scorer(), limits, scratch.beam, local.walk);
  const bool is_done = walk.run(start.row);
  const CandidatePool& found = scratch.beam.pool;
  if (!is_done) {
    if (stats != nullptr) {
      *stats = local;
    }
    return false;
  }
  local.rescored = take_hits(kernels, space, query, {params.k, params.rescore, params.known}, found, scratch, hits);
  local.vouched = static_cast<std::uint32_t>(hits.size());
  if (stats != nullptr) {
    *stats = local;
  }
  return found.full() || (has_rule && walk.was_cut() && found.size() >= params.k);
}

}  // namespace vibrato::hnsw
