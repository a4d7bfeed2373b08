// What searches find: recall against exact answers at several efforts, scores, filters, and what slack buys.
#include "hnsw/searcher.hpp"

#include <gtest/gtest.h>
#include <string>

#include "support/graph_index.hpp"
#include "support/sanitizers.hpp"

namespace vibrato::hnsw {
namespace {

using quant::CodeKind;
using test::Answers;
using test::GraphIndex;
using test::IndexOptions;
using test::MadeRows;

constexpr std::uint32_t kSearchedQueries = 200;

// One set of rows with its queries, answers and indexes, built once for all tests of a suite.
struct Data {
  MadeRows rows;
  MadeRows queries;
  Metric metric;
  Answers answers;
  std::vector<std::unique_ptr<GraphIndex>> indexes;  // By CodeKind.

  Data(MadeRows made, Metric made_metric)
      : rows(std::move(made)), queries(test::take_tail(rows, kSearchedQueries)), metric(made_metric) {
    answers = test::exact_answers(metric, rows, queries, 10);
    for (const CodeKind kind : {CodeKind::kNone, CodeKind::kSq8, CodeKind::kSq4}) {
      IndexOptions options;
      options.metric = metric;
      options.kind = kind;
      options.graph.ef_construction = 100;
      options.threads = 2;
      indexes.push_back(std::make_unique<GraphIndex>(rows, options));
      indexes.back()->build();
    }
  }

