// Selection against a plain reference that knows all distances, and by hand on a line.
#include "hnsw/neighbour_selection.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <string>

#include "support/graph_index.hpp"

namespace vibrato::hnsw {
namespace {

using test::GraphIndex;
using test::MadeRows;

std::vector<Candidate> sorted_candidates(GraphIndex& index, std::uint32_t owner) {
  RowPairScorer pairs(GraphIndex::kernels(), index.space());
  std::vector<Candidate> candidates;
  for (std::uint32_t row = 0; row < index.rows().count; ++row) {
    if (row != owner) {
      candidates.push_back({row, row, 0});
    }
  }
  for (Candidate& candidate : candidates) {
    pairs.from(owner).score(&candidate.row, 1, &candidate.distance);
  }
  std::sort(candidates.begin(), candidates.end(), nearer);
  return candidates;
}

// Algorithm 4 without any batching.
std::vector<std::uint32_t> plain_selection(GraphIndex& index, const std::vector<Candidate>& candidates,
                                           std::size_t wanted) {
  RowPairScorer pairs(GraphIndex::kernels(), index.space());
  std::vector<std::uint32_t> kept;
  for (const Candidate& candidate : candidates) {
    const bool keep = std::all_of(kept.begin(), kept.end(), [&](std::uint32_t row) {
      float distance = 0;
      pairs.from(candidate.row).score(&row, 1, &distance);
      return distance >= candidate.distance;
    });
    if (keep && kept.size() < wanted) {
      kept.push_back(candidate.row);
    }
  }
  return kept;
}

std::vector<std::uint32_t> selection(GraphIndex& index, std::vector<Candidate> candidates, std::size_t wanted) {
  RowPairScorer pairs(GraphIndex::kernels(), index.space());
  SelectionScratch scratch;
  const std::size_t kept = select_neighbours(candidates.data(), candidates.size(), wanted, pairs, scratch);
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < kept; ++i) {
    rows.push_back(candidates[i].row);
  }
  return rows;
}

TEST(NeighbourSelection, keeps_what_the_plain_algorithm_keeps) {
  const MadeRows rows = test::clustered_rows(120, 24, 8, 0.4F, 5);
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot}) {
    for (const auto kind : {quant::CodeKind::kNone, quant::CodeKind::kSq8, quant::CodeKind::kSq4}) {
      SCOPED_TRACE(std::string(to_string(metric)) + ", " + std::string(to_string(kind)));
      GraphIndex index(rows, {.metric = metric, .kind = kind, .graph = {}, .threads = 1});
      for (const std::uint32_t owner : {0U, 17U, 119U}) {
        const auto candidates = sorted_candidates(index, owner);
        for (const std::size_t wanted : {1U, 2U, 8U, 16U, 32U, 200U}) {
          EXPECT_EQ(selection(index, candidates, wanted), plain_selection(index, candidates, wanted))
              << "owner " << owner << ", wanted " << wanted;
        }
      }
    }
  }
}

TEST(NeighbourSelection, on_a_line_keeps_one_neighbour_a_side) {
  MadeRows rows(7, 1);
  rows.values = {0, 1, 2, 3, -1.5F, -2, -9};
  GraphIndex index(rows, {.metric = Metric::kL2, .kind = quant::CodeKind::kNone, .graph = {}, .threads = 1});
  EXPECT_EQ(selection(index, sorted_candidates(index, 0), 8), (std::vector<std::uint32_t>{1, 4}));
}

TEST(NeighbourSelection, of_nothing_keeps_nothing) {
  MadeRows rows(2, 1);
  GraphIndex index(rows, {.metric = Metric::kL2, .kind = quant::CodeKind::kNone, .graph = {}, .threads = 1});
  EXPECT_TRUE(selection(index, {}, 8).empty());
}

}  // namespace
}  // namespace vibrato::hnsw
