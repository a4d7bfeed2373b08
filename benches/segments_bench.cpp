// segments_bench: the rows of one collection in one sealed segment, and in several: dealt in turn, in order of their
// topics, and with halving sizes. Searched in turn in one run, as requests are (Collection::search): recall@10, QPS of
// one thread, distances a query, and QPS at equal recall as a ratio to the one segment. With recall targets in place of
// efforts: what they come to.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <numeric>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "exact.hpp"
#include "frontier.hpp"
#include "io/real_file_system.hpp"
#include "measure.hpp"
#include "sealed_collection.hpp"
#include "search_problem.hpp"
#include "simd/kernels.hpp"
#include "stopwatch.hpp"
#include "vector/collection.hpp"

namespace {

using namespace vibrato;
using namespace vibrato::bench;
using Rows = std::vector<std::uint32_t>;

constexpr std::array<std::uint32_t, 13> kEfs = {12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768};
constexpr std::uint32_t kTopics = 256;

struct Arguments {
  ProblemFiles files;
  std::string folder;
  std::vector<std::string> layouts = {"dealt", "topics", "halving"};
  std::vector<std::uint32_t> efs{kEfs.begin(), kEfs.end()};
  std::vector<float> targets;
  std::uint32_t parts = 8;
  std::uint32_t k = 10;
  unsigned repeat = 5;
  bool processor_time = false;
};

// Rows of a topic are those nearest to one row among kTopics; each topic follows the one that is nearest to it.
Rows in_order_of_topics(const Matrix& base, Metric metric) {
  const simd::Kernels& kernels = simd::kernels();
  const std::uint32_t count = std::min<std::uint32_t>(kTopics, static_cast<std::uint32_t>(base.rows));
  const auto far = [&](std::size_t a, std::size_t b) {
    const float* x = base.row(a).data();
    const float* y = base.row(b).data();
    return metric == Metric::kL2 ? kernels.l2_squared(x, y, base.dim) : -kernels.dot(x, y, base.dim);
  };
  Rows topics(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    topics[i] = static_cast<std::uint32_t>(i * base.rows / count);
  }
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const auto next = std::min_element(topics.begin() + static_cast<std::ptrdiff_t>(i) + 1, topics.end(),
                                       [&](auto a, auto b) { return far(topics[i], a) < far(topics[i], b); });
    std::swap(topics[i + 1], *next);
  }
  std::vector<std::pair<std::uint32_t, std::uint32_t>> placed(base.rows);
  for (std::uint32_t row = 0; row < base.rows; ++row) {
    const auto nearest =
        std::min_element(topics.begin(), topics.end(), [&](auto a, auto b) { return far(row, a) < far(row, b); });
    placed[row] = {static_cast<std::uint32_t>(nearest - topics.begin()), row};
  }
  std::sort(placed.begin(), placed.end());
  Rows rows(base.rows);
  std::transform(placed.begin(), placed.end(), rows.begin(), [](const auto& place) { return place.second; });
  return rows;
}

std::vector<Rows> lay_out(const std::string& layout, const Matrix& base, Metric metric, std::uint32_t parts) {
  Rows all(base.rows);
  std::iota(all.begin(), all.end(), 0U);
  if (layout == "one") {
    return {all};
  }
  std::vector<Rows> result(parts);
  if (layout == "dealt") {
    for (const std::uint32_t row : all) {
      result[row % parts].push_back(row);
    }
    return result;
  }
  if (layout == "topics") {
    all = in_order_of_topics(base, metric);
  }
  std::size_t begin = 0;
  for (std::uint32_t part = 0; part < parts; ++part) {
    const std::size_t left = all.size() - begin;
    const std::size_t take = part + 1 == parts ? left : layout == "topics" ? left / (parts - part) : left / 2;
    result[part].assign(all.begin() + static_cast<std::ptrdiff_t>(begin),
                        all.begin() + static_cast<std::ptrdiff_t>(begin + take));
    begin += take;
  }
  return result;
}

struct Contender {
  std::string name;
  SealedCollection collection;
  std::vector<std::vector<double>> qps;  // By ef, then round.
  std::vector<Point> points;
};

vector::SearchRequest request_of(std::span<const float> query, std::uint32_t k, std::uint32_t ef) {
  vector::SearchRequest request;
  request.vector = query;
  request.k = k;
  request.ef = ef;
  return request;
}

struct Asked {
  double recall = 0;
  double distances = 0;
};

// By effort, or with a target in its place.
Asked measure_answers(const Contender& contender, const Matrix& queries, const Truth& truth, std::uint32_t k,
                      std::uint32_t ef, std::optional<float> target = std::nullopt) {
  Asked asked;
  std::vector<std::uint32_t> found;
  for (std::size_t q = 0; q < queries.rows; ++q) {
    vector::SearchRequest request = request_of(queries.row(q), k, ef);
    request.recall = target;
    const auto answer = contender.collection->search(request, true);
    found.clear();
    for (const vector::PointHit& hit : answer->hits) {
      found.push_back(static_cast<std::uint32_t>(hit.id.number));
    }
    asked.recall += recall_of(found, truth.right_answers(q), k);
    for (const vector::SegmentExplain& part : answer->explain) {
      asked.distances += static_cast<double>(part.stats.distances);
    }
  }
  const auto count = static_cast<double>(queries.rows);
  return {asked.recall / count, asked.distances / count};
}

