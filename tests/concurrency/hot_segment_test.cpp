#include "vector/hot_segment.hpp"

#include <gtest/gtest.h>
#include <set>

#include "support/vector_sets.hpp"
#include "vector/choose_codes.hpp"
#include "vector/indexing_thread.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kHotRows = 2400;
constexpr std::uint32_t kHotWriters = 2;

// Searches until all rows are there. Every answer is whole: as many hits as there were rows, none twice.
void search_while_rows_arrive(const HotSegment& segment, const test::VectorSet& queries, std::uint64_t seed) {
  Random random(seed);
  std::vector<hnsw::Hit> hits;
  while (segment.row_count() < kHotRows) {
    const std::uint32_t before = segment.row_count();
    const auto k = static_cast<std::uint32_t>(1 + random.below(20));
    const auto query = queries.row(static_cast<std::uint32_t>(random.below(queries.rows)));
    segment.search(query.data(), k, 64, hnsw::scratch_of_this_thread(), hits);
    ASSERT_GE(hits.size(), std::min(k, before));
    ASSERT_LE(hits.size(), k);
    ASSERT_TRUE(std::is_sorted(hits.begin(), hits.end(), nearer_hit));
    std::set<std::uint32_t> rows;
    for (const hnsw::Hit& hit : hits) {
      ASSERT_LT(hit.row, segment.row_count());
      ASSERT_FALSE(segment.meta_json(hit.row).empty());
      rows.insert(hit.row);
    }
    ASSERT_EQ(rows.size(), hits.size());
  }
}

class HotSegmentThreads : public ::testing::TestWithParam<std::tuple<Metric, std::uint32_t>> {};

TEST_P(HotSegmentThreads, take_rows_index_them_and_search_at_once) {
  const auto [metric, dim] = GetParam();
  const auto made = test::make_vectors(kHotRows, dim, 1);
  HotOptions options;
  options.dim = dim;
  options.metric = metric;
  options.capacity = kHotRows;
  options.m = 8;
  options.ef_construction = 40;
  auto created = HotSegment::create(options);
  ASSERT_OK(created);
  const std::shared_ptr<HotSegment> segment = std::move(created).value();
  const auto indexing = IndexingThread::start(segment);
  ASSERT_OK(indexing);

  std::vector<std::uint32_t> number_of(kHotRows);  // Of each made row, as the segment numbered it.
  std::vector<std::thread> threads;
  for (std::uint32_t writer = 0; writer < kHotWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (std::uint32_t row = writer; row < kHotRows; row += kHotWriters) {
        const auto at = segment->append(made.row(row), std::to_string(row));
        ASSERT_OK(at);
        (*indexing)->rows_have_come();
        number_of[row] = *at;
        if (row % 8 == 0) {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    threads.emplace_back([&, seed] { search_while_rows_arrive(*segment, made, seed); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  EXPECT_EQ(std::set<std::uint32_t>(number_of.begin(), number_of.end()).size(), kHotRows);
  while (segment->indexed_count() < kHotRows - 256) {
    std::this_thread::yield();
  }
  for (std::uint32_t row = 0; row < kHotRows; row += 11) {
    EXPECT_EQ(segment->meta_json(number_of[row]), std::to_string(row));
    std::vector<hnsw::Hit> hits;
    segment->search(made.row(row).data(), 10, 128, hnsw::scratch_of_this_thread(), hits);
    ASSERT_EQ(hits.size(), 10U);
    EXPECT_TRUE(metric == Metric::kDot || hits.front().row == number_of[row]) << row;
  }
}

INSTANTIATE_TEST_SUITE_P(WalkedOnFloatsAndOnCodes, HotSegmentThreads,
                         ::testing::Values(std::tuple{Metric::kL2, 8U}, std::tuple{Metric::kCosine, 24U},
                                           std::tuple{Metric::kDot, 24U}));

TEST(HotSegmentThreads, stop_promptly_in_the_middle_of_indexing) {
  const auto made = test::make_vectors(1500, 16, 1);
  HotOptions options;
  options.dim = 16;
  options.capacity = 1500;
  for (int round = 0; round < 5; ++round) {
    auto created = HotSegment::create(options);
    ASSERT_OK(created);
    const std::shared_ptr<HotSegment> segment = std::move(created).value();
    const auto indexing = IndexingThread::start(segment);
    ASSERT_OK(indexing);
    for (std::uint32_t row = 0; row < 1500; ++row) {
      ASSERT_OK(segment->append(made.row(row), ""));
      (*indexing)->rows_have_come();
    }
  }
}

}  // namespace
}  // namespace vibrato::vector
