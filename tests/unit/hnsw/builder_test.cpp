// Graphs of many shapes keep every promise that the validator knows, and give every row to a wide enough search.
#include "hnsw/builder.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <string>

#include "hnsw/validator.hpp"
#include "support/graph_arrays.hpp"
#include "support/graph_index.hpp"
#include "support/sanitizers.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::hnsw {
namespace {

using quant::CodeKind;
using test::GraphArrays;
using test::GraphIndex;
using test::IndexOptions;
using test::MadeRows;

struct Kind {
  Metric metric;
  CodeKind code;
};

std::string name_of(const Kind& kind) {
  return std::string(to_string(kind.metric)) + "_" + std::string(to_string(kind.code));
}

class BuilderOfEveryKind : public ::testing::TestWithParam<Kind> {
 protected:
  [[nodiscard]] static IndexOptions options(std::uint32_t threads = 1) {
    IndexOptions options;
    options.metric = GetParam().metric;
    options.kind = GetParam().code;
    options.graph.m = 8;
    options.graph.ef_construction = 40;
    options.threads = threads;
    return options;
  }
};

// All rows come when more are asked for than there are; each once, the nearest first.
void expect_search_finds_all(GraphIndex& index, const float* query) {
  const std::uint32_t count = index.rows().count;
  SearchParams params;
  params.k = count + 5;
  const std::vector<Hit> hits = index.search(query, params);
  ASSERT_EQ(hits.size(), count);
  std::set<std::uint32_t> rows;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    rows.insert(hits[i].row);
    ASSERT_TRUE(i == 0 || hits[i - 1].distance <= hits[i].distance);
    ASSERT_NEAR(hits[i].distance,
                test::exact_distance(index.space().metric, index.rows().row(hits[i].row), query, index.rows().dim),
                1e-3 + 1e-5 * index.rows().dim);
  }
  ASSERT_EQ(rows.size(), count);
}

void expect_whole(GraphIndex& index) {
  const auto report = validate_graph(index.view());
  ASSERT_OK(report);
  if (index.rows().count > 0) {
    ASSERT_EQ(report->levels[0].rows, index.rows().count);
  }
}

