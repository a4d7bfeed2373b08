// A whole index over made rows: codes, graph, searcher; what tests of the graph build and search.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <vector>
#include <vibrato/check.hpp>

#include "hnsw/builder.hpp"
#include "hnsw/searcher.hpp"
#include "quant/coded_rows.hpp"
#include "support/made_rows.hpp"

namespace vibrato::test {

struct IndexOptions {
  Metric metric = Metric::kL2;
  quant::CodeKind kind = quant::CodeKind::kSq4;
  hnsw::GraphParams graph;
  std::uint32_t threads = 1;
};

// Borrows the rows. Not built until build() is called.
class GraphIndex {
 public:
  GraphIndex(const MadeRows& rows, const IndexOptions& options) : rows_(rows), options_(options) {
    space_.metric = options.metric;
    space_.row_count = rows.count;
    space_.vectors = rows.view();
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const float norm = std::sqrt(kernels().norm_squared(rows.row(i), rows.dim));
      inverse_norms_.push_back(norm > 0 ? 1.0F / norm : 0.0F);
      space_.norm_max = std::max(space_.norm_max, norm);
    }
    space_.inverse_norms = inverse_norms_.data();
    if (options.kind != quant::CodeKind::kNone) {
      encode();
    }
    auto graph = hnsw::MutableGraph::create(rows.count, options.graph);
    VIBRATO_CHECK(graph.ok());
    graph_ = std::move(graph).value();
  }
  GraphIndex(const GraphIndex&) = delete;
  GraphIndex& operator=(const GraphIndex&) = delete;

  GraphIndex& build() {
    hnsw::BuildOptions build_options;
    build_options.threads = options_.threads;
    hnsw::insert_rows(kernels(), space_, *graph_, 0, rows_.count, build_options);
    return *this;
  }

  // Codes a row again, as one does just before it is inserted.
  void encode_row(std::uint32_t row, std::vector<float>& scratch) {
    if (codes_.has_value()) {
      codes_->encode(kernels(), row, rows_.row(row), scratch);
    }
  }

  [[nodiscard]] static const simd::Kernels& kernels() { return simd::kernels(); }
  [[nodiscard]] const hnsw::RowSpace& space() const { return space_; }
  [[nodiscard]] hnsw::RowSpace& space() { return space_; }
  [[nodiscard]] hnsw::MutableGraph& graph() { return *graph_; }
  [[nodiscard]] hnsw::GraphView view() const { return graph_->view(rows_.count); }
  [[nodiscard]] const MadeRows& rows() const { return rows_; }

  [[nodiscard]] std::vector<hnsw::Hit> search(const float* query, const hnsw::SearchParams& params,
                                              hnsw::SearchStats* stats = nullptr) {
    std::vector<hnsw::Hit> hits;
    hnsw::search(kernels(), view(), space_, query, params, scratch_, hits, stats);
    return hits;
  }

 private:
  void encode() {
    std::vector<std::uint32_t> sample(rows_.count);
    std::iota(sample.begin(), sample.end(), 0U);
    quantizer_.emplace(options_.metric, options_.kind,
                       quant::mean_of_rows(options_.metric, kernels(), rows_.view(), sample), 7);
    auto codes = quant::CodedRows::create(*quantizer_, std::max(rows_.count, 1U));
    VIBRATO_CHECK(codes.ok());
    codes_.emplace(std::move(codes).value());
    std::vector<float> scratch;
    for (std::uint32_t i = 0; i < rows_.count; ++i) {
      encode_row(i, scratch);
    }
    space_.quantizer = &*quantizer_;
    space_.codes = codes_->view();
  }

  const MadeRows& rows_;
  IndexOptions options_;
  std::vector<float> inverse_norms_;
  std::optional<quant::ScalarQuantizer> quantizer_;
  std::optional<quant::CodedRows> codes_;
  hnsw::RowSpace space_;
  std::unique_ptr<hnsw::MutableGraph> graph_;
  hnsw::SearchScratch scratch_;
};

// Share of the k nearest that the hits have; a row as near as the k-th counts, whichever it is.
inline double recall_of(const std::vector<hnsw::Hit>& hits, const std::vector<double>& nearest, Metric metric,
                        const MadeRows& rows, const float* query) {
  if (nearest.empty()) {
    return 1;
  }
  const double limit = nearest.back() + 1e-5 * std::max(1.0, std::fabs(nearest.back()));
  std::size_t found = 0;
  for (const hnsw::Hit& hit : hits) {
    found += exact_distance(metric, rows.row(hit.row), query, rows.dim) <= limit ? 1 : 0;
  }
  return static_cast<double>(std::min(found, nearest.size())) / static_cast<double>(nearest.size());
}

// All rows, nearest to the query first, by their squared distances.
inline std::vector<std::uint32_t> rows_by_distance(const MadeRows& rows, const float* query) {
  std::vector<float> distances(rows.count);
  for (std::uint32_t row = 0; row < rows.count; ++row) {
    distances[row] = GraphIndex::kernels().l2_squared(query, rows.row(row), rows.dim);
  }
  std::vector<std::uint32_t> order(rows.count);
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return distances[a] < distances[b]; });
  return order;
}

// The exact answers to many queries.
using Answers = std::vector<std::vector<double>>;

inline Answers exact_answers(Metric metric, const MadeRows& rows, const MadeRows& queries, std::uint32_t k,
                             const Allows& allows = nullptr) {
  Answers answers;
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    answers.push_back(exact_nearest(metric, rows, queries.row(q), k, allows));
  }
  return answers;
}

// Mean recall over all queries.
inline double mean_recall(GraphIndex& index, const MadeRows& queries, const Answers& answers,
                          const hnsw::SearchParams& params) {
  double sum = 0;
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    const float* query = queries.row(q);
    sum += recall_of(index.search(query, params), answers[q], index.space().metric, index.rows(), query);
  }
  return sum / std::max(queries.count, 1U);
}

}  // namespace vibrato::test
