#include "search_problem.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "data_files.hpp"
#include "exact.hpp"

namespace vibrato::bench {
namespace {

Metric metric_of(const std::string& name) {
  return name == "cosine" ? Metric::kCosine : name == "dot" ? Metric::kDot : Metric::kL2;
}

}  // namespace

void add_options(CLI::App& app, ProblemFiles& files) {
  app.add_option("--base", files.base, "fvecs, bvecs or npy")->required();
  app.add_option("--queries", files.queries)->required();
  app.add_option("--truth", files.truth, "ivecs; computed without it");
  app.add_option("--metric", files.metric)->check(CLI::IsMember({"l2", "cosine", "dot"}));
  app.add_option("--rows", files.rows, "Only so many rows of the base");
}

Result<SearchProblem> load_problem(const ProblemFiles& files, std::uint32_t k) {
  SearchProblem problem;
  problem.metric = metric_of(files.metric);
  VIBRATO_ASSIGN_OR_RETURN(problem.base, load_matrix(files.base, files.rows));
  VIBRATO_ASSIGN_OR_RETURN(problem.queries, load_matrix(files.queries, 0));
  if (files.rows == 0 && !files.truth.empty()) {
    VIBRATO_ASSIGN_OR_RETURN(problem.truth, load_truth(files.truth, problem.queries.rows));
  } else {
    problem.truth = exact_truth(problem.base, problem.queries, problem.metric, std::max(32U, 2 * k), 2);
  }
  mark_ties(problem.truth, problem.base, problem.queries, problem.metric, k);
  return problem;
}

BenchFolder::BenchFolder(const std::string& kept) : path_(kept), is_kept_(!kept.empty()) {
  if (!is_kept_) {
    std::string name = (std::filesystem::temp_directory_path() / "vibrato_bench.XXXXXX").string();
    path_ = ::mkdtemp(name.data()) == nullptr ? std::string() : name;
  }
}

BenchFolder::~BenchFolder() {
  std::error_code ignored;
  if (!is_kept_) {
    std::filesystem::remove_all(path_, ignored);
  }
}

void print_ratio(double recall, const std::string& first_name, const std::vector<Point>& first,
                 const std::string& second_name, const std::vector<Point>& second) {
  const auto one = speed_at(frontier(first), recall);
  const auto other = speed_at(frontier(second), recall);
  if (!one || !other) {
    std::printf("recall %.3f: not reached by %s\n", recall, one ? second_name.c_str() : first_name.c_str());
    return;
  }
  std::printf("recall %.3f: %s %.0f%s, %s %.0f%s QPS, ratio %.2f\n", recall, first_name.c_str(), one->qps,
              one->lower_bound ? "+" : "", second_name.c_str(), other->qps, other->lower_bound ? "+" : "",
              other->qps / one->qps);
}

}  // namespace vibrato::bench
