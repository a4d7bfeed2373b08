#include "vector/calibrate.hpp"

#include <algorithm>
#include <array>
#include <vibrato/check.hpp>

#include "hnsw/allowed_search.hpp"
#include "hnsw/held_out.hpp"
#include "hnsw/searcher.hpp"
#include "vector/allowed_search.hpp"
#include "vector/recall_rule.hpp"
#include "vector/recall_tally.hpp"
#include "vector/recall_truth.hpp"

namespace vibrato::vector {
namespace {

constexpr std::array kTargets = {0.50F, 0.60F, 0.70F,  0.75F, 0.80F,  0.85F,  0.90F,  0.925F, 0.95F, 0.96F,
                                 0.97F, 0.98F, 0.985F, 0.99F, 0.993F, 0.995F, 0.997F, 0.998F, 0.999F};
constexpr std::array kShares = {1.0F, 0.5F, 0.1F, 0.02F};
// Candidates of a walk that the plan of a share is chosen for: few, as a walk over allowed rows pays for short ones.
constexpr std::uint32_t kShortWalk = 48;
// The means over many neighbours of a query vary less than those over few: above this k every so many-th sample does.
constexpr std::uint32_t kFew = 10;
constexpr std::size_t kManyEvery = 4;
// With filters; and of those that go to the end of their walk, for its costs.
constexpr std::size_t kFilteredEvery = 3;
constexpr std::size_t kCostEvery = 16;
// What searches find beyond what their needs say: for the smallest k, of which it is a larger part, at some targets.
// Below the first it is as there, above the last it falls to nothing.
constexpr std::size_t kGainKs = 2;
constexpr std::array<std::size_t, 2> kGainTargets = {6, 8};  // .90, .95.
constexpr std::array<std::size_t, kGainKs> kGainSamples = {1024, 512};
// Steps with a filter cost more.
constexpr std::uint32_t kFilteredReachMax = 640;

class Calibrator {
 public:
  Calibrator(const hnsw::RowSpace& space, const hnsw::GraphView& graph, const CalibrationOptions& options)
      : space_(space), graph_(graph), options_(options), probe_(graph.row_count) {}

  Result<format::Calibration> run() {
    const std::uint32_t count = std::min(options_.samples_max, graph_.row_count / options_.rows_a_sample);
    rows_ = hnsw::sample_rows(graph_, count, options_.seed);
    VIBRATO_ASSIGN_OR_RETURN(const hnsw::HeldOutGraph held_out,
                             hnsw::HeldOutGraph::make(simd::kernels(), space_, graph_, rows_));
    std::vector<RowShare> shares;  // The first is all rows.
    for (const float share : kShares) {
      if (share == 1 || options_.all_shares || is_walked(share)) {
        shares.push_back(draw_share(graph_.row_count, share, options_.seed + shares.size()));
      }
    }
    const std::vector<TruthQuery> queries = make_queries(shares.size());
    format::Calibration result;
    result.samples = static_cast<std::uint32_t>(rows_.size());
    result.ks.assign(hnsw::kProbedKs.begin(), hnsw::kProbedKs.end());
    result.targets.assign(kTargets.begin(), kTargets.end());
    for (const RowShare& share : shares) {
      result.shares.push_back(static_cast<float>(share.share));
    }
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<TrueRows> truth,
                             find_true_rows(space_, queries, shares, rows_, options_.keep_going));
    for (std::size_t share = 0; share < shares.size(); ++share) {
      VIBRATO_RETURN_IF_ERROR(
          walk_all(held_out.view(), shares[share], queries, share, truth, shares.size(), result.points));
    }
    return result;
  }

 private:
  // Whether searches under a filter of that share would ever walk over the allowed rows alone: their rules are needed
  // for nothing else.
  [[nodiscard]] bool is_walked(float share) const {
    AllowedCosts costs;
    costs.rows = graph_.row_count;
    costs.allowed = static_cast<std::uint32_t>(share * static_cast<float>(graph_.row_count));
    costs.k = 1;
    costs.ef = kShortWalk;
    costs.list_length = graph_.m0;
    costs.row_bytes =
        static_cast<std::uint32_t>(space_.has_codes() ? space_.codes.stride_bytes : space_.vectors.dim * sizeof(float));
    return choose_plan(costs) == AllowedPlan::kAllowedWalk;
  }

