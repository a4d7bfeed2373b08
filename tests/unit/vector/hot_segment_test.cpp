#include "vector/hot_segment.hpp"

#include <gtest/gtest.h>
#include <set>

#include "support/vector_sets.hpp"
#include "vector/choose_codes.hpp"
#include "vector/indexing_thread.hpp"

namespace vibrato::vector {
namespace {

// A segment and the thread that indexes it.
struct IndexedSegment {
  std::shared_ptr<HotSegment> segment;
  std::unique_ptr<IndexingThread> indexing;

  HotSegment* operator->() const { return segment.get(); }
  const HotSegment& operator*() const { return *segment; }
  [[nodiscard]] Result<std::uint32_t> append(std::span<const float> vector, std::string meta_json) const {
    auto row = segment->append(vector, std::move(meta_json));
    indexing->rows_have_come();
    return row;
  }
};

IndexedSegment make_segment(const test::VectorSet& made, Metric metric, std::uint32_t capacity) {
  HotOptions options;
  options.dim = made.dim;
  options.metric = metric;
  options.capacity = capacity;
  IndexedSegment made_segment;
  made_segment.segment = std::move(HotSegment::create(options)).value();
  made_segment.indexing = std::move(IndexingThread::start(made_segment.segment)).value();
  return made_segment;
}

void append_rows(const IndexedSegment& segment, const test::VectorSet& made, std::uint32_t first, std::uint32_t end) {
  for (std::uint32_t row = first; row < end; ++row) {
    const auto at = segment.append(made.row(row), std::to_string(row));
    ASSERT_OK(at);
    ASSERT_EQ(*at, row);
  }
}

std::vector<std::uint32_t> search(const HotSegment& segment, std::span<const float> query, std::uint32_t k) {
  std::vector<hnsw::Hit> hits;
  segment.search(query.data(), k, 128, hnsw::scratch_of_this_thread(), hits);
  std::vector<std::uint32_t> rows;
  for (const hnsw::Hit& hit : hits) {
    rows.push_back(hit.row);
  }
  EXPECT_TRUE(std::is_sorted(hits.begin(), hits.end(), nearer_hit));
  return rows;
}

void wait_until_indexed(const HotSegment& segment, std::uint32_t rows) {
  while (segment.indexed_count() < rows) {
    std::this_thread::yield();
  }
}

double mean_recall(const HotSegment& segment, const test::VectorSet& made, Metric metric, std::uint32_t k) {
  const auto queries = test::make_vectors(30, made.dim, 99);
  double sum = 0;
  for (std::uint32_t q = 0; q < queries.rows; ++q) {
    sum += test::recall_of(metric, made, queries.row(q), k, search(segment, queries.row(q), k));
  }
  return sum / queries.rows;
}

TEST(HotSegment, finds_a_row_as_soon_as_it_is_appended) {
  const auto made = test::make_vectors(200, 6, 1);
  const auto segment = make_segment(made, Metric::kL2, 200);
  EXPECT_TRUE(search(*segment, made.row(0), 3).empty());
  for (std::uint32_t row = 0; row < made.rows; ++row) {
    append_rows(segment, made, row, row + 1);
    EXPECT_EQ(search(*segment, made.row(row), 1), std::vector<std::uint32_t>{row});
  }
  EXPECT_EQ(segment->indexed_count(), 0U) << "few rows are scanned";
  EXPECT_EQ(search(*segment, made.row(0), 500).size(), 200U);
  EXPECT_EQ(mean_recall(*segment, made, Metric::kL2, 10), 1.0);
}

TEST(HotSegment, keeps_vectors_and_meta) {
  const auto made = test::make_vectors(1100, 3, 1);
  const auto segment = make_segment(made, Metric::kDot, 1100);
  append_rows(segment, made, 0, 1100);
  for (const std::uint32_t row : {0U, 1023U, 1024U, 1099U}) {
    EXPECT_EQ(segment->meta_json(row), std::to_string(row));
    EXPECT_TRUE(std::equal(made.row(row).begin(), made.row(row).end(), segment->vector(row).begin()));
  }
}

TEST(HotSegment, refuses_rows_past_its_capacity) {
  const auto made = test::make_vectors(3, 2, 1);
  const auto segment = make_segment(made, Metric::kDot, 2);
  append_rows(segment, made, 0, 2);
  EXPECT_CODE(segment.append(made.row(2), ""), ErrorCode::kUnavailable);
  EXPECT_EQ(segment->row_count(), 2U);
}

TEST(HotSegment, refuses_impossible_sizes) {
  HotOptions options;
  EXPECT_CODE(HotSegment::create(options), ErrorCode::kInvalidArgument);
  options.dim = 16385;
  EXPECT_CODE(HotSegment::create(options), ErrorCode::kInvalidArgument);
}

TEST(HotSegment, finds_the_neighbours_by_graph_and_scan_together) {
  for (const std::uint32_t dim : {8U, 40U}) {  // Walked on f32, and on codes.
    for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
      const auto made = test::make_vectors(2100, dim, 2);
      const auto segment = make_segment(made, metric, 4000);
      append_rows(segment, made, 0, 2000);
      wait_until_indexed(*segment, kCodedRowsMin);
      append_rows(segment, made, 2000, 2100);
      EXPECT_GE(mean_recall(*segment, made, metric, 10), 0.97) << to_string(metric) << " dim " << dim;
      const auto all = search(*segment, made.row(5), 2500);
      EXPECT_EQ(std::set<std::uint32_t>(all.begin(), all.end()).size(), 2100U);
    }
  }
}

TEST(HotSegment, finds_the_neighbours_while_rows_outrun_the_worker) {
  const auto made = test::make_vectors(6000, 32, 2);
  const auto segment = make_segment(made, Metric::kCosine, 6000);
  append_rows(segment, made, 0, 6000);
  std::uint32_t searches = 0;
  while (segment->indexed_count() < 3000 || searches < 100) {
    const auto query = made.row((searches * 61) % 6000);
    const auto found = search(*segment, query, 10);
    EXPECT_GE(test::recall_of(Metric::kCosine, made, query, 10, found), 0.7) << searches;
    EXPECT_EQ(found.front(), (searches * 61) % 6000);
    ++searches;
  }
  EXPECT_GE(mean_recall(*segment, made, Metric::kCosine, 10), 0.97);
}

TEST(HotSegment, finds_every_one_of_many_duplicates) {
  auto made = test::make_vectors(2600, 16, 5);
  for (std::uint32_t row = 100; row < 300; ++row) {
    std::copy_n(made.values.begin(), made.dim, made.values.begin() + std::ptrdiff_t{row} * made.dim);
  }
  const auto segment = make_segment(made, Metric::kL2, 2600);
  append_rows(segment, made, 0, 2600);
  wait_until_indexed(*segment, 2600 - 256);
  const auto found = search(*segment, made.row(0), 201);
  EXPECT_EQ(test::recall_of(Metric::kL2, made, made.row(0), 201, found), 1.0);
  EXPECT_EQ(std::set<std::uint32_t>(found.begin(), found.end()).size(), 201U);
}

TEST(HotSegment, goes_on_without_its_worker) {
  const auto made = test::make_vectors(1500, 4, 3);
  const auto segment = make_segment(made, Metric::kL2, 1500);
  segment.indexing->stop();
  append_rows(segment, made, 0, 1500);
  EXPECT_EQ(segment->indexed_count(), 0U);
  EXPECT_EQ(mean_recall(*segment, made, Metric::kL2, 10), 1.0);
}

}  // namespace
}  // namespace vibrato::vector
