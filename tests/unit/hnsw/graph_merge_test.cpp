// Graphs made from a graph that lost rows and gained others: every promise that the validator knows, the recall of a
// new build, and what is said about what is kept.
#include "hnsw/graph_merge.hpp"

#include <gtest/gtest.h>
#include <numeric>
#include <set>
#include <string>

#include "base/random.hpp"
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

// Rows of a base segment of which some went, and rows of others behind it.
struct Merged {
  MadeRows rows;                        // What is left of the base, then the new ones.
  std::vector<std::uint32_t> new_rows;  // By row of the base.
};

template <typename Stays>
Merged merged_rows(const MadeRows& base, const MadeRows& others, const Stays& stays) {
  Merged merged{MadeRows(0, base.dim), {}};
  const auto add = [&](const float* row) {
    merged.rows.values.insert(merged.rows.values.end(), row, row + base.dim);
    ++merged.rows.count;
  };
  for (std::uint32_t row = 0; row < base.count; ++row) {
    merged.new_rows.push_back(stays(row) ? merged.rows.count : kNoNeighbour);
    if (stays(row)) {
      add(base.row(row));
    }
  }
  for (std::uint32_t row = 0; row < others.count; ++row) {
    add(others.row(row));
  }
  return merged;
}

struct MergedKind {
  Metric metric;
  CodeKind code;
};

IndexOptions merge_options_of(Metric metric, CodeKind code, std::uint32_t m = 16, std::uint32_t ef_construction = 100) {
  IndexOptions options;
  options.metric = metric;
  options.kind = code;
  options.graph.m = m;
  options.graph.ef_construction = ef_construction;
  return options;
}

Result<std::unique_ptr<MutableGraph>> merge(GraphIndex& base, const Merged& merged, GraphIndex& target,
                                            std::uint32_t threads = 1) {
  GraphMergeOptions options;
  options.threads = threads;
  return merge_graphs(simd::kernels(), target.space(), base.view(), merged.new_rows, target.graph().params(), options);
}

double recall_over(const MutableGraph& graph, GraphIndex& index, const MadeRows& queries,
                   const test::Answers& answers) {
  SearchParams params;
  params.k = 10;
  params.ef = 128;
  SearchScratch scratch;
  std::vector<Hit> hits;
  double sum = 0;
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    search(simd::kernels(), graph.view(index.rows().count), index.space(), queries.row(q), params, scratch, hits);
    sum += test::recall_of(hits, answers[q], index.space().metric, index.rows(), queries.row(q));
  }
  return sum / queries.count;
}

class GraphMergeOfEveryKind : public ::testing::TestWithParam<MergedKind> {};

TEST_P(GraphMergeOfEveryKind, finds_as_much_as_a_new_build_after_half_of_the_rows_went) {
  const IndexOptions options = merge_options_of(GetParam().metric, GetParam().code);
  MadeRows all = test::clustered_rows(test::scaled(16'000, 4'000), 32, 40, 0.5F, 5);
  const MadeRows queries = test::take_tail(all, 200);
  const MadeRows others = test::take_tail(all, all.count / 4);
  Random random(11);
  std::vector<bool> went(all.count);
  for (std::uint32_t row = 0; row < all.count; ++row) {
    went[row] = random.uniform() < 0.5;
  }
  const Merged merged = merged_rows(all, others, [&](std::uint32_t row) { return !went[row]; });
  GraphIndex base(all, options);
  base.build();
  GraphIndex fresh(merged.rows, options);
  const auto graph = merge(base, merged, fresh);
  ASSERT_OK(graph);
  ASSERT_OK(validate_graph((*graph)->view(merged.rows.count)));
  fresh.build();
  const test::Answers answers = test::exact_answers(options.metric, merged.rows, queries, 10);
  const double merged_recall = recall_over(**graph, fresh, queries, answers);
  const double fresh_recall = recall_over(fresh.graph(), fresh, queries, answers);
  EXPECT_GE(merged_recall, fresh_recall - 0.01);
}

