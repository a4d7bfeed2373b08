// Walks over allowed rows and plain walks share the memory of a thread; each needs other parts of it.
#include <gtest/gtest.h>

#include "hnsw/allowed_search.hpp"
#include "support/graph_index.hpp"

namespace vibrato::hnsw {
namespace {

TEST(SearchScratch, of_a_walk_over_allowed_rows_serves_a_plain_walk_with_a_predicate) {
  const test::MadeRows rows = test::clustered_rows(2000, 16, 20, 0.6F, 3);
  test::GraphIndex index(rows, {});
  index.build();
  const std::vector<std::uint64_t> even((rows.count + 63) / 64, 0x5555555555555555U);
  AllowedParams allowed;
  allowed.allowed = even;
  SearchScratch scratch;
  std::vector<Hit> hits;
  ASSERT_TRUE(search_allowed(simd::kernels(), index.view(), index.space(), rows.row(0), allowed, scratch, hits));
  SearchParams params;
  params.predicate = {[](const void*, std::uint32_t row) { return row % 2 == 0; }, nullptr};
  search(simd::kernels(), index.view(), index.space(), rows.row(0), params, scratch, hits);
  EXPECT_EQ(hits.size(), params.k);
}

}  // namespace
}  // namespace vibrato::hnsw
