// Rows that no link leads to are linked again, and nothing that was reached is lost.
#include "hnsw/reachability.hpp"

#include <gtest/gtest.h>

#include "hnsw/validator.hpp"
#include "support/graph_arrays.hpp"
#include "support/graph_index.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::hnsw {
namespace {

using test::GraphArrays;
using test::GraphIndex;
using test::MadeRows;

// Takes every link to `row` out of all lists of level 0.
void unlink(MutableGraph& graph, std::uint32_t row_count, std::uint32_t row) {
  for (std::uint32_t from = 0; from < row_count; ++from) {
    std::uint32_t* list = graph.block(from);
    std::uint32_t* const end = std::remove(list, list + graph.m0(), row);
    std::fill(end, list + graph.m0(), kNoNeighbour);
  }
}

TEST(Reachability, leaves_a_whole_graph_as_it_is) {
  const MadeRows rows = test::gaussian_rows(500, 8, 1);
  GraphIndex index(rows, {});
  index.build();
  const GraphArrays before = GraphArrays::copy_of(index.view());
  EXPECT_EQ(link_unreachable_rows(GraphIndex::kernels(), index.space(), index.graph(), rows.count), 0U);
  EXPECT_TRUE(GraphArrays::copy_of(index.view()) == before);
}

TEST(Reachability, links_rows_that_nothing_leads_to) {
  const MadeRows rows = test::gaussian_rows(500, 8, 2);
  for (const auto kind : {quant::CodeKind::kNone, quant::CodeKind::kSq4}) {
    GraphIndex index(rows, {.metric = Metric::kL2, .kind = kind, .graph = {}, .threads = 1});
    index.build();
    const std::uint32_t entry = index.graph().entry().row;
    std::uint32_t cut = 0;
    for (std::uint32_t row = 0; row < rows.count; row += 7) {
      if (row != entry) {
        unlink(index.graph(), rows.count, row);
        ++cut;
      }
    }
    ASSERT_TRUE(test::has_code(validate_graph(index.view()), ErrorCode::kCorruption));
    EXPECT_GE(link_unreachable_rows(GraphIndex::kernels(), index.space(), index.graph(), rows.count), cut / 2);
    EXPECT_OK(validate_graph(index.view()));
  }
}

// Two rings of full lists without a link between them: a link must be given up, and none that the ring needs.
TEST(Reachability, gives_up_only_links_that_others_replace) {
  constexpr std::uint32_t kHalf = 60;
  MadeRows rows = test::gaussian_rows(2 * kHalf, 4, 3);
  GraphParams params;
  params.m = 2;
  GraphIndex index(rows, {.metric = Metric::kL2, .kind = quant::CodeKind::kNone, .graph = params, .threads = 1});
  MutableGraph& graph = index.graph();
  for (std::uint32_t row = 0; row < rows.count; ++row) {
    graph.clear_row(row);
    const std::uint32_t base = row < kHalf ? 0 : kHalf;
    for (std::uint32_t i = 0; i < graph.m0(); ++i) {
      store_slot(graph.block(row) + i, base + (row - base + i + 1) % kHalf);
    }
  }
  for (std::uint32_t row = 0; row < rows.count; ++row) {
    graph.raise_entry(row);
  }
  ASSERT_TRUE(test::has_code(validate_graph(index.view()), ErrorCode::kCorruption));
  EXPECT_EQ(link_unreachable_rows(GraphIndex::kernels(), index.space(), graph, rows.count), 1U);
  EXPECT_OK(validate_graph(index.view()));
}

// A long chain is all tree and no search comes far along it; still each cut-off row finds a place.
TEST(Reachability, links_many_rows_to_one) {
  constexpr std::uint32_t kRows = 400;
  const MadeRows rows = test::gaussian_rows(kRows, 4, 4);
  GraphIndex index(rows, {.metric = Metric::kL2, .kind = quant::CodeKind::kSq8, .graph = {}, .threads = 1});
  MutableGraph& graph = index.graph();
  for (std::uint32_t row = 0; row < kRows; ++row) {
    graph.clear_row(row);
    graph.raise_entry(row);
  }
  EXPECT_EQ(link_unreachable_rows(GraphIndex::kernels(), index.space(), graph, kRows), kRows - 1);
  EXPECT_OK(validate_graph(index.view()));
  EXPECT_EQ(link_unreachable_rows(GraphIndex::kernels(), index.space(), graph, kRows), 0U);
}

TEST(Reachability, does_nothing_for_an_empty_graph) {
  const MadeRows rows(0, 4);
  GraphIndex index(rows, {.metric = Metric::kL2, .kind = quant::CodeKind::kNone, .graph = {}, .threads = 1});
  EXPECT_EQ(link_unreachable_rows(GraphIndex::kernels(), index.space(), index.graph(), 0), 0U);
}

}  // namespace
}  // namespace vibrato::hnsw
