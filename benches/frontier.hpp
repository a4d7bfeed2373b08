// Speed at equal recall: the best settings of a contender and what lies between them.
#pragma once

#include <optional>
#include <vector>

namespace vibrato::bench {

struct Point {
  double recall = 0;
  double qps = 0;
};

struct SpeedAt {
  double qps = 0;
  bool lower_bound = false;  // Even the fastest setting measured has more recall than was asked for.
};

// The points that no other beats in both recall and QPS, by rising recall.
[[nodiscard]] std::vector<Point> frontier(std::vector<Point> points);

// QPS at `recall`: log(QPS) is linear in recall between the two neighbouring points of the frontier. Nothing if the
// recall was not reached.
[[nodiscard]] std::optional<SpeedAt> speed_at(const std::vector<Point>& points, double recall);

}  // namespace vibrato::bench
