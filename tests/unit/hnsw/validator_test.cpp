// Each promise of a graph, broken by hand, is named with its row and level; whole graphs pass and are counted.
#include "hnsw/validator.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "support/graph_arrays.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::hnsw {
namespace {

using test::GraphArrays;

// Rows 1, 3 and 4 of a ring of six have upper levels; row 3 is the entry, on level 2.
GraphArrays two_upper_levels() {
  GraphArrays arrays = GraphArrays::ring(6);
  arrays.add_upper(1, 1);
  arrays.add_upper(3, 2);
  arrays.add_upper(4, 1);
  arrays.header.entry_row = 3;
  arrays.header.entry_upper = 1;
  arrays.header.max_level = 2;
  arrays.upper_lists[0] = 1;  // Row 1, level 1 -> row 3.
  arrays.upper_lists[4] = 0;  // Row 3, level 1 -> rows 1 and 4.
  arrays.upper_lists[5] = 2;
  return arrays;
}

void expect_fault(const GraphArrays& arrays, std::string_view message) {
  const auto report = validate_graph(arrays.view(), {.file = "a.vdb", .progress = nullptr});
  ASSERT_TRUE(test::has_code(report, ErrorCode::kCorruption));
  EXPECT_EQ(report.status().message(), "a.vdb: graph: " + std::string(message));
}

TEST(Validator, passes_an_empty_graph_and_one_of_a_single_row) {
  const auto empty = validate_graph(GraphArrays::ring(0).view());
  ASSERT_OK(empty);
  EXPECT_TRUE(empty->levels.empty());
  const auto one = validate_graph(GraphArrays::ring(1).view());
  ASSERT_OK(one);
  ASSERT_EQ(one->levels.size(), 1U);
  EXPECT_EQ(one->levels[0].rows, 1U);
  EXPECT_EQ(one->levels[0].edges, 0U);
}

TEST(Validator, counts_rows_and_degrees_of_every_level) {
  GraphArrays arrays = two_upper_levels();
  arrays.link(2, 5);
  const auto report = validate_graph(arrays.view());
  ASSERT_OK(report);
  ASSERT_EQ(report->levels.size(), 3U);
  const LevelReport& base = report->levels[0];
  EXPECT_EQ(base.rows, 6U);
  EXPECT_EQ(base.edges, 7U);
  EXPECT_EQ(base.degree_min, 1U);
  EXPECT_EQ(base.degree_max, 2U);
  EXPECT_DOUBLE_EQ(base.degree_mean(), 7.0 / 6.0);
  EXPECT_EQ(report->levels[1].rows, 3U);
  EXPECT_EQ(report->levels[1].edges, 3U);
  EXPECT_EQ(report->levels[1].degree_min, 0U);
  EXPECT_EQ(report->levels[2].rows, 1U);
  EXPECT_EQ(report->levels[2].degree_max, 0U);
}

TEST(Validator, reports_progress_up_to_the_end) {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  ValidateOptions options;
  options.progress = [&](std::uint64_t steps, std::uint64_t of) {
    EXPECT_GT(steps, done);
    done = steps;
    total = of;
  };
  ASSERT_OK(validate_graph(GraphArrays::ring(100'000).view(), options));
  EXPECT_EQ(done, 200'000U);
  EXPECT_EQ(total, 200'000U);
}

TEST(Validator, names_bad_neighbours_of_level_0) {
  GraphArrays arrays = GraphArrays::ring(5);
  arrays.link(2, 5);
  expect_fault(arrays, "row 2, level 0: neighbour 5 is not below 5");
  arrays = GraphArrays::ring(5);
  arrays.link(4, 4);
  expect_fault(arrays, "row 4, level 0: links to itself");
  arrays = GraphArrays::ring(5);
  arrays.link(1, 4);
  arrays.link(1, 2);
  expect_fault(arrays, "row 1, level 0: neighbour 2 comes twice");
  arrays = GraphArrays::ring(5);
  arrays.block(3)[15] = 0;
  expect_fault(arrays, "row 3, level 0: a neighbour behind the end of the list");
}

TEST(Validator, names_bad_neighbours_of_upper_levels) {
  GraphArrays arrays = two_upper_levels();
  arrays.upper_lists[6] = 3;
  expect_fault(arrays, "row 3, level 1: neighbour 3 is not below 3");
  arrays = two_upper_levels();
  arrays.upper_lists[12] = 2;
  expect_fault(arrays, "row 4, level 1: links to itself");
  arrays = two_upper_levels();
  arrays.upper_lists[8] = 2;
  expect_fault(arrays, "row 3, level 2: links to row 4, which has no such level");
}

TEST(Validator, names_a_row_that_is_not_reached) {
  GraphArrays arrays = GraphArrays::ring(9);
  arrays.block(4)[0] = 0;
  expect_fault(arrays, "row 5, level 0: is not reached from the entry row (nor are 3 others)");
}

TEST(Validator, does_not_count_upper_links_as_reaching) {
  GraphArrays arrays = two_upper_levels();
  arrays.block(0)[0] = 2;
  expect_fault(arrays, "row 1, level 0: is not reached from the entry row (nor are 0 others)");
}

TEST(Validator, names_bad_upper_arrays) {
  GraphArrays arrays = two_upper_levels();
  arrays.upper_rows[2] = 6;
  expect_fault(arrays, "upper index 2: row 6 is not below 6");
  arrays = two_upper_levels();
  arrays.upper_rows[1] = 1;
  expect_fault(arrays, "upper index 1: row 1 does not follow row 1");
  arrays = two_upper_levels();
  arrays.upper_offsets[2] = 1;
  expect_fault(arrays, "upper index 1: lists from 1 to 1");
  arrays = two_upper_levels();
  arrays.upper_offsets[0] = 1;
  expect_fault(arrays, "the first upper offset is 1, not 0");
  arrays = two_upper_levels();
  arrays.header.upper_list_count = 5;
  expect_fault(arrays, "upper offsets end at 4, not at 5");
  arrays = two_upper_levels();
  arrays.header.upper_count = 7;
  expect_fault(arrays, "7 upper rows of 6 rows");
  arrays = GraphArrays::ring(6);
  arrays.header.upper_list_count = 1;
  expect_fault(arrays, "upper lists without upper rows");
}

TEST(Validator, names_a_bad_entry_point) {
  GraphArrays arrays = GraphArrays::ring(3);
  arrays.header.entry_row = 3;
  expect_fault(arrays, "entry row 3 is not below 3");
  arrays = GraphArrays::ring(0);
  arrays.header.entry_row = 0;
  expect_fault(arrays, "an empty graph has an entry row");
  arrays = GraphArrays::ring(3);
  arrays.header.max_level = 1;
  expect_fault(arrays, "max level is 1, but the highest row has level 0");
  arrays = GraphArrays::ring(3);
  arrays.header.entry_upper = 0;
  expect_fault(arrays, "an upper entry without upper rows");
  arrays = two_upper_levels();
  arrays.header.entry_upper = 3;
  expect_fault(arrays, "upper entry 3 is not below 3");
  arrays = two_upper_levels();
  arrays.header.entry_upper = 2;
  expect_fault(arrays, "the upper entry is row 4, the entry row is 3");
  arrays.header.entry_row = 4;
  expect_fault(arrays, "row 4, level 1: is the entry, but the highest level is 2");
}

TEST(Validator, names_bad_list_lengths) {
  GraphArrays arrays = GraphArrays::ring(3);
  arrays.header.m = 1;
  expect_fault(arrays, "m is 1, which is out of range");
  arrays = GraphArrays::ring(3);
  arrays.header.m0 = 17;
  expect_fault(arrays, "m0 is 17, which is out of range");
  GraphArrays missing = GraphArrays::ring(3);
  missing.level0.clear();
  missing.level0.shrink_to_fit();
  expect_fault(missing, "an array is missing");
}

// Every change of one array element is either named or leaves a graph that still keeps all promises.
TEST(Validator, ends_on_any_damage_of_a_small_graph) {
  constexpr std::uint64_t kSeed = 20'261;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  std::uint32_t named = 0;
  for (int i = 0; i < 5'000; ++i) {
    GraphArrays arrays = two_upper_levels();
    std::vector<std::uint32_t>* const parts[] = {&arrays.level0, &arrays.upper_rows, &arrays.upper_offsets,
                                                 &arrays.upper_lists};
    std::vector<std::uint32_t>& part = *parts[random.below(4)];
    part[random.below(part.size())] ^= std::uint32_t{1} << random.below(32);
    const auto report = validate_graph(arrays.view());
    if (report.ok()) {
      EXPECT_EQ(report->levels[0].rows, 6U);
    } else {
      ++named;
      EXPECT_EQ(report.status().code(), ErrorCode::kCorruption);
    }
  }
  EXPECT_GT(named, 4'500U);
}

}  // namespace
}  // namespace vibrato::hnsw
