// The choice between scanning the allowed rows and the two walks, and that whatever is chosen fills k with the nearest.
#include "vector/allowed_search.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

#include "support/graph_index.hpp"
#include "support/sanitizers.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::vector {
namespace {

using test::GraphIndex;
using test::MadeRows;

AllowedCosts costs_of(std::uint32_t rows, std::uint32_t allowed, std::uint32_t row_bytes = 136) {
  AllowedCosts costs;
  costs.rows = rows;
  costs.allowed = allowed;
  costs.list_length = 32;
  costs.row_bytes = row_bytes;
  return costs;
}

TEST(AllowedPlan, scans_as_long_as_that_is_little_work) {
  EXPECT_EQ(choose_plan(costs_of(50'000'000, 128)), AllowedPlan::kScan) << "ef of them would be all";
  EXPECT_EQ(choose_plan(costs_of(1'000'000, 1'000)), AllowedPlan::kScan);
  EXPECT_EQ(choose_plan(costs_of(60'000, 6'000)), AllowedPlan::kScan);
  EXPECT_EQ(choose_plan(costs_of(300, 299)), AllowedPlan::kScan);
  AllowedCosts many = costs_of(1'000'000, 600'000);
  many.k = 700'000;
  EXPECT_EQ(choose_plan(many), AllowedPlan::kScan) << "all are wanted";
}

TEST(AllowedPlan, walks_plainly_where_most_rows_are_allowed) {
  for (const std::uint32_t rows : {60'000U, 1'000'000U, 50'000'000U}) {
    EXPECT_EQ(choose_plan(costs_of(rows, rows)), AllowedPlan::kPlainWalk) << rows;
    EXPECT_EQ(choose_plan(costs_of(rows, rows / 2)), AllowedPlan::kPlainWalk) << rows;
  }
}

TEST(AllowedPlan, scores_allowed_rows_alone_where_there_are_many_and_they_are_sparse) {
  EXPECT_EQ(choose_plan(costs_of(50'000'000, 1'000'000)), AllowedPlan::kAllowedWalk);
  EXPECT_EQ(choose_plan(costs_of(5'000'000, 250'000)), AllowedPlan::kAllowedWalk);
}

TEST(AllowedPlan, changes_where_the_estimates_meet) {
  for (const std::uint32_t row_bytes : {72U, 136U, 1024U, 6144U}) {
    for (const std::uint32_t rows : {10'000U, 200'000U, 10'000'000U}) {
      for (std::uint32_t allowed = 200; allowed <= rows; allowed += allowed / 3) {
        const AllowedCosts costs = costs_of(rows, allowed, row_bytes);
        const PlanTimes times = estimate_plans(costs);
        const double least = std::min({times.scan, times.allowed_walk, times.plain_walk});
        switch (choose_plan(costs)) {
          case AllowedPlan::kScan:
            EXPECT_EQ(times.scan, least);
            break;
          case AllowedPlan::kAllowedWalk:
            EXPECT_EQ(times.allowed_walk, least);
            break;
          case AllowedPlan::kPlainWalk:
            EXPECT_EQ(times.plain_walk, least);
            break;
        }
      }
    }
  }
}

constexpr std::uint32_t kQueries = 40;

class AllowedRows : public ::testing::TestWithParam<quant::CodeKind> {
 protected:
  AllowedRows() : queries_(test::take_tail(rows_, kQueries)), index_(rows_, options()) { index_.build(); }

  static test::IndexOptions options() {
    test::IndexOptions options;
    options.kind = GetParam();
    options.graph.ef_construction = 100;
    return options;
  }

  // Of `share` of the rows: drawn by number, those nearest to the query, or those farthest from it.
  enum class Kind : std::uint8_t { kRandom, kNear, kFar };
  [[nodiscard]] std::vector<std::uint32_t> draw(Kind kind, double share,
                                                const std::vector<std::uint32_t>& ranked) const {
    const auto count = static_cast<std::ptrdiff_t>(share * rows_.count);
    if (kind == Kind::kNear) {
      return {ranked.begin(), ranked.begin() + count};
    }
    if (kind == Kind::kFar) {
      return {ranked.end() - count, ranked.end()};
    }
    std::vector<std::uint32_t> rows;
    for (std::uint32_t row = 0; row < rows_.count; ++row) {
      if (static_cast<double>(row * std::uint64_t{2654435761U} % 10'000) < share * 10'000) {
        rows.push_back(row);
      }
    }
    return rows;
  }

  [[nodiscard]] std::vector<std::uint32_t> ranked(std::uint32_t q) const {
    return test::rows_by_distance(rows_, queries_.row(q));
  }

  // Searches, and answers the recall; every hit is allowed and alive, and there are as many as there can be.
  double search(std::uint32_t q, std::uint32_t k, std::vector<std::uint32_t> list,
                const std::vector<std::uint32_t>& order, const hnsw::RowPredicate& alive = {}) {
    const auto allowed = filter::RowSet::of(std::move(list), rows_.count);
    const hnsw::GraphView graph = index_.view();
    hnsw::RowSpace plain = index_.space();
    plain.quantizer = nullptr;
    SearchedRows rows;
    rows.graph = &graph;
    rows.indexed = rows_.count;
    rows.coded = index_.space().has_codes() ? &index_.space() : nullptr;
    rows.encoded = index_.space().has_codes() ? rows_.count : 0;
    rows.plain = &plain;
    SegmentQuery query;
    query.vector = queries_.row(q);
    query.k = k;
    query.ef = std::max(128U, 2 * k);
    query.allowed = &allowed;
    std::vector<hnsw::Hit> hits;
    SegmentStats stats;
    EXPECT_OK(search_allowed_rows(rows, query, alive, hnsw::scratch_of_this_thread(), hits, &stats));
    std::set<std::uint32_t> right;
    for (const std::uint32_t row : order) {
      if (right.size() < k && allowed.contains(row) && alive(row)) {
        right.insert(row);
      }
    }
    EXPECT_EQ(hits.size(), right.size()) << stats.plan;
    std::set<std::uint32_t> found;
    for (const hnsw::Hit& hit : hits) {
      EXPECT_TRUE(allowed.contains(hit.row) && alive(hit.row));
      EXPECT_TRUE(found.insert(hit.row).second);
    }
    if (right.empty()) {
      return 1;
    }
    std::erase_if(found, [&](std::uint32_t row) { return !right.contains(row); });
    return static_cast<double>(found.size()) / static_cast<double>(right.size());
  }

  MadeRows rows_ = test::clustered_rows(test::scaled(20'000) + kQueries, 32, 80, 0.6F, 31);
  MadeRows queries_;
  GraphIndex index_;
};

TEST_P(AllowedRows, are_found_whatever_their_share_and_wherever_they_are) {
  for (const double share : {0.001, 0.01, 0.1, 0.5, 0.9}) {
    for (const Kind kind : {Kind::kRandom, Kind::kNear, Kind::kFar}) {
      double recall = 0;
      for (std::uint32_t q = 0; q < kQueries; ++q) {
        const std::vector<std::uint32_t> order = ranked(q);
        recall += search(q, 10, draw(kind, share, order), order);
      }
      EXPECT_GE(recall / kQueries, 0.95) << share << " " << static_cast<int>(kind);
    }
  }
}

TEST_P(AllowedRows, are_all_found_where_fewer_match_than_are_wanted) {
  const std::vector<std::uint32_t> order = ranked(0);
  EXPECT_EQ(search(0, 10, {}, order), 1);
  EXPECT_EQ(search(0, 10, {5}, order), 1);
  EXPECT_EQ(search(0, 100, draw(Kind::kFar, 0.002, order), order), 1);
  EXPECT_EQ(search(0, 2'000, draw(Kind::kRandom, 0.05, order), order), 1);
}

TEST_P(AllowedRows, that_are_dead_are_no_hits) {
  struct Odd {
    static bool allows(const void* /*context*/, std::uint32_t row) { return row % 2 == 1; }
  };
  for (const double share : {0.001, 0.1, 0.5, 0.9}) {
    double recall = 0;
    for (std::uint32_t q = 0; q < kQueries; ++q) {
      const std::vector<std::uint32_t> order = ranked(q);
      recall += search(q, 10, draw(Kind::kRandom, share, order), order, {&Odd::allows, nullptr});
    }
    EXPECT_GE(recall / kQueries, 0.95) << share;
  }
}

INSTANTIATE_TEST_SUITE_P(OnCodesAndFloats, AllowedRows,
                         ::testing::Values(quant::CodeKind::kSq4, quant::CodeKind::kNone),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

}  // namespace
}  // namespace vibrato::vector
