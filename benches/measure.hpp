// One contender at one setting: recall against the exact answers, speed and latency of one query a call.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "contender.hpp"
#include "matrix.hpp"
#include "stopwatch.hpp"

namespace vibrato::bench {

// One timed pass over all queries in one thread.
struct Pass {
  double qps = 0;
  double p50_us = 0;
  double p95_us = 0;
  double p99_us = 0;
};

struct Quality {
  double recall = 0;  // Share of the true k found, mean over the queries.
  std::optional<double> distances_per_query;
};

// Asks every query once, untimed, which also warms caches. Requires: truth is marked for k and has all queries.
[[nodiscard]] Quality measure_quality(Contender& contender, const Matrix& queries, const Truth& truth, std::size_t k);

// `time` is what QPS is counted in; latencies are of the wall.
[[nodiscard]] Pass measure_pass(const Contender& contender, const Matrix& queries, std::size_t k, TimeKind time);

// Queries a second of `threads` threads that share the queries, each answering all of them at least once,
// from its own place on.
[[nodiscard]] double measure_threads_qps(const Contender& contender, const Matrix& queries, std::size_t k,
                                         unsigned threads);

// Share of the k wanted rows that `found` holds; `right` are the true k and those that tie with the last of them.
[[nodiscard]] double recall_of(std::span<const std::uint32_t> found, std::span<const std::uint32_t> right,
                               std::size_t k);

// The q-quantile (0 to 1) of `values`, which it reorders. Requires: not empty.
[[nodiscard]] double quantile(std::vector<double>& values, double q);

}  // namespace vibrato::bench
