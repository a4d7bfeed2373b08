#include "hnsw/held_out.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

#include "hnsw/walk_probe.hpp"
#include "support/graph_index.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::hnsw {
namespace {

constexpr std::uint32_t kHeldOutRows = 3000;

class HeldOut : public ::testing::Test {
 protected:
  HeldOut() : rows_(test::clustered_rows(kHeldOutRows, 16, 20, 0.6F, 9)), index_(rows_, options()) { index_.build(); }

  static test::IndexOptions options() {
    test::IndexOptions options;
    options.graph.m = 8;
    options.graph.ef_construction = 60;
    return options;
  }

  test::MadeRows rows_;
  test::GraphIndex index_;
};

TEST_F(HeldOut, a_sample_is_spread_over_the_rows_of_level_0) {
  const auto graph = index_.view();
  const auto sample = sample_rows(graph, 300, 1);
  EXPECT_GE(sample.size(), 290U);
  EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end()));
  const std::set<std::uint32_t> upper(graph.upper_rows, graph.upper_rows + graph.upper_count);
  for (const std::uint32_t row : sample) {
    EXPECT_FALSE(upper.contains(row));
  }
  for (std::uint32_t tenth = 0; tenth < 10; ++tenth) {
    const auto in =
        std::count_if(sample.begin(), sample.end(), [&](auto row) { return row / (kHeldOutRows / 10) == tenth; });
    EXPECT_NEAR(static_cast<double>(in), 30, 3);
  }
  EXPECT_EQ(sample, sample_rows(graph, 300, 1));
  EXPECT_NE(sample, sample_rows(graph, 300, 2));
}

TEST_F(HeldOut, no_list_names_a_row_that_is_held_out_and_the_others_stay_as_they_were) {
  const auto graph = index_.view();
  const auto sample = sample_rows(graph, 100, 1);
  const auto made = HeldOutGraph::make(test::GraphIndex::kernels(), index_.space(), graph, sample);
  ASSERT_OK(made);
  const GraphView& held_out = made->view();
  for (std::uint32_t row = 0; row < kHeldOutRows; ++row) {
    bool named_any = false;
    for (std::uint32_t i = 0; i < graph.m0 && graph.block(row)[i] < kHeldOutRows; ++i) {
      named_any = named_any || std::binary_search(sample.begin(), sample.end(), graph.block(row)[i]);
    }
    if (!named_any) {
      EXPECT_TRUE(std::equal(graph.block(row), graph.block(row) + graph.m0, held_out.block(row)));
    } else if (!std::binary_search(sample.begin(), sample.end(), row)) {
      for (std::uint32_t i = 0; i < graph.m0 && held_out.block(row)[i] < kHeldOutRows; ++i) {
        EXPECT_FALSE(std::binary_search(sample.begin(), sample.end(), held_out.block(row)[i]));
      }
    }
  }
}

// A walk under a rule finds what the walk to the end says that it needs.
TEST_F(HeldOut, a_probe_tells_what_walks_under_a_rule_find) {
  const auto queries = test::clustered_rows(40, 16, 20, 0.6F, 9);
  WalkProbe probe(kHeldOutRows);
  SearchScratch scratch;
  std::vector<Hit> hits;
  for (std::uint32_t query = 0; query < queries.count; ++query) {
    SearchParams wide;
    wide.k = 100;
    wide.ef = 2000;
    search(test::GraphIndex::kernels(), index_.view(), index_.space(), queries.row(query), wide, scratch, hits);
    std::vector<std::uint32_t> wanted;
    std::transform(hits.begin(), hits.end(), std::back_inserter(wanted), [](const Hit& hit) { return hit.row; });
    SearchParams params;
    params.k = 1;
    params.ef = 2000;
    params.expand = 1;
    params.probe = &probe;
    probe.want(wanted, false);
    search(test::GraphIndex::kernels(), index_.view(), index_.space(), queries.row(query), params, scratch, hits);
    const auto found = probe.found();
    EXPECT_EQ(found.size(), wanted.size());
    for (const auto& [slack, reach] : {std::pair(0.05F, 2000U), std::pair(0.3F, 25U), std::pair(10.0F, 12U)}) {
      SearchParams ruled;
      ruled.k = 10;
      ruled.ef = 2000;
      ruled.expand = 1;
      ruled.slack = slack;
      ruled.reach = reach;
      search(test::GraphIndex::kernels(), index_.view(), index_.space(), queries.row(query), ruled, scratch, hits);
      constexpr std::size_t kTen = 2;  // Of kProbedKs.
      static_assert(kProbedKs[kTen] == 10);
      for (const WalkProbe::Found& one : found) {
        const bool is_told = one.need.slack[kTen] <= slack && one.need.reach <= reach;
        const auto* seen = scratch.beam.visited.seen();
        const bool is_seen =
            std::find(seen, seen + scratch.beam.visited.size(), wanted[one.rank]) != seen + scratch.beam.visited.size();
        EXPECT_TRUE(!is_told || is_seen) << "query " << query << " rank " << one.rank;
      }
    }
  }
}

struct Sums {
  double told = 0;
  double seen = 0;
};

// Distances of walks under a rule, as the candidates taken by a walk to the end tell them, and as they are.
TEST_F(HeldOut, a_probe_tells_what_a_rule_costs) {
  const auto queries = test::clustered_rows(60, 16, 20, 0.6F, 9);
  constexpr std::size_t kTen = 2;
  static_assert(kProbedKs[kTen] == 10);
  WalkProbe probe(kHeldOutRows);
  SearchScratch scratch;
  std::vector<Hit> hits;
  SearchStats stats;
  for (const auto& [expand, close] : {std::pair(1U, 0.01), std::pair(4U, 0.15)}) {
    for (const auto& [slack, reach] : {std::pair(0.1F, 2000U), std::pair(0.4F, 30U), std::pair(100.0F, 20U)}) {
      Sums sums;
      for (std::uint32_t query = 0; query < queries.count; ++query) {
        SearchParams params;
        params.k = 10;
        params.ef = 2000;
        params.expand = expand;
        params.probe = &probe;
        probe.want({}, true);
        search(test::GraphIndex::kernels(), index_.view(), index_.space(), queries.row(query), params, scratch, hits,
               &stats);
        sums.told += stats.walk.distances;
        for (const WalkProbe::Taken& taken : std::span(probe.taken()).subspan(1)) {
          const bool is_taken = taken.need.slack[kTen] <= slack && taken.need.reach <= reach;
          sums.told -= is_taken ? 0 : taken.distances;
        }
        params.probe = nullptr;
        params.slack = slack;
        params.reach = reach;
        search(test::GraphIndex::kernels(), index_.view(), index_.space(), queries.row(query), params, scratch, hits,
               &stats);
        sums.seen += stats.walk.distances;
      }
      EXPECT_NEAR(sums.told / sums.seen, 1, close) << expand << " a step, slack " << slack << " reach " << reach;
    }
  }
}

}  // namespace
}  // namespace vibrato::hnsw