  [[nodiscard]] std::vector<TruthQuery> make_queries(std::size_t shares) const {
    std::vector<TruthQuery> queries;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const bool is_for_many = i % kManyEvery == 0;
      const bool is_filtered = i % kFilteredEvery == 0;
      queries.push_back({rows_[i], is_for_many ? hnsw::kProbedKs.back() : kFew, is_filtered ? shares : 1});
    }
    return queries;
  }

  // Appends the points of a share.
  Status walk_all(const hnsw::GraphView& graph, const RowShare& share, const std::vector<TruthQuery>& queries,
                  std::size_t number, const std::vector<TrueRows>& truth, std::size_t shares,
                  std::vector<format::CalibratedPoint>& points) {
    std::vector<RecallTally> tallies;
    for (std::size_t k = 0; k < hnsw::kProbedKs.size(); ++k) {
      tallies.emplace_back(k);
    }
    std::size_t walks = 0;
    if (number == 0) {
      found_of_.resize(queries.size());
    }
    for (std::size_t i = 0; i < queries.size(); ++i) {
      if (number >= queries[i].shares) {
        continue;
      }
      if (options_.keep_going) {
        VIBRATO_RETURN_IF_ERROR(options_.keep_going());
      }
      const bool is_for_cost = walks++ % kCostEvery == 0;
      const TrueRows& right = truth[i * shares + number];
      probe_.want(right.rows, is_for_cost);
      const hnsw::BeamStats walked = walk_to_the_end({graph, share, queries[i].row});
      if (number == 0) {
        found_of_[i] = probe_.found();
      }
      for (std::size_t k = 0; k < tallies.size(); ++k) {
        if (hnsw::kProbedKs[k] <= queries[i].wanted) {
          tallies[k].add(probe_, right);
        }
        if (is_for_cost) {
          tallies[k].add_cost(probe_, walked.distances);
        }
      }
    }
    for (std::size_t k = 0; k < tallies.size(); ++k) {
      if (number == 0 && k < kGainKs) {
        gains_[k] = gains_of_searches(graph, share, queries, truth, shares, tallies[k], k);
      }
      add_points(tallies[k], gains_[std::min(k, kGainKs)], points);
    }
    return ok_status();
  }

  using Gains = std::array<float, kTargets.size()>;  // Of recall, by target.