TEST_P(BuilderOfEveryKind, keeps_all_promises_at_every_size_and_dimension) {
  for (const std::uint32_t dim : {1U, 2U, 3U, 16U, 128U, 4096U}) {
    for (const std::uint32_t count : {0U, 1U, 2U, 3U, 17U, 100U, 1'000U}) {
      if (count * dim > test::scaled(450'000)) {
        continue;
      }
      SCOPED_TRACE(std::to_string(count) + " rows, dim " + std::to_string(dim));
      const MadeRows rows = test::gaussian_rows(count, dim, count + dim);
      const MadeRows query = test::gaussian_rows(1, dim, 1);
      GraphIndex index(rows, options());
      index.build();
      ASSERT_NO_FATAL_FAILURE(expect_whole(index));
      ASSERT_NO_FATAL_FAILURE(expect_search_finds_all(index, query.row(0)));
    }
  }
}

TEST_P(BuilderOfEveryKind, keeps_all_promises_on_5000_rows) {
  const MadeRows rows = test::clustered_rows(test::scaled(5'000), 16, 20, 0.3F, 3);
  GraphIndex index(rows, options());
  index.build();
  expect_whole(index);
}

TEST_P(BuilderOfEveryKind, reaches_every_duplicate) {
  const std::uint32_t count = test::scaled(2'000);
  const MadeRows seeds = test::gaussian_rows(count, 12, 8);
  struct Case {
    const char* name;
    std::uint32_t distinct;
    float noise;
  };
  for (const Case& shape : {Case{"all rows equal", 1, 0}, Case{"half of them equal", count / 2, 0},
                            Case{"three values", 3, 0}, Case{"near-duplicates", 4, 1e-6F}}) {
    SCOPED_TRACE(shape.name);
    MadeRows rows(count, 12);
    for (std::uint32_t i = 0; i < count; ++i) {
      for (std::uint32_t j = 0; j < 12; ++j) {
        rows.row(i)[j] = seeds.row(i < shape.distinct ? i : 0)[j] + shape.noise * seeds.row(i)[j];
      }
    }
    GraphIndex index(rows, options());
    index.build();
    ASSERT_NO_FATAL_FAILURE(expect_whole(index));
    ASSERT_NO_FATAL_FAILURE(expect_search_finds_all(index, seeds.row(0)));
  }
}

TEST_P(BuilderOfEveryKind, reaches_zero_vectors) {
  MadeRows rows = test::gaussian_rows(300, 20, 9);
  for (std::uint32_t i = 0; i < rows.count; i += 3) {
    std::fill_n(rows.row(i), rows.dim, 0.0F);
  }
  GraphIndex index(rows, options());
  index.build();
  expect_whole(index);
  expect_search_finds_all(index, rows.row(1));
  if (GetParam().metric != Metric::kCosine) {
    expect_search_finds_all(index, rows.row(0));
  }
}

// Finite rows whose distances overflow f32 into infinity or no number: no order to keep, but promises all the same.
TEST_P(BuilderOfEveryKind, keeps_all_promises_on_rows_that_overflow) {
  for (const std::uint32_t every : {1U, 2U, 10U}) {
    SCOPED_TRACE("every " + std::to_string(every));
    MadeRows rows = test::gaussian_rows(test::scaled(1'000, 300), 24, 10);
    for (std::uint32_t i = 0; i < rows.count; i += every) {
      const float factor = i % 4 < 2 ? 1e30F : 1e38F;
      for (std::uint32_t j = 0; j < rows.dim; ++j) {
        rows.row(i)[j] *= factor;
        rows.row(i)[j] = std::isfinite(rows.row(i)[j]) ? rows.row(i)[j] : std::numeric_limits<float>::max();
      }
    }
    GraphIndex index(rows, options());
    index.build();
    ASSERT_NO_FATAL_FAILURE(expect_whole(index));
    for (const std::uint32_t q : {0U, 1U, 7U}) {
      SearchParams params;
      EXPECT_LE(index.search(rows.row(q), params).size(), params.k);
    }
  }
}

TEST_P(BuilderOfEveryKind, builds_the_same_graph_from_the_same_seed) {
  const MadeRows rows = test::gaussian_rows(test::scaled(1'500), 32, 4);
  GraphIndex first(rows, options());
  GraphIndex second(rows, options());
  first.build();
  second.build();
  EXPECT_TRUE(GraphArrays::copy_of(first.view()) == GraphArrays::copy_of(second.view()));
  IndexOptions other = options();
  other.graph.seed = 43;
  GraphIndex third(rows, other);
  third.build();
  EXPECT_FALSE(GraphArrays::copy_of(first.view()) == GraphArrays::copy_of(third.view()));
}

TEST_P(BuilderOfEveryKind, loses_little_when_many_threads_insert) {
  MadeRows rows = test::clustered_rows(test::scaled(4'000) + 300, 32, 30, 0.4F, 6);
  const MadeRows queries = test::take_tail(rows, 300);
  SearchParams params;
  params.ef = 100;
  const test::Answers answers = test::exact_answers(GetParam().metric, rows, queries, params.k);
  GraphIndex alone(rows, options());
  const double recall_alone = test::mean_recall(alone.build(), queries, answers, params);
  for (const std::uint32_t threads : {2U, 4U, 8U}) {
    SCOPED_TRACE(std::to_string(threads) + " threads");
    GraphIndex together(rows, options(threads));
    together.build();
    ASSERT_NO_FATAL_FAILURE(expect_whole(together));
    EXPECT_GE(test::mean_recall(together, queries, answers, params), recall_alone - 0.01);
  }
}

INSTANTIATE_TEST_SUITE_P(All, BuilderOfEveryKind,
                         ::testing::Values(Kind{Metric::kL2, CodeKind::kNone}, Kind{Metric::kL2, CodeKind::kSq8},
                                           Kind{Metric::kL2, CodeKind::kSq4}, Kind{Metric::kCosine, CodeKind::kNone},
                                           Kind{Metric::kCosine, CodeKind::kSq8}, Kind{Metric::kCosine, CodeKind::kSq4},
                                           Kind{Metric::kDot, CodeKind::kNone}, Kind{Metric::kDot, CodeKind::kSq8},
                                           Kind{Metric::kDot, CodeKind::kSq4}),
                         [](const auto& kind) { return name_of(kind.param); });

TEST(Builder, adds_rows_to_a_graph_that_has_some) {
  const MadeRows rows = test::gaussian_rows(800, 16, 5);
  GraphIndex index(rows, {});
  insert_rows(GraphIndex::kernels(), index.space(), index.graph(), 0, 300, {});
  ASSERT_OK(validate_graph(index.graph().view(300)));
  insert_rows(GraphIndex::kernels(), index.space(), index.graph(), 300, 800, {});
  expect_whole(index);
  expect_search_finds_all(index, rows.row(3));
}

TEST(Builder, reports_progress_up_to_all_rows) {
  const MadeRows rows = test::gaussian_rows(500, 4, 5);
  GraphIndex index(rows, {});
  std::uint64_t last = 0;
  BuildOptions build;
  build.threads = 3;
  build.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, 500U);
    last = done;
  };
  insert_rows(GraphIndex::kernels(), index.space(), index.graph(), 0, 500, build);
  EXPECT_EQ(last, 500U);
}

TEST(Builder, works_at_the_least_and_the_largest_m) {
  const MadeRows rows = test::gaussian_rows(test::scaled(600), 8, 5);
  for (const std::uint32_t m : {2U, 3U, 128U}) {
    SCOPED_TRACE("m " + std::to_string(m));
    IndexOptions options;
    options.graph.m = m;
    options.graph.ef_construction = 20;
    GraphIndex index(rows, options);
    index.build();
    expect_whole(index);
    expect_search_finds_all(index, rows.row(3));
  }
}

}  // namespace
}  // namespace vibrato::hnsw