TEST_P(GraphMergeOfEveryKind, finds_as_much_as_a_new_build_after_many_merges) {
  const IndexOptions options = merge_options_of(GetParam().metric, GetParam().code);
  MadeRows all = test::clustered_rows(test::scaled(12'000, 3'000), 24, 40, 0.5F, 6);
  const MadeRows queries = test::take_tail(all, 150);
  MadeRows rows = test::take_tail(all, all.count / 2);
  GraphIndex first(rows, options);
  first.build();
  GraphArrays graph = GraphArrays::copy_of(first.view());
  const std::uint32_t rounds = 5;
  const std::uint32_t share = all.count / rounds;
  Random random(12);
  for (std::uint32_t round = 0; round < rounds; ++round) {
    std::vector<bool> went(rows.count);
    for (std::uint32_t row = 0; row < rows.count; ++row) {
      went[row] = random.uniform() < 0.2;
    }
    const MadeRows others = test::take_tail(all, share);
    Merged merged = merged_rows(rows, others, [&](std::uint32_t row) { return !went[row]; });
    rows = std::move(merged.rows);
    GraphIndex target(rows, options);
    const auto next = merge_graphs(simd::kernels(), target.space(), graph.view(), merged.new_rows, options.graph,
                                   GraphMergeOptions{});
    ASSERT_OK(next);
    ASSERT_OK(validate_graph((*next)->view(rows.count)));
    graph = GraphArrays::copy_of((*next)->view(rows.count));
  }
  GraphIndex fresh(rows, options);
  const std::vector<std::uint32_t> nothing_went = [&] {
    std::vector<std::uint32_t> same(rows.count);
    std::iota(same.begin(), same.end(), 0U);
    return same;
  }();
  const auto last = merge_graphs(simd::kernels(), fresh.space(), graph.view(), nothing_went, options.graph, {});
  ASSERT_OK(last);
  fresh.build();
  const test::Answers answers = test::exact_answers(options.metric, rows, queries, 10);
  EXPECT_GE(recall_over(**last, fresh, queries, answers), recall_over(fresh.graph(), fresh, queries, answers) - 0.01);
}

INSTANTIATE_TEST_SUITE_P(
    , GraphMergeOfEveryKind,
    ::testing::Values(MergedKind{Metric::kL2, CodeKind::kNone}, MergedKind{Metric::kL2, CodeKind::kSq4},
                      MergedKind{Metric::kCosine, CodeKind::kSq8}, MergedKind{Metric::kDot, CodeKind::kSq8}),
    [](const auto& test) {
      return std::string(to_string(test.param.metric)) + "_" + std::string(to_string(test.param.code));
    });

