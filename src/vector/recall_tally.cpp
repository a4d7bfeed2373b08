#include "vector/recall_tally.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vibrato::vector {
namespace {

constexpr float kNoSlackLimit = std::numeric_limits<float>::infinity();

// 0, then in steps of 3 %, then none at all.
const std::vector<float>& slack_grid() {
  static const std::vector<float> grid = [] {
    constexpr float kFirst = 0.002F;
    constexpr float kLast = 8;
    constexpr float kStep = 1.03F;
    std::vector<float> values = {0};
    for (float value = kFirst; value < kLast; value *= kStep) {
      values.push_back(value);
    }
    values.push_back(kNoSlackLimit);
    return values;
  }();
  return grid;
}

// In steps of a sixteenth.
const std::vector<std::uint32_t>& reach_grid() {
  static const std::vector<std::uint32_t> grid = [] {
    std::vector<std::uint32_t> values;
    for (std::uint32_t value = 1; value < kCalibratedReachMax; value += std::max(1U, value / 16)) {
      values.push_back(value);
    }
    values.push_back(kCalibratedReachMax);
    return values;
  }();
  return grid;
}

// The first entry that meets a need; what none meets is the last one's.
template <typename T>
std::size_t position_of(const std::vector<T>& grid, T need) {
  const auto at = static_cast<std::size_t>(std::lower_bound(grid.begin(), grid.end(), need) - grid.begin());
  return std::min(at, grid.size() - 1);
}

std::size_t cell_of(const hnsw::WalkProbe::Need& need, std::size_t k_index) {
  return position_of(reach_grid(), need.reach) * slack_grid().size() + position_of(slack_grid(), need.slack[k_index]);
}

void sum_up(std::vector<std::uint32_t>& table) {
  const std::size_t width = slack_grid().size();
  for (std::size_t cell = 0; cell < table.size(); ++cell) {
    table[cell] += cell % width != 0 ? table[cell - 1] : 0;
  }
  for (std::size_t cell = width; cell < table.size(); ++cell) {
    table[cell] += table[cell - width];
  }
}

}  // namespace

RecallTally::RecallTally(std::size_t k_index) : k_index_(k_index) {
  for (Table* const table : {&tables_.met, &tables_.distances, &tables_.taken}) {
    table->resize(reach_grid().size() * slack_grid().size());
  }
}

void RecallTally::add(const hnsw::WalkProbe& probe, const TrueRows& truth) {
  const std::uint32_t k = hnsw::kProbedKs[k_index_];
  const std::size_t right = truth.right_for(k);
  const std::size_t wanted = std::min<std::size_t>(k, truth.rows.size());
  std::size_t met = 0;
  for (const hnsw::WalkProbe::Found& found : probe.found()) {
    if (found.rank < right && met < wanted) {
      ++met;
      ++tables_.met[cell_of(found.need, k_index_)];
    }
  }
  ++walks_;
  wanted_ += wanted;
}

void RecallTally::add_cost(const hnsw::WalkProbe& probe, std::uint32_t distances) {
  std::uint32_t of_candidates = 0;
  for (const hnsw::WalkProbe::Taken& taken : std::span(probe.taken()).subspan(1)) {
    const std::size_t cell = cell_of(taken.need, k_index_);
    tables_.distances[cell] += taken.distances;
    ++tables_.taken[cell];
    of_candidates += taken.distances;
  }
  always_ += distances - of_candidates;
  ++cost_walks_;
}

// A standard error of the sample's mean recall: without it half of all calibrations would fall short. The rows that
// one query wants are found or missed together to a part.
double RecallTally::margin_of(double target) const {
  constexpr double kErrors = 0.5;
  constexpr double kCorrelation = 0.1;
  const double k = hnsw::kProbedKs[k_index_];
  const double variance = target * (1 - target) * (1 / k + (1 - 1 / k) * kCorrelation);
  return kErrors * std::sqrt(variance / static_cast<double>(std::max<std::uint64_t>(walks_, 1)));
}

RecallTally::Choice RecallTally::measured(const Tables& sums, std::size_t slack, std::size_t reach) const {
  const std::size_t cell = reach * slack_grid().size() + slack;
  const auto walks = static_cast<double>(std::max<std::uint64_t>(cost_walks_, 1));
  Choice choice{slack, reach};
  choice.recall = wanted_ == 0 ? 0 : static_cast<double>(sums.met[cell]) / static_cast<double>(wanted_);
  choice.distances = (static_cast<double>(always_) + sums.distances[cell]) / walks;
  choice.expanded = sums.taken[cell] / walks;
  return choice;
}

// Of the pairs that reach the target, not above `most` in either: the cheapest, or one with a wider reach that costs
// little more. A slack goes by the distances that a query meets, so it serves queries that are harder than the rows of
// the sample; a reach does not know of them.
bool RecallTally::choose(const Tables& sums, double target, const Choice& most, Choice& best) const {
  const std::size_t width = slack_grid().size();
  constexpr double kLittleMore = 1.06;
  const double enough = target * static_cast<double>(wanted_);
  std::vector<Choice> choices;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t reach = 0; reach <= most.reach; ++reach) {
    const auto row = std::span(sums.met).subspan(reach * width, most.slack + 1);
    const auto first =
        std::partition_point(row.begin(), row.end(), [enough](std::uint32_t rows) { return rows < enough; });
    if (first == row.end()) {
      continue;
    }
    choices.push_back(measured(sums, static_cast<std::size_t>(first - row.begin()), reach));
    least = std::min(least, choices.back().distances);
  }
  for (const Choice& choice : choices) {  // By rising reach.
    if (choice.distances <= kLittleMore * least) {
      best = choice;
    }
  }
  return !choices.empty();
}

std::vector<format::CalibratedPoint> RecallTally::points(std::span<const float> targets) const {
  Tables sums = tables_;
  for (Table* const table : {&sums.met, &sums.distances, &sums.taken}) {
    sum_up(*table);
  }
  const Choice widest = measured(sums, slack_grid().size() - 1, reach_grid().size() - 1);
  // From the highest on: what serves a higher target bounds the lower ones.
  Choice choice = widest;
  std::vector<format::CalibratedPoint> result(targets.size());
  for (std::size_t i = targets.size(); i-- > 0;) {
    const auto target = static_cast<double>(targets[i]);
    const Choice most = choice;
    if (!choose(sums, target + margin_of(target), most, choice) && !choose(sums, target, most, choice)) {
      choice = widest;  // So it was for the targets above.
    }
    result[i].slack = slack_grid()[choice.slack];
    result[i].reach = reach_grid()[choice.reach];
    result[i].recall = static_cast<float>(choice.recall);
    result[i].distances = static_cast<float>(choice.distances);
    result[i].expanded = static_cast<float>(choice.expanded);
  }
  return result;
}

}  // namespace vibrato::vector
