// The figures of a comparison as text for people and as JSON for scripts.
#pragma once

#include <string>
#include <vector>

#include "comparison.hpp"

namespace vibrato::bench {

// What was measured, for the head of the report.
struct Workload {
  std::string base;
  std::size_t rows = 0;
  std::size_t dim = 0;
  std::size_t queries = 0;
  std::string metric;
  bool rotated = false;
};

// Recalls at which speeds are compared.
inline constexpr double kRecallTargets[] = {0.90, 0.95, 0.98, 0.99, 0.995};

// Every setting of every contender, then QPS at equal recall and the ratios of the first contender to hnswlib.
void print_report(const Workload& workload, const std::vector<Entry>& entries, const ComparisonOptions& options);

// The same as a JSON document.
[[nodiscard]] std::string json_report(const Workload& workload, const std::vector<Entry>& entries,
                                      const ComparisonOptions& options);

}  // namespace vibrato::bench
