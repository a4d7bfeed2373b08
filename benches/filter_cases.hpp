// Filters for a bench: of given shares of the rows, that have nothing to do with the query, that take the rows around
// it, or that take those far from it. They go by one string of the meta (the label) and one number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "matrix.hpp"

namespace vibrato::bench {

struct Labelled {
  std::string label_key;
  std::string number_key;
  std::vector<std::string> metas;         // JSON text, one a base row.
  std::vector<std::string> labels;        // Names.
  std::vector<std::uint32_t> of_rows;     // Number of the label of each base row,
  std::vector<std::uint32_t> of_queries;  // and of each query.
  std::vector<double> numbers;            // One a base row.
};

// Meta of the rows and of the queries, one JSON object a line. Errors: kIoError, kInvalidArgument.
[[nodiscard]] Result<Labelled> read_labelled(const std::string& rows_path, const std::string& queries_path,
                                             const std::string& label_key, const std::string& number_key);
// Made: the label is the nearest of so many rows of the base, the number is random.
[[nodiscard]] Labelled make_labelled(const Matrix& base, const Matrix& queries, Metric metric, std::uint32_t labels);

struct BenchFilter {
  std::string json;
  std::vector<std::uint32_t> rows;  // That match, ascending.
};

struct FilterCase {
  std::string name;
  std::vector<BenchFilter> filters;
  std::vector<std::uint32_t> of_queries;  // Which of them each query has.
};

enum class FilterKind : std::uint8_t {
  kRandom,  // A range of the number.
  kNear,    // The query's own label, and those whose rows are nearest to its rows on average.
  kFar,     // The labels that are farthest from it, never its own.
};

class FilterCases {
 public:
  FilterCases(const Labelled& labelled, const Matrix& base, Metric metric);

  // `share` of the rows, as near as labels allow.
  [[nodiscard]] FilterCase make(FilterKind kind, double share) const;
  // One filter for all queries. Errors: kInvalidFilter.
  [[nodiscard]] Result<FilterCase> of_json(const std::string& json) const;

 private:
  [[nodiscard]] BenchFilter by_number(std::size_t first, std::size_t count) const;
  [[nodiscard]] BenchFilter by_labels(std::vector<std::uint32_t> order, double share) const;

  const Labelled& labelled_;
  std::vector<std::uint32_t> by_number_;                 // Rows in the order of their numbers.
  std::vector<std::uint32_t> rows_of_label_;             // How many.
  std::vector<std::vector<std::uint32_t>> near_labels_;  // Of each label: itself, then from the nearest on.
};

}  // namespace vibrato::bench