  static void add_points(const RecallTally& tally, const Gains& gains, std::vector<format::CalibratedPoint>& points) {
    std::array<float, kTargets.size()> targets = kTargets;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      targets[i] = std::max(targets[i] - gains[i], i == 0 ? 0.0F : targets[i - 1]);
    }
    const std::vector<format::CalibratedPoint> found = tally.points(targets);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      points.push_back(found[i]);
      points.back().recall = std::min(1.0F, found[i].recall + gains[i]);
    }
  }

  struct Query {
    const hnsw::GraphView& graph;
    const RowShare& share;
    std::uint32_t row;
  };

  // Of all rows, taken for shares as well.
  Gains gains_of_searches(const hnsw::GraphView& graph, const RowShare& share, const std::vector<TruthQuery>& queries,
                          const std::vector<TrueRows>& truth, std::size_t shares, const RecallTally& tally,
                          std::size_t k_index) {
    const std::uint32_t k = hnsw::kProbedKs[k_index];
    const std::vector<format::CalibratedPoint> points = tally.points(kTargets);
    const std::size_t every = 1 + (queries.size() - 1) / kGainSamples[k_index];
    Gains gains = {};
    std::size_t before = 0;
    for (const std::size_t at : kGainTargets) {
      const WalkRule rule = walk_rule(points[at].slack, points[at].reach, k);
      double gained = 0;
      double wanted = 0;
      for (std::size_t i = 0; i < queries.size(); i += every) {
        const TrueRows& right = truth[i * shares];
        gained += static_cast<double>(found_by({graph, share, queries[i].row}, rule, k, right)) -
                  static_cast<double>(told_by_needs(found_of_[i], points[at], k_index, right));
        wanted += static_cast<double>(std::min<std::size_t>(k, right.rows.size()));
      }
      gains[at] = wanted > 0 ? static_cast<float>(std::max(0.0, gained / wanted)) : 0.0F;
      for (std::size_t i = before; i < at; ++i) {
        const float weight = before == 0 ? 1 : (kTargets[i] - kTargets[before]) / (kTargets[at] - kTargets[before]);
        gains[i] = before == 0 ? gains[at] : gains[before] + weight * (gains[at] - gains[before]);
      }
      before = at;
    }
    for (std::size_t i = before + 1; i < gains.size(); ++i) {
      gains[i] = gains[before] * (1 - kTargets[i]) / (1 - kTargets[before]);
    }
    return gains;
  }

  static std::size_t told_by_needs(const std::vector<hnsw::WalkProbe::Found>& found,
                                   const format::CalibratedPoint& point, std::size_t k_index, const TrueRows& truth) {
    const std::uint32_t k = hnsw::kProbedKs[k_index];
    const std::size_t right = truth.right_for(k);
    const auto count = std::count_if(found.begin(), found.end(), [&](const hnsw::WalkProbe::Found& one) {
      return one.rank < right && one.need.reach <= point.reach && one.need.slack[k_index] <= point.slack;
    });
    return std::min<std::size_t>(k, static_cast<std::size_t>(count));
  }

  // How many right answers a search under a rule gives.
  std::size_t found_by(const Query& query, const WalkRule& rule, std::uint32_t k, const TrueRows& truth) {
    search(query, [&](auto& params) {
      params.k = k;
      apply(rule, {0, k}, params);
    });
    const auto right = std::span(truth.rows).first(truth.right_for(k));
    const auto found = std::count_if(hits_.begin(), hits_.end(), [right](const hnsw::Hit& hit) {
      return std::find(right.begin(), right.end(), hit.row) != right.end();
    });
    return std::min<std::size_t>(k, static_cast<std::size_t>(found));
  }

  // As many candidates a step as searches take.
  hnsw::BeamStats walk_to_the_end(const Query& query) {
    const auto set = [&](auto& params) {
      params.k = 1;
      params.ef = query.share.bits.empty() ? kCalibratedReachMax : kFilteredReachMax;
      params.rescore = false;
      params.probe = &probe_;
    };
    return search(query, set);
  }

  template <typename Set>
  hnsw::BeamStats search(const Query& query, const Set& set) {
    const float* vector = space_.vectors.base + std::size_t{query.row} * space_.vectors.stride_floats;
    hnsw::SearchStats stats;
    if (query.share.bits.empty()) {
      hnsw::SearchParams params;
      set(params);
      hnsw::search(simd::kernels(), query.graph, space_, vector, params, scratch_, hits_, &stats);
    } else {
      hnsw::AllowedParams params;
      set(params);
      params.allowed = query.share.bits;
      static_cast<void>(
          hnsw::search_allowed(simd::kernels(), query.graph, space_, vector, params, scratch_, hits_, &stats));
    }
    return stats.walk;
  }

  const hnsw::RowSpace& space_;
  const hnsw::GraphView& graph_;
  const CalibrationOptions& options_;
  std::vector<std::uint32_t> rows_;
  hnsw::WalkProbe probe_;
  std::array<Gains, kGainKs + 1> gains_ = {};                  // Of all rows, taken for shares as well. The last: none.
  std::vector<std::vector<hnsw::WalkProbe::Found>> found_of_;  // By query; of all rows.
  hnsw::SearchScratch scratch_;
  std::vector<hnsw::Hit> hits_;
};

}  // namespace

Result<format::Calibration> calibrate(const hnsw::RowSpace& space, const hnsw::GraphView& graph,
                                      const CalibrationOptions& options) {
  VIBRATO_CHECK(space.has_vectors() && options.rows_a_sample > 0);
  if (graph.row_count < kCalibratedRowsMin || graph.entry_row >= graph.row_count) {
    return invalid_argument("a segment of so few rows is not calibrated");
  }
  return Calibrator(space, graph, options).run();
}

}  // namespace vibrato::vector
