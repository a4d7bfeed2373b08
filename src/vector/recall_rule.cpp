#include "vector/recall_rule.hpp"

#include <algorithm>
#include <cmath>

#include "base/limits.hpp"

namespace vibrato::vector {
namespace {

constexpr double kNoPoint = std::numeric_limits<double>::infinity();

struct Numbers {
  double slack = 0;
  double reach = 1;
  double recall = 0;
  double expanded = 0;
};

Numbers numbers_of(const format::CalibratedPoint& point) {
  return {point.slack, static_cast<double>(point.reach), point.recall, point.expanded};
}

double between(double a, double b, double weight) {
  return a + (b - a) * weight;
}

double between_logs(double a, double b, double weight) {
  return std::exp(between(std::log(std::max(a, 1e-9)), std::log(std::max(b, 1e-9)), weight));
}

// An infinite slack on either side stays one: the reach alone ends the walk then.
Numbers between(const Numbers& a, const Numbers& b, double weight) {
  if (weight <= 0) {
    return a;
  }
  if (weight >= 1) {
    return b;
  }
  const bool is_finite = std::isfinite(a.slack) && std::isfinite(b.slack);
  return {is_finite ? between(a.slack, b.slack, weight) : kNoPoint, between_logs(a.reach, b.reach, weight),
          between(a.recall, b.recall, weight), between_logs(a.expanded, b.expanded, weight)};
}

// Where a value stands in a grid: the entry at or below it, and how far it is on the way to the next.
struct PlaceOnCurve {
  std::size_t low = 0;
  std::size_t high = 0;
  double weight = 0;
};

template <typename Grid, typename Scale>
PlaceOnCurve place_of(const Grid& grid, double value, Scale scale) {
  const auto is_past = [&](const auto& entry) { return scale(static_cast<double>(entry)) > scale(value); };
  const auto above = std::find_if(grid.begin(), grid.end(), is_past);
  if (above == grid.begin()) {
    return {};
  }
  const auto low = static_cast<std::size_t>(above - grid.begin()) - 1;
  if (above == grid.end()) {
    return {low, low, 0};
  }
  const double begin = scale(static_cast<double>(grid[low]));
  const double weight = (scale(value) - begin) / (scale(static_cast<double>(*above)) - begin);
  return {low, low + 1, weight};
}

double log_scale(double value) {
  return std::log(value);
}
double falling_log_scale(double value) {
  return -std::log(value);
}
double nines_scale(double recall) {
  return -std::log1p(-std::min(recall, 1 - 1e-9));
}

Numbers look_up(const format::Calibration& calibration, const RecallTarget& target, double share) {
  // A float and its decimal text differ in the eighth digit: a target of the grid must hit it.
  const PlaceOnCurve of_target = place_of(calibration.targets, static_cast<double>(target.recall), nines_scale);
  const PlaceOnCurve of_k = place_of(calibration.ks, target.k, log_scale);
  const PlaceOnCurve of_share = place_of(calibration.shares, share, falling_log_scale);
  const auto at_k = [&](std::size_t s, std::size_t k) {
    return between(numbers_of(calibration.point(s, k, of_target.low)),
                   numbers_of(calibration.point(s, k, of_target.high)), of_target.weight);
  };
  const auto at_share = [&](std::size_t s) { return between(at_k(s, of_k.low), at_k(s, of_k.high), of_k.weight); };
  Numbers result = between(at_share(of_share.low), at_share(of_share.high), of_share.weight);
  if (target.k > calibration.ks.back()) {
    const double more = static_cast<double>(target.k) / calibration.ks.back();
    result.reach *= more;
    result.expanded *= more;
  }
  return result;
}

// Of the sets in docs/PERFORMANCE.md and their k from 1 to 100, the most that any needed at .90 to .999, times three.
Numbers guess(const RecallTarget& target) {
  const double reach = (target.k + 20.0) * 0.6 * std::pow(1.0 - static_cast<double>(target.recall), -0.7);
  return {kNoPoint, reach, static_cast<double>(target.recall), reach};
}

std::uint32_t whole(double value, std::uint32_t low, std::uint32_t high) {
  return static_cast<std::uint32_t>(std::clamp(std::ceil(value), static_cast<double>(low), static_cast<double>(high)));
}

}  // namespace

WalkRule walk_rule(float slack, std::uint32_t reach, std::uint32_t k) {
  constexpr std::uint32_t kPoolMin = 64;
  WalkRule rule;
  rule.slack = slack;
  rule.reach = std::min(reach, limits::kEfMax);
  rule.ef = std::max({std::min(2 * rule.reach, limits::kEfMax), std::min(4 * k, limits::kEfMax), kPoolMin});
  return rule;
}

WalkRule rule_for(const format::Calibration* calibration, const RecallTarget& target, double share) {
  const Numbers numbers = calibration != nullptr ? look_up(*calibration, target, share) : guess(target);
  WalkRule rule =
      walk_rule(static_cast<float>(numbers.slack), whole(numbers.reach - 1e-6, 1, limits::kEfMax), target.k);
  rule.effort = whole(numbers.expanded, 1, limits::kEfMax);
  rule.recall = static_cast<float>(numbers.recall);
  rule.is_calibrated = calibration != nullptr;
  return rule;
}

}  // namespace vibrato::vector