  [[nodiscard]] GraphIndex& index(CodeKind kind) { return *indexes[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] double recall(CodeKind kind, std::uint32_t ef) {
    SearchParams params;
    params.ef = ef;
    return test::mean_recall(index(kind), queries, answers, params);
  }
};

Data& clustered() {
  static Data data(test::clustered_rows(test::scaled(20'000) + kSearchedQueries, 64, 100, 0.5F, 11), Metric::kL2);
  return data;
}

Data& uniform() {
  static Data data(test::uniform_rows(test::scaled(8'000) + kSearchedQueries, 32, 12), Metric::kL2);
  return data;
}

Data& unit() {
  static Data data(test::gaussian_rows(test::scaled(8'000) + kSearchedQueries, 48, 13), Metric::kCosine);
  return data;
}

Data& norms() {
  static Data data = [] {
    MadeRows rows = test::clustered_rows(test::scaled(8'000) + kSearchedQueries, 48, 50, 0.7F, 14);
    test::set_norms(rows, 1, 10, 15);
    return Data(std::move(rows), Metric::kDot);
  }();
  return data;
}

struct Floor {
  const char* name;
  Data& (*data)();
  std::uint32_t ef;
  double recall;
};

TEST(Recall, is_as_high_as_measured_at_every_effort) {
  for (const Floor& floor : {
           Floor{"clustered", clustered, 10, 0.74},
           Floor{"clustered", clustered, 50, 0.985},
           Floor{"clustered", clustered, 200, 0.995},
           Floor{"uniform", uniform, 10, 0.61},
           Floor{"uniform", uniform, 50, 0.93},
           Floor{"uniform", uniform, 200, 0.99},
           Floor{"unit", unit, 10, 0.45},
           Floor{"unit", unit, 50, 0.82},
           Floor{"unit", unit, 200, 0.98},
           Floor{"norms", norms, 10, 0.86},
           Floor{"norms", norms, 50, 0.97},
           Floor{"norms", norms, 200, 0.99},
       }) {
    for (const CodeKind kind : {CodeKind::kNone, CodeKind::kSq8, CodeKind::kSq4}) {
      EXPECT_GE(floor.data().recall(kind, floor.ef), floor.recall)
          << floor.name << ", " << to_string(kind) << ", ef " << floor.ef;
    }
  }
}

TEST(Searcher, gives_exact_distances_nearest_first) {
  for (Data* data : {&clustered(), &unit(), &norms()}) {
    for (const CodeKind kind : {CodeKind::kNone, CodeKind::kSq8, CodeKind::kSq4}) {
      for (std::uint32_t q = 0; q < 20; ++q) {
        const float* query = data->queries.row(q);
        const std::vector<Hit> hits = data->index(kind).search(query, {});
        ASSERT_EQ(hits.size(), 10U);
        for (std::size_t i = 0; i < hits.size(); ++i) {
          const double exact = test::exact_distance(data->metric, data->rows.row(hits[i].row), query, data->rows.dim);
          ASSERT_NEAR(hits[i].distance, exact, 1e-5 * (1 + std::fabs(exact)));
          if (i > 0) {
            ASSERT_TRUE(hits[i - 1].distance < hits[i].distance ||
                        (hits[i - 1].distance == hits[i].distance && hits[i - 1].row < hits[i].row));
          }
        }
      }
    }
  }
}

TEST(Searcher, repeats_itself) {
  Data& data = clustered();
  for (std::uint32_t q = 0; q < 20; ++q) {
    const auto first = data.index(CodeKind::kSq4).search(data.queries.row(q), {});
    EXPECT_EQ(first, data.index(CodeKind::kSq4).search(data.queries.row(q), {}));
  }
}

TEST(Searcher, finds_a_row_by_itself) {
  for (Data* data : {&clustered(), &uniform(), &unit()}) {
    for (const CodeKind kind : {CodeKind::kNone, CodeKind::kSq8, CodeKind::kSq4}) {
      std::uint32_t found = 0;
      for (std::uint32_t row = 0; row < 200; ++row) {
        const auto hits = data->index(kind).search(data->rows.row(row), {});
        found += !hits.empty() && hits[0].row == row ? 1 : 0;
      }
      EXPECT_GE(found, 198U) << to_string(kind);
    }
  }
}

// Distances computed and recall at growing slack.
TEST(Searcher, trades_distances_for_recall_by_slack) {
  for (Data* data : {&clustered(), &unit(), &norms()}) {
    SCOPED_TRACE(to_string(data->metric));
    double recall_before = 0.35;
    std::uint64_t distances_before = 0;
    for (const float slack : {0.0F, 0.02F, 0.1F, 0.4F, std::numeric_limits<float>::infinity()}) {
      SearchParams params;
      params.ef = 400;
      params.slack = slack;
      std::uint64_t distances = 0;
      double recall = 0;
      for (std::uint32_t q = 0; q < kSearchedQueries; ++q) {
        SearchStats stats;
        const auto hits = data->index(CodeKind::kSq4).search(data->queries.row(q), params, &stats);
        distances += stats.walk.distances;
        recall +=
            test::recall_of(hits, data->answers[q], data->metric, data->rows, data->queries.row(q)) / kSearchedQueries;
      }
      EXPECT_GE(recall, recall_before - 0.002) << "slack " << slack;
      EXPECT_GE(distances, distances_before) << "slack " << slack;
      recall_before = recall;
      distances_before = distances;
    }
    EXPECT_GE(recall_before, 0.98);
  }
}

// The k-th distance on codes falls below 0 among rows that are nearer to the query than codes can tell; the
// walk must still look beyond it, so that re-scoring can tell.
TEST(Searcher, tells_near_duplicates_apart) {
  MadeRows rows = test::gaussian_rows(2'000, 64, 16);
  const MadeRows centre = test::gaussian_rows(1, 64, 17);
  MadeRows queries = test::gaussian_rows(20, 64, 18);
  const auto move_to_centre = [&](float* row) {
    for (std::uint32_t j = 0; j < 64; ++j) {
      row[j] = centre.row(0)[j] + 0.003F * row[j];
    }
  };
  for (std::uint32_t i = 0; i < 300; ++i) {
    move_to_centre(rows.row(i));
  }
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    move_to_centre(queries.row(q));
  }
  SearchParams params;
  params.ef = 400;
  const Answers answers = test::exact_answers(Metric::kL2, rows, queries, params.k);
  for (const CodeKind kind : {CodeKind::kNone, CodeKind::kSq8, CodeKind::kSq4}) {
    GraphIndex index(rows, {.metric = Metric::kL2, .kind = kind, .graph = {}, .threads = 1});
    index.build();
    for (const float slack : {0.05F, 0.2F, std::numeric_limits<float>::infinity()}) {
      params.slack = slack;
      const double recall = test::mean_recall(index, queries, answers, params);
      EXPECT_GE(recall, std::isinf(slack) ? 0.99 : 0.9) << to_string(kind) << ", slack " << slack;
    }
  }
}

TEST(Searcher, without_rescoring_gives_code_distances) {
  Data& data = clustered();
  SearchParams params;
  params.rescore = false;
  double recall = 0;
  for (std::uint32_t q = 0; q < kSearchedQueries; ++q) {
    const float* query = data.queries.row(q);
    SearchStats stats;
    const auto hits = data.index(CodeKind::kSq4).search(query, params, &stats);
    ASSERT_EQ(hits.size(), 10U);
    EXPECT_EQ(stats.rescored, 0U);
    EXPECT_TRUE(
        std::is_sorted(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.distance < b.distance; }));
    recall += test::recall_of(hits, data.answers[q], data.metric, data.rows, query) / kSearchedQueries;
  }
  SearchStats stats;
  (void)data.index(CodeKind::kSq4).search(data.queries.row(0), {}, &stats);
  EXPECT_GE(stats.rescored, 10U);
  EXPECT_LE(stats.rescored, 128U);
  EXPECT_GE(recall, 0.7);
  EXPECT_LT(recall, data.recall(CodeKind::kSq4, 128));
}

struct EveryNth {
  std::uint32_t n;
  static bool allows(const void* context, std::uint32_t row) {
    return row % static_cast<const EveryNth*>(context)->n == 0;
  }
};

TEST(Searcher, with_a_predicate_finds_allowed_rows_only) {
  struct Case {
    std::uint32_t every;
    std::uint32_t ef;
    double recall;
  };
  for (Data* data : {&clustered(), &norms()}) {
    for (const auto& [every, ef, floor] : {Case{2, 100, 0.97}, Case{10, 100, 0.88}, Case{10, 400, 0.95}}) {
      SCOPED_TRACE("every " + std::to_string(every) + ", ef " + std::to_string(ef));
      const EveryNth allowed{every};
      SearchParams params;
      params.ef = ef;
      params.predicate = {EveryNth::allows, &allowed};
      const Answers answers = test::exact_answers(data->metric, data->rows, data->queries, params.k,
                                                  [&](std::uint32_t row) { return row % allowed.n == 0; });
      for (const CodeKind kind : {CodeKind::kNone, CodeKind::kSq4}) {
        for (std::uint32_t q = 0; q < kSearchedQueries; ++q) {
          const auto hits = data->index(kind).search(data->queries.row(q), params);
          ASSERT_EQ(hits.size(), params.k);
          for (const Hit& hit : hits) {
            ASSERT_EQ(hit.row % every, 0U);
          }
        }
        const double recall = test::mean_recall(data->index(kind), data->queries, answers, params);
        EXPECT_GE(recall, floor) << to_string(kind);
      }
    }
  }
}

// The rows nearest to the query are the ones that are not allowed: a walk that went by ef alone would end among them,
// and answer with whatever it had met on the way.
TEST(Searcher, with_a_predicate_against_the_query_finds_the_nearest_allowed_rows_or_says_so) {
  struct Far {
    std::vector<bool> allowed;
    static bool allows(const void* context, std::uint32_t row) {
      return static_cast<const Far*>(context)->allowed[row];
    }
  };
  Data& data = clustered();
  for (const std::uint32_t nearest : {50U, 500U, 2000U}) {
    if (2 * nearest > data.rows.count) {
      break;  // Sanitized builds have fewer rows.
    }
    std::uint32_t right = 0;
    std::uint32_t found = 0;
    for (std::uint32_t q = 0; q < 20; ++q) {
      SearchParams all;
      all.k = nearest;
      all.ef = nearest;
      Far far{std::vector<bool>(data.rows.count, true)};
      for (const Hit& hit : data.index(CodeKind::kNone).search(data.queries.row(q), all)) {
        far.allowed[hit.row] = false;
      }
      SearchParams params;
      params.predicate = {Far::allows, &far};
      const auto hits = data.index(CodeKind::kSq8).search(data.queries.row(q), params);
      ASSERT_LE(hits.size(), params.k);
      SearchParams wide = all;
      wide.k = nearest + params.k;
      wide.ef = 2 * nearest + 200;
      const auto truth = data.index(CodeKind::kNone).search(data.queries.row(q), wide);
      found += static_cast<std::uint32_t>(hits.size());
      for (const Hit& hit : hits) {
        ASSERT_TRUE(far.allowed[hit.row]);
        right += hit.distance <= truth.back().distance * 1.0001F ? 1U : 0U;
      }
    }
    EXPECT_GE(right, found * 95 / 100) << nearest;
    EXPECT_EQ(found, 200U) << nearest << " rows are within what a walk is widened to";
  }
}

TEST(Searcher, with_a_predicate_that_allows_nothing_finds_nothing) {
  Data& data = unit();
  SearchParams params;
  params.predicate = {[](const void*, std::uint32_t) { return false; }, nullptr};
  EXPECT_TRUE(data.index(CodeKind::kSq4).search(data.queries.row(0), params).empty());
}

TEST(Searcher, expands_any_number_of_candidates_a_step) {
  Data& data = clustered();
  for (const std::uint32_t expand : {1U, 2U, 8U, 1'000U}) {
    SearchParams params;
    params.expand = expand;
    EXPECT_GE(test::mean_recall(data.index(CodeKind::kSq4), data.queries, data.answers, params), 0.95)
        << "expand " << expand;
  }
}

TEST(Searcher, raises_ef_to_k) {
  Data& data = unit();
  SearchParams params;
  params.k = 300;
  params.ef = 1;
  EXPECT_EQ(data.index(CodeKind::kSq4).search(data.queries.row(0), params).size(), 300U);
}

}  // namespace
}  // namespace vibrato::hnsw
