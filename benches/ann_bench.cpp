// ann_bench: recall, speed, latency, build time and memory of vibrato's HNSW beside its peers, on any vector files.
// docs/PERFORMANCE.md describes the method.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <string>

#include "comparison.hpp"
#include "data_files.hpp"
#include "exact.hpp"
#include "report.hpp"

namespace {

using namespace vibrato;
using namespace vibrato::bench;

constexpr std::size_t kTiesSeen = 22;  // Rows beyond the k-th that are looked at for ties with it.

struct Arguments {
  std::string data_dir;
  std::string base;
  std::string queries;
  std::string truth;
  std::string metric = "l2";
  std::vector<std::string> peers = {"hnswlib"};
  std::vector<std::string> own_efforts;
  std::vector<std::uint32_t> peer_efs;
  std::string json_path;
  std::string vdb_path;
  std::size_t limit = 0;
  std::size_t query_limit = 0;
  std::optional<std::uint64_t> rotation_seed;
  unsigned threads = 1;
  unsigned truth_threads = 2;
  bool no_own = false;
  bool flat = false;
  bool processor_time = false;
  ComparisonOptions options;
};

void declare(CLI::App& app, Arguments& arguments) {
  app.add_option("--data-dir", arguments.data_dir, "Folder that relative paths start from")->envname("VIBRATO_DATA");
  app.add_option("--base", arguments.base, "Vectors to index: .fvecs, .bvecs or .npy")->required();
  app.add_option("--queries", arguments.queries, "Vectors to search: .fvecs, .bvecs or .npy")->required();
  app.add_option("--truth", arguments.truth, "Exact answers (.ivecs); computed if absent");
  app.add_option("--metric", arguments.metric, "cosine, dot or l2")->check(CLI::IsMember({"cosine", "dot", "l2"}));
  app.add_option("--limit", arguments.limit, "Index only so many rows (the exact answers are then computed)");
  app.add_option("--query-limit", arguments.query_limit, "Ask only so many queries");
  app.add_option("--rotate-normalise", arguments.rotation_seed,
                 "Turn all vectors by a random rotation of this seed and make them of unit length");
  app.add_option("--k", arguments.options.k, "Neighbours a query")->check(CLI::PositiveNumber);
  app.add_option("--m", arguments.options.build.m, "Links a row in the upper levels; twice as many in the lowest");
  app.add_option("--ef-construction", arguments.options.build.ef_construction, "Beam width while building");
  app.add_option("--codes", arguments.options.build.codes, "Codes that vibrato walks on: auto, sq8, sq4, none");
  app.add_option("--threads", arguments.threads, "Above 1: also build and search with so many threads");
  app.add_option("--truth-threads", arguments.truth_threads, "Threads that compute the exact answers");
  app.add_option("--repeat", arguments.options.repeat, "Timed passes a setting")->check(CLI::PositiveNumber);
  app.add_flag("--processor-time", arguments.processor_time,
               "Count processor time in building and QPS, for a machine that does other work too");
  app.add_option("--peers", arguments.peers, "hnswlib, faiss, or none")->delimiter(',');
  app.add_option("--efforts", arguments.own_efforts, "vibrato's settings, as ef:slack")->delimiter(',');
  app.add_option("--peer-efs", arguments.peer_efs, "The peers' settings")->delimiter(',');
  app.add_option("--vdb", arguments.vdb_path, "Also search this .vdb file of the base vectors, as the server does");
  app.add_flag("--no-vibrato", arguments.no_own, "Measure the peers alone");
  app.add_flag("--flat", arguments.flat, "Also measure exact search over all rows");
  app.add_option("--json", arguments.json_path, "Write the figures to this file");
}

std::string resolve(const Arguments& arguments, const std::string& path) {
  if (path.empty() || path.front() == '/' || arguments.data_dir.empty()) return path;
  return arguments.data_dir + "/" + path;
}

std::vector<Effort> parse_efforts(const std::vector<std::string>& texts) {
  std::vector<Effort> efforts;
  for (const std::string& text : texts) {
    const auto colon = text.find(':');
    efforts.push_back({static_cast<std::uint32_t>(std::stoul(text.substr(0, colon))),
                       colon == std::string::npos ? 0.0F : std::stof(text.substr(colon + 1))});
  }
  return efforts;
}

std::vector<std::unique_ptr<Contender>> contenders(const Arguments& arguments) {
  std::vector<std::unique_ptr<Contender>> all;
  const auto add = [&](std::unique_ptr<Contender> contender, std::string_view name) {
    if (contender) {
      all.push_back(std::move(contender));
    } else {
      fmt::print(stderr, "{} is not part of this build\n", name);
    }
  };
  if (!arguments.no_own) add(make_vibrato(), "vibrato");
  for (const std::string& peer : arguments.peers) {
    if (peer == "hnswlib") add(make_hnswlib(), peer);
    if (peer == "faiss") add(make_faiss(), peer);
  }
  if (!arguments.vdb_path.empty()) add(make_vibrato_file(arguments.vdb_path), "vibrato_file");
  if (arguments.flat) add(make_flat(), "flat");
  return all;
}

Result<Truth> find_truth(const Arguments& arguments, const Matrix& base, const Matrix& queries, Metric metric) {
  if (!arguments.truth.empty() && arguments.limit == 0 && !arguments.rotation_seed) {
    VIBRATO_ASSIGN_OR_RETURN(Truth truth, load_truth(resolve(arguments, arguments.truth), arguments.query_limit));
    if (truth.rows != queries.rows || truth.width < arguments.options.k) {
      return invalid_argument("the exact answers do not fit the queries");
    }
    return truth;
  }
  fmt::print(stderr, "computing the exact answers\n");
  return exact_truth(base, queries, metric, arguments.options.k + kTiesSeen, std::max(1U, arguments.truth_threads));
}

Status run(Arguments& arguments) {
  VIBRATO_ASSIGN_OR_RETURN(Matrix base, load_matrix(resolve(arguments, arguments.base), arguments.limit));
  VIBRATO_ASSIGN_OR_RETURN(Matrix queries, load_matrix(resolve(arguments, arguments.queries), arguments.query_limit));
  if (base.dim != queries.dim) return invalid_argument("base and queries have different dims");
  if (base.rows < arguments.options.k) return invalid_argument("the base has fewer than k rows");
  const Metric metric = *parse_metric(arguments.metric);
  if (arguments.rotation_seed) rotate_and_normalise(base, queries, *arguments.rotation_seed);
  VIBRATO_ASSIGN_OR_RETURN(Truth truth, find_truth(arguments, base, queries, metric));
  mark_ties(truth, base, queries, metric, arguments.options.k);

  ComparisonOptions& options = arguments.options;
  options.build.metric = metric;
  options.time = arguments.processor_time ? TimeKind::kProcessor : TimeKind::kWall;
  options.scaling_threads = arguments.threads;
  options.own_efforts = parse_efforts(arguments.own_efforts);
  for (const std::uint32_t ef : arguments.peer_efs) options.peer_efforts.push_back({ef, 0});
  const Workload workload{arguments.base, base.rows,        base.dim,
                          queries.rows,   arguments.metric, arguments.rotation_seed.has_value()};
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<Entry> entries,
                           compare(contenders(arguments), std::move(base), queries, truth, options));
  print_report(workload, entries, options);
  if (!arguments.json_path.empty()) {
    std::ofstream out(arguments.json_path);
    out << json_report(workload, entries, options) << '\n';
    if (!out.flush()) return io_error(fmt::format("{}: cannot be written", arguments.json_path));
  }
  return ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Compares vibrato's HNSW with its peers at equal recall"};
  Arguments arguments;
  declare(app, arguments);
  CLI11_PARSE(app, argc, argv);
  try {
    if (const Status status = run(arguments); !status.ok()) {
      fmt::print(stderr, "ann_bench: {}\n", status.message());
      return 1;
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "ann_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
