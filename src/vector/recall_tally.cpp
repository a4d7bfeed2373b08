#include "vector/recall_tally.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vibrato::vector {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

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
    values.push_back(kInfinity);
    return values;
  }();
  return grid;
}

// In steps of a sixth.
const std::vector<std::uint32_t>& reach_grid() {
  static const std::vector<std::uint32_t> grid = [] {
    std::vector<std::uint32_t> values;
    for (std::uint32_t value = 1; value < kCalibratedReachMax; value += std::max(1U, value / 6)) {
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

}  // namespace

RecallTally::RecallTally(std::size_t k_index) : k_index_(k_index), met_(reach_grid().size() * slack_grid().size()) {}

void RecallTally::add(const hnsw::WalkProbe& probe, const TrueRows& truth) {
  const std::uint32_t k = hnsw::kProbedKs[k_index_];
  const std::size_t right = truth.right_for(k);
  const std::size_t wanted = std::min<std::size_t>(k, truth.rows.size());
  std::size_t met = 0;
  for (const hnsw::WalkProbe::Found& found : probe.found()) {
    if (found.rank < right && met < wanted) {
      ++met;
      const std::size_t reach = position_of(reach_grid(), found.reach);
      ++met_[reach * slack_grid().size() + position_of(slack_grid(), found.slack[k_index_])];
    }
  }
  ++walks_;
  wanted_ += wanted;
}

void RecallTally::add_cost(const hnsw::WalkProbe& probe, std::uint32_t distances, std::uint32_t expanded) {
  const std::vector<hnsw::WalkProbe::Step>& steps = probe.steps();
  Cost cost;
  for (const hnsw::WalkProbe::Step& step : steps) {
    cost.distances.push_back(step.distances);
    cost.expanded.push_back(step.expanded);
  }
  cost.distances.push_back(distances);
  cost.expanded.push_back(expanded);
  std::uint32_t end = 0;
  for (const float slack : slack_grid()) {
    while (end < steps.size() && steps[end].slack[k_index_] <= slack) {
      ++end;
    }
    cost.end_of_slack.push_back(end);
  }
  end = 0;
  for (const std::uint32_t reach : reach_grid()) {
    while (end < steps.size() && steps[end].reach <= reach) {
      ++end;
    }
    cost.end_of_reach.push_back(end);
  }
  costs_.push_back(std::move(cost));
}

// Rows found, by reach and slack.
std::vector<std::uint64_t> RecallTally::summed() const {
  std::vector<std::uint64_t> found = met_;
  const std::size_t width = slack_grid().size();
  for (std::size_t cell = 0; cell < found.size(); ++cell) {
    found[cell] += cell % width != 0 ? found[cell - 1] : 0;
  }
  for (std::size_t cell = width; cell < found.size(); ++cell) {
    found[cell] += found[cell - width];
  }
  return found;
}

// A standard error of the sample's mean recall: without it half of all calibrations would fall short. The rows that
// one query wants are found or missed together to a part.
double RecallTally::margin_of(double target) const {
  constexpr double kErrors = 1;
  constexpr double kCorrelation = 0.1;
  const double k = hnsw::kProbedKs[k_index_];
  const double variance = target * (1 - target) * (1 / k + (1 - 1 / k) * kCorrelation);
  return kErrors * std::sqrt(variance / static_cast<double>(std::max<std::uint64_t>(walks_, 1)));
}

void RecallTally::measure(Choice& choice) const {
  double distances = 0;
  double expanded = 0;
  for (const Cost& cost : costs_) {
    const std::uint32_t end = std::min(cost.end_of_slack[choice.slack], cost.end_of_reach[choice.reach]);
    distances += cost.distances[end];
    expanded += cost.expanded[end];
  }
  const double walks = std::max<double>(1, static_cast<double>(costs_.size()));
  choice.distances = distances / walks;
  choice.expanded = expanded / walks;
}

// Of the pairs that reach the target, not above `most` in either: the cheapest, or one with a wider reach that costs
// little more. A slack goes by the distances that a query meets, so it serves queries that are harder than the rows of
// the sample; a reach does not know of them.
bool RecallTally::choose(std::span<const std::uint64_t> found, double target, const Choice& most, Choice& best) const {
  const std::size_t width = slack_grid().size();
  constexpr double kLittleMore = 1.06;
  const double enough = target * static_cast<double>(wanted_);
  std::vector<Choice> choices;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t reach = 0; reach <= most.reach; ++reach) {
    const auto row = found.subspan(reach * width, most.slack + 1);
    const auto first = std::find_if(row.begin(), row.end(),
                                    [enough](std::uint64_t rows) { return static_cast<double>(rows) >= enough; });
    if (first == row.end()) {
      continue;
    }
    Choice choice{static_cast<std::size_t>(first - row.begin()), reach,
                  static_cast<double>(*first) / static_cast<double>(wanted_)};
    measure(choice);
    least = std::min(least, choice.distances);
    choices.push_back(choice);
  }
  for (const Choice& choice : choices) {  // By rising reach.
    if (choice.distances <= kLittleMore * least) {
      best = choice;
    }
  }
  return !choices.empty();
}

std::vector<format::CalibratedPoint> RecallTally::points(std::span<const float> targets) const {
  const std::vector<std::uint64_t> found = summed();
  Choice widest;
  widest.slack = slack_grid().size() - 1;
  widest.reach = reach_grid().size() - 1;
  widest.recall = wanted_ == 0 ? 0 : static_cast<double>(found.back()) / static_cast<double>(wanted_);
  measure(widest);
  // From the highest on: what serves a higher target bounds the lower ones.
  Choice choice = widest;
  std::vector<format::CalibratedPoint> result(targets.size());
  for (std::size_t i = targets.size(); i-- > 0;) {
    const Choice most = choice;
    if (!choose(found, targets[i] + margin_of(targets[i]), most, choice) && !choose(found, targets[i], most, choice)) {
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
