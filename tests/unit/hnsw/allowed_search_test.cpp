// Walks that score allowed rows alone, and plain walks that keep them: what they find, and when they say that they
// cannot be believed.
#include "hnsw/allowed_search.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

#include "support/graph_index.hpp"

namespace vibrato::hnsw {
namespace {

using test::GraphIndex;
using test::MadeRows;

constexpr std::uint32_t kQueries = 60;
constexpr std::uint32_t kK = 10;

struct Bits {
  std::vector<std::uint64_t> words;
  std::uint32_t count = 0;

  explicit Bits(std::uint32_t rows) : words((rows + 63) / 64) {}
  void set(std::uint32_t row) {
    words[row / 64] |= std::uint64_t{1} << (row % 64);
    ++count;
  }
  [[nodiscard]] bool has(std::uint32_t row) const { return (words[row / 64] >> (row % 64) & 1) != 0; }
  static bool allows(const void* context, std::uint32_t row) { return static_cast<const Bits*>(context)->has(row); }
};

class AllowedSearch : public ::testing::Test {
 protected:
  AllowedSearch() : queries_(test::take_tail(rows_, kQueries)), index_(rows_, options()) { index_.build(); }

  static test::IndexOptions options() {
    test::IndexOptions options;
    options.graph.ef_construction = 100;
    return options;
  }

  // All rows, nearest to the query first.
  [[nodiscard]] std::vector<std::uint32_t> ranked(std::uint32_t q) const {
    return test::rows_by_distance(rows_, queries_.row(q));
  }
  [[nodiscard]] Bits every(std::uint32_t nth) const {
    Bits bits(rows_.count);
    for (std::uint32_t row = 0; row < rows_.count; row += nth) {
      bits.set(row);
    }
    return bits;
  }
  // The rows ranked [first, end) from the query.
  [[nodiscard]] Bits ranked_from(std::uint32_t q, std::uint32_t first, std::uint32_t end) const {
    Bits bits(rows_.count);
    const std::vector<std::uint32_t> order = ranked(q);
    std::for_each(order.begin() + first, order.begin() + end, [&](std::uint32_t row) { bits.set(row); });
    return bits;
  }

  [[nodiscard]] bool walk(std::uint32_t q, const Bits& bits, std::vector<Hit>& hits) {
    AllowedParams params;
    params.allowed = bits.words;
    params.allowed_share = static_cast<float>(bits.count) / static_cast<float>(rows_.count);
    return search_allowed(GraphIndex::kernels(), index_.view(), index_.space(), queries_.row(q), params, scratch_,
                          hits);
  }
  [[nodiscard]] bool walk_plainly(std::uint32_t q, const Bits& bits, std::vector<Hit>& hits) {
    SearchParams params;
    params.predicate = {&Bits::allows, &bits};
    params.pool = 2048;
    params.allowed_share = static_cast<float>(bits.count) / static_cast<float>(rows_.count);
    SearchStats stats;
    search(GraphIndex::kernels(), index_.view(), index_.space(), queries_.row(q), params, scratch_, hits, &stats);
    return stats.vouched >= kK;
  }

  // The share of the nearest allowed rows among the hits.
  [[nodiscard]] double recall(std::uint32_t q, const Bits& bits, const std::vector<Hit>& hits) const {
    std::size_t wanted = 0;
    std::size_t found = 0;
    for (const std::uint32_t row : ranked(q)) {
      if (wanted == kK) {
        break;
      }
      if (bits.has(row)) {
        ++wanted;
        found += std::ranges::any_of(hits, [row](const Hit& hit) { return hit.row == row; }) ? 1 : 0;
      }
    }
    return static_cast<double>(found) / static_cast<double>(wanted);
  }

  MadeRows rows_ = test::clustered_rows(12'000 + kQueries, 32, 60, 0.6F, 21);
  MadeRows queries_;
  GraphIndex index_;
  SearchScratch scratch_;
};

TEST_F(AllowedSearch, finds_the_nearest_of_rows_that_have_nothing_to_do_with_the_query) {
  for (const std::uint32_t nth : {2U, 5U, 10U, 20U}) {
    const Bits bits = every(nth);
    double sum = 0;
    double plain_sum = 0;
    std::vector<Hit> hits;
    for (std::uint32_t q = 0; q < kQueries; ++q) {
      ASSERT_TRUE(walk(q, bits, hits));
      ASSERT_EQ(hits.size(), kK);
      ASSERT_TRUE(std::ranges::all_of(hits, [&](const Hit& hit) { return bits.has(hit.row); }));
      sum += recall(q, bits, hits);
      ASSERT_TRUE(walk_plainly(q, bits, hits));
      plain_sum += recall(q, bits, hits);
    }
    EXPECT_GE(sum / kQueries, 0.95) << "every " << nth;
    EXPECT_GE(plain_sum / kQueries, 0.97) << "every " << nth;
  }
}

TEST_F(AllowedSearch, finds_those_around_the_query) {
  double sum = 0;
  std::vector<Hit> hits;
  for (std::uint32_t q = 0; q < kQueries; ++q) {
    const Bits bits = ranked_from(q, 0, rows_.count / 10);
    ASSERT_TRUE(walk(q, bits, hits));
    sum += recall(q, bits, hits);
  }
  EXPECT_GE(sum / kQueries, 0.95);
}

TEST_F(AllowedSearch, either_finds_those_far_from_the_query_or_says_so) {
  double sum = 0;
  std::uint32_t believed = 0;
  std::vector<Hit> hits;
  for (std::uint32_t q = 0; q < kQueries; ++q) {
    const Bits bits = ranked_from(q, rows_.count / 2, rows_.count);
    if (walk(q, bits, hits)) {
      ++believed;
      sum += recall(q, bits, hits);
    }
    if (walk_plainly(q, bits, hits)) {
      ++believed;
      sum += recall(q, bits, hits);
    }
  }
  EXPECT_GE(sum, 0.95 * believed);
}

TEST_F(AllowedSearch, gives_up_where_it_is_told_to) {
  const Bits bits = every(2);
  std::vector<Hit> hits;
  AllowedParams params;
  params.allowed = bits.words;
  params.expanded_max = 3;
  SearchStats stats;
  EXPECT_FALSE(search_allowed(GraphIndex::kernels(), index_.view(), index_.space(), queries_.row(0), params, scratch_,
                              hits, &stats));
  EXPECT_LE(stats.walk.expanded, 3 + kExpandMax);
  SearchParams plain;
  plain.predicate = {&Bits::allows, &bits};
  plain.pool = 64;
  plain.expanded_max = 3;
  search(GraphIndex::kernels(), index_.view(), index_.space(), queries_.row(0), plain, scratch_, hits, &stats);
  EXPECT_EQ(stats.vouched, 0U);
  EXPECT_TRUE(hits.empty());
}

// Both kinds of walks share the memory of a thread; each needs other parts of it.
TEST_F(AllowedSearch, leaves_memory_that_a_plain_walk_can_use) {
  const Bits bits = every(2);
  std::vector<Hit> hits;
  scratch_ = SearchScratch();
  ASSERT_TRUE(walk(0, bits, hits));
  ASSERT_TRUE(walk_plainly(0, bits, hits));
  EXPECT_EQ(hits.size(), kK);
}

}  // namespace
}  // namespace vibrato::hnsw
