#include "vector/calibrate.hpp"

#include <algorithm>
#include <array>
#include <vibrato/check.hpp>

#include "hnsw/allowed_search.hpp"
#include "hnsw/held_out.hpp"
#include "hnsw/searcher.hpp"
#include "vector/recall_rule.hpp"
#include "vector/recall_tally.hpp"
#include "vector/recall_truth.hpp"

namespace vibrato::vector {
namespace {

constexpr std::array kTargets = {0.50F, 0.60F, 0.70F,  0.75F, 0.80F,  0.85F,  0.90F,  0.925F, 0.95F, 0.96F,
                                 0.97F, 0.98F, 0.985F, 0.99F, 0.993F, 0.995F, 0.997F, 0.998F, 0.999F};
// Those of them that leave rows enough: of fewer a scan is the better plan, or nearly.
constexpr std::array kShares = {1.0F, 0.5F, 0.1F, 0.02F};
constexpr float kAllowedRowsMin = 5000;
// The means over many neighbours of a query vary less than those over few: above this k every so many-th sample does.
constexpr std::uint32_t kFew = 10;
constexpr std::size_t kManyEvery = 4;
// With filters; and of those that go to the end of their walk, for its costs.
constexpr std::size_t kFilteredEvery = 3;
constexpr std::size_t kCostEvery = 16;
// What steps of several candidates gain: at every so many-th target up to one. For small k it is a difference between
// finding and not, and so takes many samples.
constexpr std::size_t kGainEvery = 4;
constexpr float kGainTargetMax = 0.991F;
constexpr std::array<std::size_t, hnsw::kProbedKs.size()> kGainSamples = {1024, 512, 256, 128, 64};
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
    std::vector<RowShare> shares;
    for (const float share : kShares) {
      if (share == 1 || share * static_cast<float>(graph_.row_count) >= kAllowedRowsMin) {
        shares.push_back(draw_share(graph_.row_count, share, options_.seed + shares.size()));
      }
    }
    format::Calibration result;
    result.samples = static_cast<std::uint32_t>(rows_.size());
    result.ks.assign(hnsw::kProbedKs.begin(), hnsw::kProbedKs.end());
    result.targets.assign(kTargets.begin(), kTargets.end());
    result.shares.assign(kShares.begin(), kShares.begin() + static_cast<std::ptrdiff_t>(shares.size()));
    // The first share is all rows.
    VIBRATO_RETURN_IF_ERROR(measure(held_out.view(), 1, std::span(shares).first(1), result.points));
    VIBRATO_RETURN_IF_ERROR(measure(held_out.view(), kFilteredEvery, std::span(shares).subspan(1), result.points));
    return result;
  }

 private:
  [[nodiscard]] std::vector<TruthQuery> queries_of(std::size_t every) const {
    std::vector<TruthQuery> queries;
    for (std::size_t i = 0; i < rows_.size(); i += every) {
      const bool is_for_many = queries.size() % kManyEvery == 0;
      queries.push_back({rows_[i], is_for_many ? hnsw::kProbedKs.back() : kFew});
    }
    return queries;
  }

