#include "filter/row_set.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <iterator>
#include <random>

namespace vibrato::filter {
namespace {

using Rows = std::vector<std::uint32_t>;

Rows rows_of(const RowSet& set) {
  Rows rows;
  set.append_to(rows);
  EXPECT_EQ(rows.size(), set.size());
  EXPECT_EQ(set.is_list(), set.size() <= set.row_count() / RowSet::kSparseShare);
  return rows;
}

// `share` in a thousand of the rows.
Rows draw(std::mt19937& random, std::uint32_t row_count, std::uint32_t share) {
  Rows rows;
  for (std::uint32_t row = 0; row < row_count; ++row) {
    if (random() % 1000 < share) {
      rows.push_back(row);
    }
  }
  return rows;
}

TEST(RowSet, computes_as_sets_do) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    const auto row_count = static_cast<std::uint32_t>(random() % 5000);
    const Rows a = draw(random, row_count, std::array{0U, 2U, 15U, 300U, 1000U}[random() % 5]);
    const Rows b = draw(random, row_count, std::array{0U, 2U, 15U, 300U, 1000U}[random() % 5]);
    const RowSet set_a = RowSet::of(a, row_count);
    const RowSet set_b = RowSet::of(b, row_count);
    Rows expected;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(expected));
    EXPECT_EQ(rows_of(set_a.intersected_with(set_b)), expected);
    expected.clear();
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(expected));
    EXPECT_EQ(rows_of(set_a.united_with(set_b)), expected);
    expected.clear();
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(expected));
    EXPECT_EQ(rows_of(set_a.without(set_b)), expected);
    EXPECT_EQ(set_a.complement(), RowSet::all(row_count).without(set_a));
    EXPECT_EQ(set_a.complement().complement(), set_a);
    for (std::uint32_t row = 0; row < row_count + 3; row += 7) {
      EXPECT_EQ(set_a.contains(row), std::binary_search(a.begin(), a.end(), row));
    }
  }
}

TEST(RowSetBuilder, unites_whatever_is_added) {
  std::mt19937 random(12);
  for (int round = 0; round < 200; ++round) {
    const auto row_count = static_cast<std::uint32_t>(random() % 9000);
    RowSetBuilder builder(row_count);
    RowSet expected = RowSet::none(row_count);
    for (auto adds = random() % 5; adds > 0; --adds) {
      Rows rows = draw(random, row_count, std::array{0U, 1U, 15U, 500U}[random() % 4]);
      expected.unite_with(RowSet::of(rows, row_count));
      if (random() % 2 == 0) {
        builder.add(RowSet::of(rows, row_count));
      } else {
        std::shuffle(rows.begin(), rows.end(), random);
        rows.push_back(row_count);  // Left out.
        builder.add(rows);
      }
    }
    EXPECT_EQ(builder.take(), expected);
    EXPECT_TRUE(builder.take().empty());
  }
}

TEST(RowSet, lists_its_rows_from_one_on) {
  std::mt19937 random(13);
  Rows memory;
  for (const std::uint32_t share : {0U, 5U, 500U, 1000U}) {
    const Rows rows = draw(random, 1000, share);
    const RowSet set = RowSet::of(rows, 1000);
    for (std::uint32_t first = 0; first < 1100; first += 37) {
      Rows expected;
      std::copy_if(rows.begin(), rows.end(), std::back_inserter(expected), [first](auto row) { return row >= first; });
      const auto listed = set.rows_from(first, memory);
      EXPECT_EQ(Rows(listed.begin(), listed.end()), expected);
    }
  }
}

TEST(RowSet, is_a_list_up_to_its_share_of_the_rows) {
  const auto first = [](std::uint32_t count) {
    Rows rows(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      rows[i] = i;
    }
    return RowSet::of(rows, 6400);
  };
  EXPECT_TRUE(first(99).is_list());
  EXPECT_TRUE(first(100).is_list());
  EXPECT_FALSE(first(101).is_list());
}

TEST(RowSet, takes_rows_in_any_order_and_leaves_out_those_past_the_end) {
  EXPECT_EQ(rows_of(RowSet::of({500, 3, 3, 1000, 7}, 1000)), (Rows{3, 7, 500}));
}

TEST(RowSet, copies_bits_whatever_it_is_kept_as) {
  std::mt19937 random(2);
  for (const Rows& rows : {Rows{1, 64, 129}, draw(random, 130, 500)}) {
    const RowSet set = RowSet::of(rows, 130);
    std::vector<std::uint64_t> words(3, ~std::uint64_t{0});
    set.copy_bits(words);
    for (std::uint32_t row = 0; row < 192; ++row) {
      EXPECT_EQ((words[row / 64] >> (row % 64) & 1) != 0, set.contains(row)) << row;
    }
  }
}

TEST(RowSet, exists_for_segments_without_rows) {
  EXPECT_EQ(RowSet::all(0).size(), 0U);
  EXPECT_EQ(RowSet::none(0).complement().size(), 0U);
}

}  // namespace
}  // namespace vibrato::filter
