#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <latch>
#include <thread>

namespace vibrato::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kSearchesOfThreadMin = 20'000;  // So that a run is long beside the start of its threads.

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

double recall_of(std::span<const std::uint32_t> found, std::span<const std::uint32_t> right, std::size_t k) {
  std::size_t hits = 0;
  for (const std::uint32_t row : right) hits += std::find(found.begin(), found.end(), row) != found.end() ? 1U : 0U;
  return static_cast<double>(std::min(hits, k)) / static_cast<double>(k);
}

double quantile(std::vector<double>& values, double q) {
  const auto at = static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5);
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(at);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

Quality measure_quality(Contender& contender, const Matrix& queries, const Truth& truth, std::size_t k) {
  std::vector<std::uint32_t> found(k);
  Quality quality;
  contender.counting(true);
  for (std::size_t i = 0; i < queries.rows; ++i) {
    const std::size_t count = contender.search(queries.row(i), found);
    quality.recall += recall_of({found.data(), count}, truth.right_answers(i), k);
  }
  if (const auto distances = contender.distances()) {
    quality.distances_per_query = static_cast<double>(*distances) / static_cast<double>(queries.rows);
  }
  contender.counting(false);
  quality.recall /= static_cast<double>(queries.rows);
  return quality;
}

Pass measure_pass(const Contender& contender, const Matrix& queries, std::size_t k, TimeKind time) {
  std::vector<std::uint32_t> found(k);
  std::vector<double> latencies_us(queries.rows);
  const Stopwatch stopwatch(time);
  auto last = Clock::now();
  for (std::size_t i = 0; i < queries.rows; ++i) {
    contender.search(queries.row(i), found);
    const auto now = Clock::now();
    latencies_us[i] = microseconds(now - last);
    last = now;
  }
  Pass pass;
  pass.qps = static_cast<double>(queries.rows) / stopwatch.seconds();
  pass.p50_us = quantile(latencies_us, 0.50);
  pass.p95_us = quantile(latencies_us, 0.95);
  pass.p99_us = quantile(latencies_us, 0.99);
  return pass;
}

double measure_threads_qps(const Contender& contender, const Matrix& queries, std::size_t k, unsigned threads) {
  // Each thread notes its own times: the one that waits for them may get the processor late.
  struct Span {
    Clock::time_point begin;
    Clock::time_point end;
  };
  const std::size_t searches = std::max(queries.rows, kSearchesOfThreadMin);
  std::latch ready(static_cast<std::ptrdiff_t>(threads));
  std::vector<Span> spans(threads);
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      std::vector<std::uint32_t> found(k);
      const std::size_t first = queries.rows * t / threads;
      ready.arrive_and_wait();
      spans[t].begin = Clock::now();
      for (std::size_t i = 0; i < searches; ++i) contender.search(queries.row((first + i) % queries.rows), found);
      spans[t].end = Clock::now();
    });
  }
  for (auto& worker : workers) worker.join();
  Span all = spans[0];
  for (const Span& span : spans) all = {std::min(all.begin, span.begin), std::max(all.end, span.end)};
  return static_cast<double>(threads) * static_cast<double>(searches) * 1e6 / microseconds(all.end - all.begin);
}

}  // namespace vibrato::bench
