#include "filter_cases.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <simdjson.h>

#include "filter/matcher.hpp"
#include "filter/parse_filter.hpp"
#include "simd/kernels.hpp"

namespace vibrato::bench {
namespace {

constexpr std::uint32_t kRandomFilters = 16;
constexpr std::uint32_t kNumberMax = 1'000'000;

Result<std::vector<std::string>> read_lines(const std::string& path) {
  std::ifstream in(path);
  if (!in) return io_error(fmt::format("{}: cannot be opened", path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class LabelNumbers {
 public:
  explicit LabelNumbers(std::vector<std::string>& names) : names_(names) {}
  std::uint32_t of(const std::string& name) {
    const auto [at, is_new] = numbers_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (is_new) names_.push_back(name);
    return at->second;
  }

 private:
  std::vector<std::string>& names_;
  std::map<std::string, std::uint32_t> numbers_;
};

std::vector<std::uint32_t> nearest_of(const Matrix& rows, const Matrix& centres, Metric metric) {
  const simd::Kernels& kernels = simd::kernels();
  std::vector<std::uint32_t> nearest(rows.rows);
  for (std::size_t row = 0; row < rows.rows; ++row) {
    float best = std::numeric_limits<float>::infinity();
    for (std::uint32_t c = 0; c < centres.rows; ++c) {
      const float* a = rows.row(row).data();
      const float* b = centres.row(c).data();
      const float far = metric == Metric::kL2 ? kernels.l2_squared(a, b, rows.dim) : -kernels.dot(a, b, rows.dim);
      if (far < best) {
        best = far;
        nearest[row] = c;
      }
    }
  }
  return nearest;
}

Matrix means_of_labels(const Labelled& labelled, const Matrix& base) {
  Matrix means{labelled.labels.size(), base.dim, std::vector<float>(labelled.labels.size() * base.dim)};
  std::vector<float> counts(labelled.labels.size());
  for (std::size_t row = 0; row < base.rows; ++row) {
    const std::uint32_t label = labelled.of_rows[row];
    counts[label] += 1;
    for (std::size_t d = 0; d < base.dim; ++d) means.row(label)[d] += base.row(row)[d];
  }
  for (std::size_t label = 0; label < means.rows; ++label) {
    for (float& value : means.row(label)) value /= std::max(1.0F, counts[label]);
  }
  return means;
}

}  // namespace

Result<Labelled> read_labelled(const std::string& rows_path, const std::string& queries_path,
                               const std::string& label_key, const std::string& number_key) {
  Labelled made{label_key, number_key, {}, {}, {}, {}, {}};
  VIBRATO_ASSIGN_OR_RETURN(made.metas, read_lines(rows_path));
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<std::string> of_queries, read_lines(queries_path));
  LabelNumbers labels(made.labels);
  const auto label_of = [&](const std::string& line) {
    return labels.of(nlohmann::json::parse(line).value(label_key, std::string()));
  };
  for (const std::string& line : made.metas) {
    made.of_rows.push_back(label_of(line));
    made.numbers.push_back(nlohmann::json::parse(line).value(number_key, 0.0));
  }
  for (const std::string& line : of_queries) made.of_queries.push_back(label_of(line));
  return made;
}

Labelled make_labelled(const Matrix& base, const Matrix& queries, Metric metric, std::uint32_t labels) {
  Labelled made{"topic", "number", {}, {}, {}, {}, {}};
  Matrix centres{labels, base.dim, {}};
  for (std::uint32_t i = 0; i < labels; ++i) {
    const auto row = base.row(i * base.rows / labels);
    centres.values.insert(centres.values.end(), row.begin(), row.end());
    made.labels.push_back(fmt::format("t{}", i));
  }
  made.of_rows = nearest_of(base, centres, metric);
  made.of_queries = nearest_of(queries, centres, metric);
  std::mt19937 random(7);
  for (std::size_t row = 0; row < base.rows; ++row) {
    made.numbers.push_back(static_cast<double>(random() % kNumberMax));
    made.metas.push_back(fmt::format(R"({{"topic":"t{}","number":{}}})", made.of_rows[row], made.numbers.back()));
  }
  return made;
}

FilterCases::FilterCases(const Labelled& labelled, const Matrix& base, Metric metric)
    : labelled_(labelled), by_number_(base.rows), rows_of_label_(labelled.labels.size()) {
  std::iota(by_number_.begin(), by_number_.end(), 0U);
  std::sort(by_number_.begin(), by_number_.end(),
            [&](auto a, auto b) { return labelled.numbers[a] < labelled.numbers[b]; });
  for (const std::uint32_t label : labelled.of_rows) ++rows_of_label_[label];
  const simd::Kernels& kernels = simd::kernels();
  const Matrix means = means_of_labels(labelled, base);
  for (std::uint32_t label = 0; label < means.rows; ++label) {
    const auto far = [&](std::uint32_t other) {
      const float* a = means.row(label).data();
      const float* b = means.row(other).data();
      if (other == label) return -std::numeric_limits<float>::infinity();
      return metric == Metric::kL2 ? kernels.l2_squared(a, b, base.dim) : -kernels.dot(a, b, base.dim);
    };
    std::vector<std::uint32_t>& order = near_labels_.emplace_back(means.rows);
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return far(a) < far(b); });
  }
}

BenchFilter FilterCases::by_number(std::size_t first, std::size_t count) const {
  const double low = labelled_.numbers[by_number_[first]];
  const double high = labelled_.numbers[by_number_[first + count - 1]];
  BenchFilter filter;
  filter.json = fmt::format(R"({{"key":"{}","range":{{"gte":{},"lte":{}}}}})", labelled_.number_key, low, high);
  for (std::uint32_t row = 0; row < labelled_.numbers.size(); ++row) {
    if (labelled_.numbers[row] >= low && labelled_.numbers[row] <= high) filter.rows.push_back(row);
  }
  return filter;
}

// Labels in their order until the share is reached; a part of one label by the number.
BenchFilter FilterCases::by_labels(std::vector<std::uint32_t> order, double share) const {
  const auto all = static_cast<double>(labelled_.of_rows.size());
  std::vector<bool> taken(labelled_.labels.size());
  std::string names;
  double rows = 0;
  for (const std::uint32_t label : order) {
    if (rows_of_label_[label] == 0) continue;
    // The query's own label comes whatever it takes, others only where they do not overshoot.
    const bool fits = rows + 0.5 * rows_of_label_[label] <= share * all;
    if (rows > 0 && !fits) continue;
    taken[label] = true;
    names += (names.empty() ? "\"" : ",\"") + labelled_.labels[label] + "\"";
    rows += rows_of_label_[label];
    if (rows >= 0.9 * share * all) break;
  }
  BenchFilter filter;
  filter.json = fmt::format(R"({{"key":"{}","match":{{"any":[{}]}}}})", labelled_.label_key, names);
  BenchFilter range;
  if (rows > 1.5 * share * all) {
    const auto count = static_cast<std::size_t>(share * all / rows * all);
    range = by_number((by_number_.size() - count) / 2, count);
    filter.json = fmt::format(R"({{"must":[{},{}]}})", filter.json, range.json);
  }
  for (std::uint32_t row = 0; row < labelled_.of_rows.size(); ++row) {
    if (taken[labelled_.of_rows[row]]) filter.rows.push_back(row);
  }
  if (!range.rows.empty()) {
    std::vector<std::uint32_t> both;
    std::set_intersection(filter.rows.begin(), filter.rows.end(), range.rows.begin(), range.rows.end(),
                          std::back_inserter(both));
    filter.rows = std::move(both);
  }
  return filter;
}

FilterCase FilterCases::make(FilterKind kind, double share) const {
  FilterCase made;
  made.of_queries.resize(labelled_.of_queries.size());
  if (kind == FilterKind::kRandom) {
    made.name = "random";
    const auto count = static_cast<std::size_t>(share * static_cast<double>(by_number_.size()));
    for (std::uint32_t i = 0; i < kRandomFilters; ++i) {
      made.filters.push_back(by_number((by_number_.size() - count) * i / (kRandomFilters - 1), count));
    }
    for (std::uint32_t q = 0; q < made.of_queries.size(); ++q) made.of_queries[q] = q % kRandomFilters;
    return made;
  }
  made.name = kind == FilterKind::kNear ? "near" : "far";
  std::vector<std::uint32_t> filter_of(labelled_.labels.size(), UINT32_MAX);
  for (std::uint32_t q = 0; q < made.of_queries.size(); ++q) {
    const std::uint32_t own = labelled_.of_queries[q];
    if (filter_of[own] == UINT32_MAX) {
      filter_of[own] = static_cast<std::uint32_t>(made.filters.size());
      std::vector<std::uint32_t> order = near_labels_[own];
      if (kind == FilterKind::kFar) {
        std::reverse(order.begin(), order.end());
        order.pop_back();
      }
      made.filters.push_back(by_labels(order, share));
    }
    made.of_queries[q] = filter_of[own];
  }
  return made;
}

Result<FilterCase> FilterCases::of_json(const std::string& json) const {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  if (parser.parse(json).get(element) != simdjson::SUCCESS) return invalid_argument("a filter is no JSON");
  VIBRATO_ASSIGN_OR_RETURN(const filter::Filter parsed, filter::parse_filter(element));
  filter::Matcher matcher(parsed);
  FilterCase made{json, {{json, {}}}, std::vector<std::uint32_t>(labelled_.of_queries.size())};
  for (std::uint32_t row = 0; row < labelled_.metas.size(); ++row) {
    VIBRATO_ASSIGN_OR_RETURN(const bool matches, matcher.matches(PointIdView{.number = row}, labelled_.metas[row]));
    if (matches) made.filters[0].rows.push_back(row);
  }
  return made;
}

}  // namespace vibrato::bench
