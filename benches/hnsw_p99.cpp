// hnsw_p99: latency of single searches in a small index (5,000 random unit vectors of 128 dims, M 16,
// ef_construction 100, k 10), vibrato and hnswlib in alternating blocks of one run.
//
// Three ways to ask: `fixed` repeats one query, so that everything it touches is in the nearest caches; `mixed` goes
// round a set of 1,000 queries; `fresh` never asks the same query twice.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <vibrato/result.hpp>

#include "contender.hpp"
#include "exact.hpp"
#include "measure.hpp"
#include "random_vectors.hpp"

namespace {

using namespace vibrato;
using namespace vibrato::bench;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kDim = 128;
constexpr std::size_t kNeighbours = 10;
constexpr std::size_t kTiesSeen = 22;  // Rows beyond the k-th that are looked at for ties with it.
constexpr std::size_t kMixedQueries = 1000;

struct Arguments {
  std::size_t rows = 5000;
  std::size_t searches = 20000;
  std::size_t block = 500;  // Searches of one contender before the other's turn.
  std::uint64_t seed = 1;
  std::vector<std::uint32_t> efs = {20, 50, 100};
  float slack = 0;
  std::string codes = "auto";
};

struct QuerySet {
  std::string name;
  Matrix queries;
  Truth truth;
};

QuerySet query_set(std::string name, std::size_t count, const Matrix& base, std::uint64_t seed) {
  QuerySet set{std::move(name), random_unit_vectors(count, kDim, seed), {}};
  set.truth = exact_truth(base, set.queries, Metric::kCosine, kNeighbours + kTiesSeen, 2);
  mark_ties(set.truth, base, set.queries, Metric::kCosine, kNeighbours);
  return set;
}

struct Figures {
  double p50_us = 0;
  double p99_us = 0;
  double recall = 0;
};

class Run {
 public:
  explicit Run(std::vector<std::unique_ptr<Contender>> contenders) : contenders_(std::move(contenders)) {}

  Status build(const Matrix& base, const BuildOptions& options) {
    for (auto& contender : contenders_) {
      VIBRATO_RETURN_IF_ERROR(contender->build(base, options));
      VIBRATO_RETURN_IF_ERROR(contender->prepare());
    }
    return ok_status();
  }

  // One line a contender, then the ratio of the first to the second.
  void measure(const QuerySet& set, const Effort& effort, const Arguments& arguments) {
    std::vector<std::vector<double>> latencies_us(contenders_.size());
    std::vector<Figures> figures(contenders_.size());
    for (std::size_t i = 0; i < contenders_.size(); ++i) {
      contenders_[i]->set_effort(effort);
      figures[i].recall = measure_quality(*contenders_[i], set.queries, set.truth, kNeighbours).recall;
    }
    for (std::size_t begin = 0; begin < arguments.searches; begin += arguments.block) {
      const std::size_t end = std::min(begin + arguments.block, arguments.searches);
      for (std::size_t i = 0; i < contenders_.size(); ++i)
        time_block(*contenders_[i], set, begin, end, latencies_us[i]);
    }
    for (std::size_t i = 0; i < contenders_.size(); ++i) {
      figures[i].p50_us = quantile(latencies_us[i], 0.50);
      figures[i].p99_us = quantile(latencies_us[i], 0.99);
      fmt::print("ef {:>4}  {:<6} {:<8} p50 {:>7.2f} us  p99 {:>7.2f} us  recall {:.4f}\n", effort.ef, set.name,
                 contenders_[i]->name(), figures[i].p50_us, figures[i].p99_us, figures[i].recall);
    }
    if (figures.size() < 2) return;
    fmt::print("ef {:>4}  {:<6} {}/{}: p50 {:.2f}x  p99 {:.2f}x  recall {:+.4f}\n", effort.ef, set.name,
               contenders_[0]->name(), contenders_[1]->name(), figures[0].p50_us / figures[1].p50_us,
               figures[0].p99_us / figures[1].p99_us, figures[0].recall - figures[1].recall);
  }

 private:
  static void time_block(const Contender& contender, const QuerySet& set, std::size_t begin, std::size_t end,
                         std::vector<double>& latencies_us) {
    std::uint32_t found[kNeighbours];
    auto last = Clock::now();
    for (std::size_t i = begin; i < end; ++i) {
      contender.search(set.queries.row(i % set.queries.rows), found);
      const auto now = Clock::now();
      latencies_us.push_back(std::chrono::duration<double, std::micro>(now - last).count());
      last = now;
    }
  }

  std::vector<std::unique_ptr<Contender>> contenders_;
};

Status run(const Arguments& arguments) {
  std::vector<std::unique_ptr<Contender>> contenders;
  for (auto& contender : {&make_vibrato, &make_hnswlib}) {
    if (auto made = contender()) contenders.push_back(std::move(made));
  }
  if (contenders.empty()) return unavailable("neither vibrato nor hnswlib is part of this build");

  const Matrix base = random_unit_vectors(arguments.rows, kDim, arguments.seed);
  Run run(std::move(contenders));
  BuildOptions options{.metric = Metric::kCosine, .m = 16, .ef_construction = 100};
  options.codes = arguments.codes;
  VIBRATO_RETURN_IF_ERROR(run.build(base, options));
  fmt::print("{} random unit vectors of {} dims, M 16, ef_construction 100, k {}, {} searches each, seed {}\n",
             arguments.rows, kDim, kNeighbours, arguments.searches, arguments.seed);

  const QuerySet sets[] = {query_set("fixed", 1, base, arguments.seed + 1),
                           query_set("mixed", kMixedQueries, base, arguments.seed + 2),
                           query_set("fresh", arguments.searches, base, arguments.seed + 3)};
  for (const std::uint32_t ef : arguments.efs) {
    for (const QuerySet& set : sets) run.measure(set, {ef, arguments.slack}, arguments);
  }
  return ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Latency of single searches in a small index, beside hnswlib"};
  Arguments arguments;
  app.add_option("--rows", arguments.rows, "Vectors in the index")
      ->check(CLI::Range(std::size_t{100}, std::size_t{1000000}));
  app.add_option("--searches", arguments.searches, "Timed searches a setting")->check(CLI::PositiveNumber);
  app.add_option("--block", arguments.block, "Searches of one contender at a time")->check(CLI::PositiveNumber);
  app.add_option("--seed", arguments.seed, "Of vectors and queries");
  app.add_option("--ef", arguments.efs, "Efforts")->delimiter(',');
  app.add_option("--slack", arguments.slack, "vibrato's stop by distance; 0 leaves the stop to ef alone");
  app.add_option("--codes", arguments.codes, "Codes that vibrato walks on: auto, sq8, sq4, none");
  CLI11_PARSE(app, argc, argv);
  if (const Status status = run(arguments); !status.ok()) {
    fmt::print(stderr, "hnsw_p99: {}\n", status.message());
    return 1;
  }
  return 0;
}
