// archive_bench: one set of rows as an ordinary segment and as an archive (product codes), the same graph behind both,
// searched in turn in one run: recall@10, QPS of one thread, rows scored again, and QPS at equal recall.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <vibrato/result.hpp>

#include "exact.hpp"
#include "frontier.hpp"
#include "io/real_file_system.hpp"
#include "measure.hpp"
#include "search_problem.hpp"
#include "stopwatch.hpp"
#include "store/vdb_row_writer.hpp"
#include "vector/archive.hpp"
#include "vector/built_index.hpp"
#include "vector/graph_file.hpp"
#include "vector/sealed_segment.hpp"

namespace {

using namespace vibrato;
using namespace vibrato::bench;

constexpr std::uint32_t kNeighbours = 10;
constexpr std::array<std::uint32_t, 12> kEfs = {16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384};

struct Arguments {
  ProblemFiles files;
  unsigned repeat = 5;
  bool processor_time = false;
};

struct Tier {
  const char* name;
  std::unique_ptr<vector::SealedSegment> segment;
  std::vector<Point> points;
};

Status write_rows(io::FileSystem& fs, const std::string& path, const Matrix& base, Metric metric) {
  store::VdbWriterOptions options;
  options.dim = static_cast<std::uint32_t>(base.dim);
  options.metric = metric;
  VIBRATO_ASSIGN_OR_RETURN(const auto writer, store::VdbRowWriter::create(fs, path, options));
  for (std::size_t row = 0; row < base.rows; ++row) {
    VIBRATO_RETURN_IF_ERROR(writer->add(base.row(row), ""));
  }
  return writer->commit();
}

Result<std::array<Tier, 2>> make_tiers(const Matrix& base, Metric metric) {
  io::RealFileSystem fs;
  const BenchFolder folder;
  VIBRATO_RETURN_IF_ERROR(write_rows(fs, folder.path("rows.vdb"), base, metric));
  VIBRATO_ASSIGN_OR_RETURN(const auto rows, store::VdbFile::open(fs, folder.path("rows.vdb")));
  VIBRATO_ASSIGN_OR_RETURN(vector::BuiltIndex index, vector::build_index(*rows, {}));
  VIBRATO_RETURN_IF_ERROR(vector::store_index(fs, *rows, index, folder.path("l1.vdb")));
  const Stopwatch watch(TimeKind::kWall);
  VIBRATO_RETURN_IF_ERROR(vector::archive_index(*rows, 1, index));
  std::printf("archive: %.1f s of one thread, %u bytes of codes a row of %zu, %s\n", watch.seconds(),
              index.product->layout().code_bytes, base.dim * sizeof(float),
              index.product->rotated() ? "rotated" : "not rotated");
  VIBRATO_RETURN_IF_ERROR(vector::store_index(fs, *rows, index, folder.path("l2.vdb")));
  std::array<Tier, 2> tiers{Tier{"L1", nullptr, {}}, Tier{"L2", nullptr, {}}};
  // The maps stay when the folder goes.
  VIBRATO_ASSIGN_OR_RETURN(tiers[0].segment, vector::SealedSegment::open(fs, folder.path("l1.vdb")));
  VIBRATO_ASSIGN_OR_RETURN(tiers[1].segment, vector::SealedSegment::open(fs, folder.path("l2.vdb")));
  return tiers;
}

struct Asked {
  double recall = 0;
  double rescored = 0;
  std::uint32_t rescored_max = 0;
};

void ask(const Tier& tier, std::span<const float> query, std::uint32_t ef, std::vector<hnsw::Hit>& hits,
         hnsw::SearchStats& stats) {
  hnsw::SearchParams params;
  params.k = kNeighbours;
  params.ef = ef;
  hnsw::search(simd::kernels(), tier.segment->graph(), tier.segment->space(), query.data(), params,
               hnsw::scratch_of_this_thread(), hits, &stats);
}

Asked measure_answers(const Tier& tier, const Matrix& queries, const Truth& truth, std::uint32_t ef) {
  Asked asked;
  std::vector<hnsw::Hit> hits;
  hnsw::SearchStats stats;
  std::vector<std::uint32_t> found;
  for (std::size_t q = 0; q < queries.rows; ++q) {
    ask(tier, queries.row(q), ef, hits, stats);
    found.clear();
    std::transform(hits.begin(), hits.end(), std::back_inserter(found), [](const hnsw::Hit& hit) { return hit.row; });
    asked.recall += recall_of(found, truth.right_answers(q), kNeighbours);
    asked.rescored += stats.rescored;
    asked.rescored_max = std::max(asked.rescored_max, stats.rescored);
  }
  asked.recall /= static_cast<double>(queries.rows);
  asked.rescored /= static_cast<double>(queries.rows);
  return asked;
}

double qps_of(const Tier& tier, const Matrix& queries, std::uint32_t ef, TimeKind time) {
  std::vector<hnsw::Hit> hits;
  hnsw::SearchStats stats;
  const Stopwatch watch(time);
  for (std::size_t q = 0; q < queries.rows; ++q) {
    ask(tier, queries.row(q), ef, hits, stats);
  }
  return static_cast<double>(queries.rows) / watch.seconds();
}

void compare(std::array<Tier, 2>& tiers, const Matrix& queries, const Truth& truth, const Arguments& arguments) {
  const TimeKind time = arguments.processor_time ? TimeKind::kProcessor : TimeKind::kWall;
  std::array<std::vector<std::vector<double>>, 2> qps;
  qps.fill(std::vector<std::vector<double>>(kEfs.size()));
  for (unsigned round = 0; round < arguments.repeat; ++round) {
    for (std::size_t i = 0; i < kEfs.size(); ++i) {
      for (std::size_t t = 0; t < tiers.size(); ++t) {
        qps[t][i].push_back(qps_of(tiers[t], queries, kEfs[i], time));
      }
    }
  }
  std::printf("%5s %4s %8s %10s %10s %6s\n", "ef", "tier", "recall", "QPS", "rescored", "most");
  for (std::size_t i = 0; i < kEfs.size(); ++i) {
    for (std::size_t t = 0; t < tiers.size(); ++t) {
      const Asked asked = measure_answers(tiers[t], queries, truth, kEfs[i]);
      const double median = quantile(qps[t][i], 0.5);
      tiers[t].points.push_back({asked.recall, median});
      std::printf("%5u %4s %8.4f %10.0f %10.1f %6u\n", kEfs[i], tiers[t].name, asked.recall, median, asked.rescored,
                  asked.rescored_max);
    }
  }
  for (const double recall : {0.90, 0.95, 0.98, 0.99}) {
    print_ratio(recall, tiers[0].name, tiers[0].points, tiers[1].name, tiers[1].points);
  }
}

Status run(const Arguments& arguments) {
  VIBRATO_ASSIGN_OR_RETURN(const SearchProblem problem, load_problem(arguments.files, kNeighbours));
  auto tiers = make_tiers(problem.base, problem.metric);
  VIBRATO_RETURN_IF_ERROR(tiers.status());
  compare(*tiers, problem.queries, problem.truth, arguments);
  return ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("An archive segment beside an ordinary one");
  add_options(app, arguments.files);
  app.add_option("--repeat", arguments.repeat)->check(CLI::PositiveNumber);
  app.add_flag("--processor-time", arguments.processor_time);
  CLI11_PARSE(app, argc, argv);
  if (const Status status = run(arguments); !status.ok()) {
    fmt::print(stderr, "archive_bench: {}\n", status.message());
    return 1;
  }
  return 0;
}