  // Appends the points of each of the shares, from every so many-th sample.
  Status measure(const hnsw::GraphView& graph, std::size_t every, std::span<const RowShare> shares,
                 std::vector<format::CalibratedPoint>& points) {
    const std::vector<TruthQuery> queries = queries_of(every);
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<TrueRows> truth,
                             find_true_rows(space_, queries, shares, rows_, options_.keep_going));
    for (std::size_t share = 0; share < shares.size(); ++share) {
      const auto truth_of = [&](std::size_t query) -> const TrueRows& { return truth[query * shares.size() + share]; };
      VIBRATO_RETURN_IF_ERROR(walk_all(graph, shares[share], queries, truth_of, points));
    }
    return ok_status();
  }

  template <typename TruthOf>
  Status walk_all(const hnsw::GraphView& graph, const RowShare& share, const std::vector<TruthQuery>& queries,
                  const TruthOf& truth_of, std::vector<format::CalibratedPoint>& points) {
    std::vector<RecallTally> tallies;
    for (std::size_t k = 0; k < hnsw::kProbedKs.size(); ++k) {
      tallies.emplace_back(k);
    }
    for (std::size_t i = 0; i < queries.size(); ++i) {
      if (options_.keep_going) {
        VIBRATO_RETURN_IF_ERROR(options_.keep_going());
      }
      const bool is_for_cost = i % kCostEvery == 0;
      const TrueRows& truth = truth_of(i);
      probe_.want(truth.rows, is_for_cost);
      const Query query{graph, share, queries[i].row};
      const hnsw::BeamStats walked = walk_to_the_end(query);
      for (std::size_t k = 0; k < tallies.size(); ++k) {
        if (hnsw::kProbedKs[k] <= queries[i].wanted) {
          tallies[k].add(probe_, truth);
        }
        if (is_for_cost) {
          tallies[k].add_cost(probe_, walked.distances, walked.expanded);
        }
      }
    }
    for (std::size_t k = 0; k < tallies.size(); ++k) {
      if (share.bits.empty()) {
        gains_[k] = gains_of_steps(graph, share, queries, truth_of, tallies[k], k);
      }
      const std::vector<float>& gains = gains_[k];
      std::vector<float> targets(kTargets.begin(), kTargets.end());
      for (std::size_t i = 0; i < targets.size(); ++i) {
        targets[i] = std::max(targets[i] - gains[i], i == 0 ? 0.0F : targets[i - 1]);
      }
      for (format::CalibratedPoint point : tallies[k].points(targets)) {
        point.recall = std::min(1.0F, point.recall + gains[points.size() % kTargets.size()]);
        points.push_back(point);
      }
    }
    return ok_status();
  }

  struct Query {
    const hnsw::GraphView& graph;
    const RowShare& share;
    std::uint32_t row;
  };

  // What steps of several candidates add to the recall, at each target: measured at some of them, linear between.
  template <typename TruthOf>
  std::vector<float> gains_of_steps(const hnsw::GraphView& graph, const RowShare& share,
                                    const std::vector<TruthQuery>& queries, const TruthOf& truth_of,
                                    const RecallTally& tally, std::size_t k_index) {
    const std::uint32_t k = hnsw::kProbedKs[k_index];
    const std::vector<format::CalibratedPoint> points = tally.points(kTargets);
    std::vector<float> gains(kTargets.size());
    const std::size_t of_k = k > kFew ? kManyEvery : 1;
    const std::size_t every = std::max<std::size_t>(1, queries.size() / of_k / kGainSamples[k_index]) * of_k;
    std::size_t before = 0;
    for (std::size_t i = 0; i < kTargets.size() && kTargets[i] <= kGainTargetMax; i += kGainEvery) {
      const WalkRule rule = walk_rule(points[i].slack, points[i].reach, k);
      double gained = 0;
      double wanted = 0;
      for (std::size_t query = 0; query < queries.size(); query += every) {
        const TrueRows& truth = truth_of(query);
        const Query one{graph, share, queries[query].row};
        gained += static_cast<double>(found_by(one, rule, k, 0, truth)) -
                  static_cast<double>(found_by(one, rule, k, 1, truth));
        wanted += static_cast<double>(std::min<std::size_t>(k, truth.rows.size()));
      }
      gains[i] = wanted > 0 ? static_cast<float>(std::max(0.0, gained / wanted)) : 0.0F;
      for (std::size_t j = before + 1; j < i; ++j) {
        const float weight = (kTargets[j] - kTargets[before]) / (kTargets[i] - kTargets[before]);
        gains[j] = gains[before] + weight * (gains[i] - gains[before]);
      }
      before = i;
    }
    return gains;
  }

  // How many right answers a search under a rule gives.
  std::size_t found_by(const Query& query, const WalkRule& rule, std::uint32_t k, std::uint32_t expand,
                       const TrueRows& truth) {
    const auto set = [&](auto& params) {
      params.k = k;
      params.expand = expand;
      apply(rule, {0, k}, params);
    };
    search(query, set);
    const auto right = std::span(truth.rows).first(truth.right_for(k));
    const auto found = std::count_if(hits_.begin(), hits_.end(), [right](const hnsw::Hit& hit) {
      return std::find(right.begin(), right.end(), hit.row) != right.end();
    });
    return std::min<std::size_t>(k, static_cast<std::size_t>(found));
  }

  // One candidate a step, so that the needs of each are its own.
  hnsw::BeamStats walk_to_the_end(const Query& query) {
    const auto set = [&](auto& params) {
      params.k = 1;
      params.ef = query.share.bits.empty() ? kCalibratedReachMax : kFilteredReachMax;
      params.expand = 1;
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
  std::array<std::vector<float>, hnsw::kProbedKs.size()> gains_;  // By target; of all rows, taken for shares as well.
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
