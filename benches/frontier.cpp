#include "frontier.hpp"

#include <algorithm>
#include <cmath>

namespace vibrato::bench {

std::vector<Point> frontier(std::vector<Point> points) {
  std::sort(points.begin(), points.end(),
            [](const Point& a, const Point& b) { return a.recall != b.recall ? a.recall > b.recall : a.qps > b.qps; });
  std::vector<Point> best;
  for (const Point& point : points) {
    if (best.empty() || point.qps > best.back().qps) best.push_back(point);
  }
  std::reverse(best.begin(), best.end());
  return best;
}

std::optional<SpeedAt> speed_at(const std::vector<Point>& points, double recall) {
  const std::vector<Point> best = frontier(points);
  const auto above = std::find_if(best.begin(), best.end(), [&](const Point& point) { return point.recall >= recall; });
  if (above == best.end()) return std::nullopt;
  if (above == best.begin()) return SpeedAt{above->qps, above->recall > recall};
  const auto below = std::prev(above);
  const double share = (recall - below->recall) / (above->recall - below->recall);
  return SpeedAt{std::exp(std::log(below->qps) + share * (std::log(above->qps) - std::log(below->qps))), false};
}

}  // namespace vibrato::bench
