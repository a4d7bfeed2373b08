// Levels, layout, entry point and locks of a graph that is being built.
#include "hnsw/mutable_graph.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <thread>

#include "base/limits.hpp"
#include "hnsw/validator.hpp"
#include "support/graph_arrays.hpp"
#include "support/graph_index.hpp"
#include "support/sanitizers.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::hnsw {
namespace {

std::unique_ptr<MutableGraph> graph_of(std::uint32_t capacity, const GraphParams& params) {
  auto graph = MutableGraph::create(capacity, params);
  EXPECT_OK(graph);
  return std::move(graph).value();
}

TEST(MutableGraph, draws_levels_with_the_probability_of_m) {
  for (const std::uint32_t m : {2U, 16U, 64U}) {
    GraphParams params;
    params.m = m;
    constexpr std::uint32_t kRows = 100'000;
    const auto graph = graph_of(kRows, params);
    std::vector<std::uint32_t> at_least(32, 0);
    for (std::uint32_t row = 0; row < kRows; ++row) {
      for (std::uint32_t level = 0; level <= graph->level_of(row); ++level) {
        ++at_least[level];
      }
    }
    double share = 1;
    for (std::uint32_t level = 1; level <= 3; ++level) {
      share /= m;
      const double expected = kRows * share;
      EXPECT_NEAR(at_least[level], expected, 5 * std::sqrt(expected) + 1) << "m " << m << ", level " << level;
    }
  }
}

TEST(MutableGraph, draws_levels_from_seed_and_row_alone) {
  GraphParams params;
  params.seed = 1;
  const auto small = graph_of(1'000, params);
  const auto large = graph_of(5'000, params);
  params.seed = 2;
  const auto other = graph_of(1'000, params);
  std::uint32_t different = 0;
  for (std::uint32_t row = 0; row < 1'000; ++row) {
    ASSERT_EQ(small->level_of(row), large->level_of(row));
    different += small->level_of(row) != other->level_of(row) ? 1 : 0;
  }
  EXPECT_GT(different, 20U);
}

TEST(MutableGraph, numbers_upper_rows_in_row_order) {
  GraphParams params;
  params.m = 4;
  const auto graph = graph_of(2'000, params);
  const GraphView view = graph->view(2'000);
  std::uint32_t next = 0;
  for (std::uint32_t row = 0; row < 2'000; ++row) {
    const std::uint32_t level = graph->level_of(row);
    if (level == 0) {
      ASSERT_EQ(graph->upper_of(row), kNoNeighbour);
      continue;
    }
    ASSERT_EQ(graph->upper_of(row), next);
    ASSERT_EQ(view.upper_rows[next], row);
    ASSERT_EQ(view.upper_offsets[next + 1] - view.upper_offsets[next], level);
    ++next;
  }
  EXPECT_EQ(view.upper_count, next);
  EXPECT_EQ(view.upper_list_count, view.upper_offsets[next]);
}

TEST(MutableGraph, views_only_the_rows_asked_for) {
  const auto graph = graph_of(1'000, {});
  const GraphView all = graph->view(1'000);
  const GraphView some = graph->view(500);
  EXPECT_EQ(some.row_count, 500U);
  EXPECT_LT(some.upper_count, all.upper_count);
  for (std::uint32_t u = 0; u < some.upper_count; ++u) {
    EXPECT_LT(some.upper_rows[u], 500U);
  }
  EXPECT_EQ(all.upper_rows[some.upper_count] >= 500U, true);
  EXPECT_EQ(all.entry_row, kNoNeighbour);
}

TEST(MutableGraph, clears_all_lists_of_a_row) {
  GraphParams params;
  params.m = 2;
  const auto graph = graph_of(100, params);
  for (std::uint32_t row = 0; row < 100; ++row) {
    graph->clear_row(row);
    for (std::uint32_t i = 0; i < graph->m0(); ++i) {
      ASSERT_EQ(graph->block(row)[i], kNoNeighbour);
    }
    for (std::uint32_t level = 1; level <= graph->level_of(row); ++level) {
      ASSERT_EQ(graph->upper_list(graph->upper_of(row), level)[0], kNoNeighbour);
      ASSERT_EQ(graph->upper_list(graph->upper_of(row), level)[1], kNoNeighbour);
    }
  }
}

TEST(MutableGraph, raises_its_entry_to_higher_levels_only) {
  GraphParams params;
  params.m = 2;
  const auto graph = graph_of(1'000, params);
  EXPECT_EQ(graph->entry().row, kNoNeighbour);
  std::uint32_t highest = 0;
  std::uint32_t entry = 0;
  for (std::uint32_t row = 0; row < 1'000; ++row) {
    graph->raise_entry(row);
    if (row == 0 || graph->level_of(row) > highest) {
      highest = graph->level_of(row);
      entry = row;
    }
    ASSERT_EQ(graph->entry().row, entry);
    ASSERT_EQ(graph->entry().level, highest);
    ASSERT_EQ(graph->entry().upper, graph->upper_of(entry));
  }
  EXPECT_GE(highest, 5U);
}

TEST(MutableGraph, refuses_parameters_out_of_range) {
  const auto create = [](std::uint32_t capacity, std::uint32_t m, std::uint32_t ef) {
    return MutableGraph::create(capacity, {.m = m, .ef_construction = ef, .seed = 1});
  };
  EXPECT_CODE(create(1, limits::kGraphMMin - 1, 10), ErrorCode::kInvalidArgument);
  EXPECT_OK(create(1, limits::kGraphMMin, 10));
  EXPECT_OK(create(1, limits::kGraphMMax, 10));
  EXPECT_CODE(create(1, limits::kGraphMMax + 1, 10), ErrorCode::kInvalidArgument);
  EXPECT_CODE(create(1, 16, 0), ErrorCode::kInvalidArgument);
  EXPECT_OK(create(1, 16, limits::kEfConstructionMax));
  EXPECT_CODE(create(1, 16, limits::kEfConstructionMax + 1), ErrorCode::kInvalidArgument);
  EXPECT_CODE(create(limits::kRowsPerSegmentMax + 1, 16, 10), ErrorCode::kInvalidArgument);
  EXPECT_OK(create(0, 16, 10));
}

// What an insert finds on a level gets a link back: in a list that does not exist, it would be written elsewhere.
TEST(MutableGraph, takes_over_no_stored_link_to_a_row_without_that_level) {
  GraphParams params;
  params.m = 2;
  params.ef_construction = 20;
  const test::MadeRows rows = test::gaussian_rows(400, 8, 1);
  test::GraphIndex index(rows, {.metric = Metric::kL2, .kind = quant::CodeKind::kNone, .graph = params, .threads = 1});
  insert_rows(test::GraphIndex::kernels(), index.space(), index.graph(), 0, 300, {});
  test::GraphArrays stored = test::GraphArrays::copy_of(index.graph().view(300));
  const auto level_of = [&](std::uint32_t u) { return stored.upper_offsets[u + 1] - stored.upper_offsets[u]; };
  std::uint32_t low = stored.header.upper_count - 1;  // Its lists lie at the end of the array.
  while (level_of(low) > 1) {
    --low;
  }
  for (std::uint32_t u = 0; u < stored.header.upper_count; ++u) {
    for (std::uint32_t level = 2; level <= level_of(u); ++level) {
      stored.upper_lists[(std::size_t{stored.upper_offsets[u]} + level - 1) * params.m] = low;
    }
  }
  const auto grown = MutableGraph::create_from(stored.view(), 400, params);
  ASSERT_OK(grown);
  insert_rows(test::GraphIndex::kernels(), index.space(), **grown, 300, 400, {});
  EXPECT_OK(validate_graph((*grown)->view(400)));
}

TEST(MutableGraph, has_blocks_of_whole_cache_lines) {
  for (const auto& [m, m0] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
           {2, 16}, {8, 16}, {9, 32}, {16, 32}, {24, 48}, {128, 256}}) {
    GraphParams params;
    params.m = m;
    EXPECT_EQ(params.m0(), m0);
  }
}

TEST(MutableGraph, locks_a_row_for_one_thread_at_a_time) {
  const auto graph = graph_of(4, {});
  constexpr std::uint32_t kThreads = 4;
  const std::uint32_t turns = test::scaled(20'000);
  std::uint64_t guarded = 0;
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (std::uint32_t i = 0; i < turns; ++i) {
        const RowLock lock(*graph, 2);
        ++guarded;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(guarded, std::uint64_t{kThreads} * turns);
}

}  // namespace
}  // namespace vibrato::hnsw