double qps_of(const Contender& contender, const Matrix& queries, std::uint32_t k, std::uint32_t ef, TimeKind time) {
  const Stopwatch watch(time);
  std::size_t hits = 0;
  for (std::size_t q = 0; q < queries.rows; ++q) {
    hits += contender.collection->search(request_of(queries.row(q), k, ef))->hits.size();
  }
  return hits == 0 ? 0 : static_cast<double>(queries.rows) / watch.seconds();
}

void print_ratios(const std::vector<Contender>& contenders) {
  for (const double recall : {0.90, 0.95, 0.98, 0.99, 0.995, 0.998}) {
    for (std::size_t c = 1; c < contenders.size(); ++c) {
      print_ratio(recall, "one", contenders[0].points, contenders[c].name, contenders[c].points);
    }
  }
}

void compare(std::vector<Contender>& contenders, const Matrix& queries, const Truth& truth,
             const Arguments& arguments) {
  const TimeKind time = arguments.processor_time ? TimeKind::kProcessor : TimeKind::kWall;
  for (unsigned round = 0; round < arguments.repeat; ++round) {
    for (std::size_t i = 0; i < arguments.efs.size(); ++i) {
      for (Contender& contender : contenders) {
        contender.qps.resize(arguments.efs.size());
        contender.qps[i].push_back(qps_of(contender, queries, arguments.k, arguments.efs[i], time));
      }
    }
  }
  std::printf("%5s %8s %8s %8s %10s %6s\n", "ef", "layout", "recall", "QPS", "distances", "ratio");
  for (std::size_t i = 0; i < arguments.efs.size(); ++i) {
    for (Contender& contender : contenders) {
      const Asked asked = measure_answers(contender, queries, truth, arguments.k, arguments.efs[i]);
      contender.points.push_back({asked.recall, quantile(contender.qps[i], 0.5)});
      std::printf("%5u %8s %8.4f %8.0f %10.0f %6.2f\n", arguments.efs[i], contender.name.c_str(), asked.recall,
                  contender.points[i].qps, asked.distances, contender.points[i].qps / contenders[0].points[i].qps);
    }
  }
  print_ratios(contenders);
}

void print_targets(const std::vector<Contender>& contenders, const Matrix& queries, const Truth& truth,
                   const Arguments& arguments) {
  std::printf("%6s %8s %8s %10s\n", "target", "layout", "recall", "distances");
  for (const float target : arguments.targets) {
    for (const Contender& contender : contenders) {
      const Asked asked = measure_answers(contender, queries, truth, arguments.k, 0, target);
      std::printf("%6.3f %8s %8.4f %10.0f\n", target, contender.name.c_str(), asked.recall, asked.distances);
    }
  }
}

Status run(const Arguments& arguments) {
  VIBRATO_ASSIGN_OR_RETURN(const SearchProblem problem, load_problem(arguments.files, arguments.k));
  io::RealFileSystem fs;
  const BenchFolder folder(arguments.folder);
  std::vector<std::string> layouts = arguments.layouts;
  layouts.insert(layouts.begin(), "one");
  std::vector<Contender> contenders;
  for (const std::string& layout : layouts) {
    const std::vector<Rows> parts = lay_out(layout, problem.base, problem.metric, arguments.parts);
    VIBRATO_ASSIGN_OR_RETURN(
        SealedCollection collection,
        SealedCollection::make(fs, folder.path(), layout, {problem.base, problem.metric, {}}, parts));
    contenders.push_back({layout, std::move(collection), {}, {}});
  }
  if (arguments.targets.empty()) {
    compare(contenders, problem.queries, problem.truth, arguments);
  } else {
    print_targets(contenders, problem.queries, problem.truth, arguments);
  }
  return ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("One collection in one sealed segment and in several");
  add_options(app, arguments.files);
  app.add_option("--layouts", arguments.layouts, "Beside the one segment")
      ->delimiter(',')
      ->check(CLI::IsMember({"dealt", "topics", "halving"}));
  app.add_option("--parts", arguments.parts)->check(CLI::Range(2, 64));
  app.add_option("--efs", arguments.efs)->delimiter(',')->check(CLI::Range(1, 10000));
  app.add_option("--targets", arguments.targets, "Recall targets, in place of efforts")->delimiter(',');
  app.add_option("-k", arguments.k)->check(CLI::Range(1, 50));
  app.add_option("--folder", arguments.folder, "Keeps the segments there, and takes those of a run before");
  app.add_option("--repeat", arguments.repeat)->check(CLI::PositiveNumber);
  app.add_flag("--processor-time", arguments.processor_time);
  CLI11_PARSE(app, argc, argv);
  if (const Status status = run(arguments); !status.ok()) {
    fmt::print(stderr, "segments_bench: {}\n", status.message());
    return 1;
  }
  return 0;
}