TEST(GraphMerge, keeps_all_promises_at_every_size_and_share_of_rows_that_went) {
  const IndexOptions options = merge_options_of(Metric::kL2, CodeKind::kNone, 8, 40);
  for (const std::uint32_t count : {0U, 1U, 2U, 17U, 100U, test::scaled(1'500, 300)}) {
    for (const std::uint32_t others_count : {0U, 1U, 30U}) {
      for (const double share : {0.0, 0.1, 0.5, 0.9, 1.0}) {
        SCOPED_TRACE(std::to_string(count) + " rows, " + std::to_string(others_count) + " others, " +
                     std::to_string(share) + " went");
        const MadeRows all = test::gaussian_rows(count, 12, count + 1);
        Random random(count);
        std::vector<bool> went(count);
        for (std::uint32_t row = 0; row < count; ++row) {
          went[row] = random.uniform() < share;
        }
        const Merged merged =
            merged_rows(all, test::gaussian_rows(others_count, 12, 77), [&](std::uint32_t row) { return !went[row]; });
        GraphIndex base(all, options);
        base.build();
        GraphIndex target(merged.rows, options);
        const auto graph = merge(base, merged, target);
        ASSERT_OK(graph);
        const auto report = validate_graph((*graph)->view(merged.rows.count));
        ASSERT_OK(report);
        ASSERT_EQ(report->levels.empty() ? 0 : report->levels[0].rows, merged.rows.count);
      }
    }
  }
}

TEST(GraphMerge, keeps_a_graph_that_lost_nothing_as_it_is) {
  const IndexOptions options = merge_options_of(Metric::kL2, CodeKind::kSq8);
  const MadeRows all = test::clustered_rows(test::scaled(6'000, 600), 16, 20, 0.3F, 3);
  const Merged merged = merged_rows(all, MadeRows(0, 16), [](std::uint32_t) { return true; });
  GraphIndex base(all, options);
  base.build();
  const auto graph = merge(base, merged, base);
  ASSERT_OK(graph);
  const GraphArrays before = GraphArrays::copy_of(base.view());
  const GraphArrays after = GraphArrays::copy_of((*graph)->view(all.count));
  EXPECT_EQ(after.level0, before.level0);
  EXPECT_EQ(after.upper_rows, before.upper_rows);
  EXPECT_EQ(after.upper_offsets, before.upper_offsets);
  EXPECT_EQ(after.header.max_level, before.header.max_level);
}

TEST(GraphMerge, keeps_the_levels_of_rows_that_stay_and_their_links_to_each_other) {
  const IndexOptions options = merge_options_of(Metric::kL2, CodeKind::kNone);
  const MadeRows all = test::gaussian_rows(test::scaled(4'000, 800), 16, 21);
  const Merged merged = merged_rows(all, MadeRows(0, 16), [](std::uint32_t row) { return row % 5 != 2; });
  GraphIndex base(all, options);
  base.build();
  GraphIndex target(merged.rows, options);
  const auto graph = merge(base, merged, target);
  ASSERT_OK(graph);
  std::uint64_t links = 0;
  std::uint64_t lost = 0;
  for (std::uint32_t row = 0; row < all.count; ++row) {
    const std::uint32_t now = merged.new_rows[row];
    if (now == kNoNeighbour) {
      continue;
    }
    ASSERT_EQ((*graph)->level_of(now), base.graph().level_of(row));
    const std::uint32_t* list = (*graph)->block(now);
    const std::set<std::uint32_t> neighbours(list, list + (*graph)->m0());
    for (std::uint32_t i = 0; i < base.view().m0 && base.view().block(row)[i] != kNoNeighbour; ++i) {
      const std::uint32_t other = merged.new_rows[base.view().block(row)[i]];
      links += other != kNoNeighbour ? 1 : 0;
      lost += other != kNoNeighbour && neighbours.count(other) == 0 ? 1 : 0;
    }
  }
  EXPECT_GT(links, all.count * 5U);
  EXPECT_LE(lost, links / 1000);  // What making every row reachable took.
}

TEST(GraphMerge, finds_its_way_where_whole_clusters_went) {
  const IndexOptions options = merge_options_of(Metric::kL2, CodeKind::kNone);
  const std::uint32_t count = test::scaled(6'000, 1'200);
  const MadeRows all = test::clustered_rows(count, 16, 30, 0.05F, 4);
  // The rows nearest to a point went, but for a few, around which nothing is left.
  std::vector<std::pair<double, std::uint32_t>> by_distance;
  for (std::uint32_t row = 0; row < count; ++row) {
    by_distance.emplace_back(test::exact_distance(Metric::kL2, all.row(row), all.row(0), 16), row);
  }
  std::sort(by_distance.begin(), by_distance.end());
  std::vector<bool> went(count, false);
  for (std::uint32_t i = 0; i < count / 2; ++i) {
    went[by_distance[i].second] = i % 50 != 0;
  }
  const Merged merged = merged_rows(all, MadeRows(0, 16), [&](std::uint32_t row) { return !went[row]; });
  GraphIndex base(all, options);
  base.build();
  GraphIndex fresh(merged.rows, options);
  const auto graph = merge(base, merged, fresh);
  ASSERT_OK(graph);
  ASSERT_OK(validate_graph((*graph)->view(merged.rows.count)));
  fresh.build();
  MadeRows queries(0, 16);
  for (std::uint32_t row = 0; row < merged.rows.count; row += 7) {
    queries.values.insert(queries.values.end(), merged.rows.row(row), merged.rows.row(row) + 16);
    ++queries.count;
  }
  const test::Answers answers = test::exact_answers(Metric::kL2, merged.rows, queries, 10);
  EXPECT_GE(recall_over(**graph, fresh, queries, answers), recall_over(fresh.graph(), fresh, queries, answers) - 0.01);
}

TEST(GraphMerge, reaches_every_row_among_equal_ones) {
  const IndexOptions options = merge_options_of(Metric::kCosine, CodeKind::kNone, 4, 30);
  MadeRows all(test::scaled(2'000, 400), 8);
  std::fill(all.values.begin(), all.values.end(), 0.5F);
  const Merged merged = merged_rows(all, all, [](std::uint32_t row) { return row % 2 == 0; });
  GraphIndex base(all, options);
  base.build();
  GraphIndex target(merged.rows, options);
  const auto graph = merge(base, merged, target);
  ASSERT_OK(graph);
  EXPECT_OK(validate_graph((*graph)->view(merged.rows.count)));
}

TEST(GraphMerge, makes_the_same_graph_with_one_thread_and_a_whole_one_with_four) {
  const IndexOptions options = merge_options_of(Metric::kL2, CodeKind::kSq4);
  const MadeRows all = test::clustered_rows(test::scaled(4'000, 1'200), 24, 20, 0.3F, 3);
  const Merged merged =
      merged_rows(all, test::gaussian_rows(300, 24, 8), [](std::uint32_t row) { return row % 3 > 0; });
  GraphIndex base(all, options);
  base.build();
  GraphIndex target(merged.rows, options);
  const auto once = merge(base, merged, target);
  const auto again = merge(base, merged, target);
  const auto threaded = merge(base, merged, target, 4);
  ASSERT_OK(once);
  ASSERT_OK(again);
  ASSERT_OK(threaded);
  EXPECT_TRUE(GraphArrays::copy_of((*once)->view(merged.rows.count)) ==
              GraphArrays::copy_of((*again)->view(merged.rows.count)));
  EXPECT_OK(validate_graph((*threaded)->view(merged.rows.count)));
}

TEST(GraphMerge, survives_a_base_with_damaged_links) {
  const IndexOptions options = merge_options_of(Metric::kL2, CodeKind::kNone, 4, 30);
  const MadeRows all = test::gaussian_rows(test::scaled(1'000, 300), 8, 2);
  const Merged merged = merged_rows(all, test::gaussian_rows(20, 8, 3), [](std::uint32_t row) { return row % 4 > 0; });
  GraphIndex base(all, options);
  base.build();
  GraphIndex target(merged.rows, options);
  for (std::uint64_t seed = 1; seed <= test::scaled(50, 10); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    GraphArrays arrays = GraphArrays::copy_of(base.view());
    for (int i = 0; i < 200; ++i) {
      // Out of range, to itself, twice, to a row without the level.
      const auto value = static_cast<std::uint32_t>(random.below(random.below(2) == 0 ? all.count : 0xffffffffU));
      arrays.level0[random.below(arrays.level0.size())] = value;
      arrays.upper_lists[random.below(arrays.upper_lists.size())] = value;
    }
    const auto graph = merge_graphs(simd::kernels(), target.space(), arrays.view(), merged.new_rows, options.graph, {});
    ASSERT_OK(graph);
    ASSERT_OK(validate_graph((*graph)->view(merged.rows.count)));
  }
}

TEST(GraphMerge, refuses_upper_arrays_that_contradict_each_other) {
  const IndexOptions options = merge_options_of(Metric::kL2, CodeKind::kNone, 4, 30);
  const MadeRows all = test::gaussian_rows(500, 8, 2);
  const Merged merged = merged_rows(all, MadeRows(0, 8), [](std::uint32_t) { return true; });
  GraphIndex base(all, options);
  base.build();
  const GraphArrays whole = GraphArrays::copy_of(base.view());
  ASSERT_GT(whole.upper_rows.size(), 10U);
  const auto expect_refused = [&](const GraphArrays& arrays) {
    const auto graph = merge_graphs(simd::kernels(), base.space(), arrays.view(), merged.new_rows, options.graph, {});
    ASSERT_FALSE(graph.ok());
    EXPECT_EQ(graph.status().code(), ErrorCode::kCorruption);
  };
  GraphArrays arrays = whole;
  arrays.upper_rows[3] = 500;
  expect_refused(arrays);
  arrays = whole;
  std::swap(arrays.upper_rows[3], arrays.upper_rows[4]);
  expect_refused(arrays);
  arrays = whole;
  arrays.upper_offsets[5] = 0xfffffff0;
  expect_refused(arrays);
  arrays = whole;
  arrays.upper_offsets[5] = arrays.upper_offsets[4];
  expect_refused(arrays);
}

TEST(GraphMerge, refuses_a_base_with_lists_of_another_length) {
  const MadeRows all = test::gaussian_rows(50, 8, 2);
  GraphIndex base(all, merge_options_of(Metric::kL2, CodeKind::kNone, 4, 30));
  base.build();
  const Merged merged = merged_rows(all, MadeRows(0, 8), [](std::uint32_t) { return true; });
  GraphParams params;
  params.m = 8;
  const auto graph = merge_graphs(simd::kernels(), base.space(), base.view(), merged.new_rows, params, {});
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.status().code(), ErrorCode::kInvalidArgument);
}

TEST(GraphMerge, ends_with_the_error_of_its_progress_and_tells_how_far_it_is) {
  const MadeRows all = test::gaussian_rows(2'000, 8, 2);
  GraphIndex base(all, merge_options_of(Metric::kL2, CodeKind::kNone, 4, 30));
  base.build();
  const Merged merged = merged_rows(all, test::gaussian_rows(400, 8, 3), [](std::uint32_t row) { return row % 2 > 0; });
  GraphIndex target(merged.rows, merge_options_of(Metric::kL2, CodeKind::kNone, 4, 30));
  std::uint64_t last = 0;
  GraphMergeOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, total);
    last = done;
    return ok_status();
  };
  const auto whole =
      merge_graphs(simd::kernels(), target.space(), base.view(), merged.new_rows, target.graph().params(), options);
  ASSERT_OK(whole);
  EXPECT_EQ(last, 2'000U + merged.rows.count);

  for (const std::uint64_t stop_at : {std::uint64_t{1}, last / 2, last}) {
    options.progress = [&](std::uint64_t done, std::uint64_t) {
      return done >= stop_at ? unavailable("stopping") : ok_status();
    };
    const auto stopped =
        merge_graphs(simd::kernels(), target.space(), base.view(), merged.new_rows, target.graph().params(), options);
    ASSERT_FALSE(stopped.ok());
    EXPECT_EQ(stopped.status().message(), "stopping");
  }
}

}  // namespace
}  // namespace vibrato::hnsw
