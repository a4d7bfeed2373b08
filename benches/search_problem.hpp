// What the benches over segments share: base, queries and right answers from files, the options that name them, and a
// folder for what is built. Ratios at equal recall are printed in one way.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "frontier.hpp"
#include "matrix.hpp"

namespace vibrato::bench {

struct ProblemFiles {
  std::string base;
  std::string queries;
  std::string truth;  // Computed if empty, or if only some rows are taken.
  std::string metric = "l2";
  std::size_t rows = 0;  // All if 0.
};
void add_options(CLI::App& app, ProblemFiles& files);

struct SearchProblem {
  Metric metric = Metric::kL2;
  Matrix base;
  Matrix queries;
  Truth truth;  // With ties marked for `k`.
};
[[nodiscard]] Result<SearchProblem> load_problem(const ProblemFiles& files, std::uint32_t k);

// A temporary folder that goes with the object, or `kept`, which stays.
class BenchFolder {
 public:
  explicit BenchFolder(const std::string& kept = "");
  ~BenchFolder();
  BenchFolder(const BenchFolder&) = delete;
  BenchFolder& operator=(const BenchFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
  bool is_kept_;
};

// Speeds of two at equal recall, and the ratio; says so if one of them does not reach it.
void print_ratio(double recall, const std::string& first_name, const std::vector<Point>& first,
                 const std::string& second_name, const std::vector<Point>& second);

}  // namespace vibrato::bench
