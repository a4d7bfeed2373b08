// Searches over several sealed parts beside exact ones over the same rows.
#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

#include "support/made_collection.hpp"
#include "support/vector_sets.hpp"
#include "vector/collection.hpp"

namespace vibrato::vector {
namespace {

using test::MadeCollection;
using test::number_id;
using test::request_of;
using test::small_settings;

constexpr std::uint32_t kPartsDim = 24;

// Rows in order of their first coordinate: each part holds a region of its own.
std::vector<std::uint32_t> in_order(const test::VectorSet& set) {
  std::vector<std::uint32_t> rows(set.rows);
  std::iota(rows.begin(), rows.end(), 0U);
  std::sort(rows.begin(), rows.end(), [&](auto a, auto b) { return set.row(a)[0] < set.row(b)[0]; });
  return rows;
}

// Sealed parts of these sizes; the rows that are left stay in the hot part.
void put_parts(MadeCollection& made, const test::VectorSet& set, const std::vector<std::uint32_t>& rows,
               const std::vector<std::uint32_t>& sizes) {
  std::size_t next = 0;
  for (const std::uint32_t size : sizes) {
    for (const std::size_t end = next + size; next < end; ++next) {
      made.put(number_id(rows[next]), set.row(rows[next]));
    }
    made.publish();
    made.seal();
  }
  for (; next < rows.size(); ++next) {
    made.put(number_id(rows[next]), set.row(rows[next]));
  }
  made.publish();
}

// The share of the exact answer's hits that the walks find; what every answer must hold is expected.
double recall(const MadeCollection& made, const test::VectorSet& queries, std::uint32_t k) {
  double found = 0;
  for (std::uint32_t q = 0; q < queries.rows; ++q) {
    const auto walked = (*made).search(request_of(queries.row(q), k));
    const auto exact = (*made).search(request_of(queries.row(q), k, true));
    EXPECT_OK(walked);
    EXPECT_OK(exact);
    EXPECT_EQ(walked->hits.size(), exact->hits.size());
    std::set<std::uint64_t> ids;
    for (const PointHit& hit : walked->hits) {
      ids.insert(hit.id.number);
    }
    EXPECT_EQ(ids.size(), walked->hits.size());
    found += static_cast<double>(
                 std::ranges::count_if(exact->hits, [&](const PointHit& hit) { return ids.contains(hit.id.number); })) /
             static_cast<double>(exact->hits.size());
  }
  return found / queries.rows;
}

// Points that are all the same, their ids the other way round than their rows: sealed parts of these sizes, the rest
// hot.
void put_equal_points(MadeCollection& made, std::uint32_t dim, std::uint32_t count,
                      const std::vector<std::uint32_t>& sizes) {
  const std::vector<float> same(dim, 1.0F);
  std::uint32_t left = count;
  for (const std::uint32_t size : sizes) {
    for (const std::uint32_t end = left - size; left > end;) {
      made.put(number_id(--left), same);
    }
    made.publish();
    made.seal();
  }
  while (left > 0) {
    made.put(number_id(--left), same);
  }
  made.publish();
}

// Every `step`-th page of `k` hits, through all of `count` equal points.
void expect_pages_in_id_order(const MadeCollection& made, std::uint32_t dim, std::uint32_t count, std::uint32_t k,
                              std::uint32_t step, bool exact) {
  const std::vector<float> query(dim, 1.0F);
  for (std::uint32_t offset = 0; offset < count; offset += step * k) {
    SearchRequest request = request_of(query, k, exact);
    request.offset = offset;
    const auto answer = (*made).search(request);
    ASSERT_OK(answer);
    ASSERT_EQ(answer->hits.size(), std::min(k, count - offset)) << "offset " << offset;
    for (std::uint32_t i = 0; i < answer->hits.size(); ++i) {
      ASSERT_EQ(answer->hits[i].id.number, offset + i) << "offset " << offset << (exact ? ", exact" : "");
    }
  }
}

TEST(CollectionParts, pages_of_equal_points_hold_each_once_in_the_order_of_ids) {
  for (const IndexKind index : {IndexKind::kHnsw, IndexKind::kFlat}) {
    for (const auto& sizes : std::vector<std::vector<std::uint32_t>>{{}, {1000}, {400, 300, 200}, {10, 900}}) {
      MadeCollection made(small_settings(1, Metric::kDot, index));
      put_equal_points(made, 1, 1000, sizes);
      expect_pages_in_id_order(made, 1, 1000, 3, 1, true);
      expect_pages_in_id_order(made, 1, 1000, 3, 9, false);
    }
  }
}

TEST(CollectionParts, walks_and_scans_of_codes_give_equal_points_in_the_order_of_ids_too) {
  constexpr std::uint32_t kCount = 5000;
  for (const Metric metric : {Metric::kCosine, Metric::kL2}) {
    for (const auto& sizes : std::vector<std::vector<std::uint32_t>>{{}, {kCount}, {2500, 1500}}) {
      MadeCollection made(small_settings(kPartsDim, metric));
      put_equal_points(made, kPartsDim, kCount, sizes);
      expect_pages_in_id_order(made, kPartsDim, kCount, 10, 25, false);
      expect_pages_in_id_order(made, kPartsDim, kCount, 10, 25, true);
    }
  }
}

TEST(CollectionParts, find_as_much_whatever_the_order_and_the_sizes_of_parts) {
  const auto set = test::make_vectors(9000, kPartsDim, 4);
  const auto queries = test::make_vectors(30, kPartsDim, 5);
  std::vector<std::uint32_t> as_they_come(set.rows);
  std::iota(as_they_come.begin(), as_they_come.end(), 0U);
  for (const auto& rows : {as_they_come, in_order(set)}) {
    for (const std::vector<std::uint32_t>& sizes : {std::vector<std::uint32_t>{1500, 1500, 1500, 1500, 1500},
                                                    std::vector<std::uint32_t>{5000, 2500, 1200, 200}}) {
      MadeCollection made(small_settings(kPartsDim, Metric::kL2));
      put_parts(made, set, rows, sizes);
      EXPECT_GE(recall(made, queries, 10), 0.96);
      EXPECT_GE(recall(made, queries, 100), 0.96);
      EXPECT_GE(recall(made, queries, 1000), 0.96);
    }
  }
}

TEST(CollectionParts, find_what_is_left_after_deletes) {
  const auto set = test::make_vectors(6000, kPartsDim, 4);
  const auto queries = test::make_vectors(30, kPartsDim, 5);
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot}) {
    MadeCollection made(small_settings(kPartsDim, metric));
    put_parts(made, set, in_order(set), {1500, 1500, 1500});
    for (std::uint32_t row = 0; row < set.rows; row += 3) {
      made.erase(number_id(row));
    }
    made.publish();
    EXPECT_GE(recall(made, queries, 10), 0.95);
    EXPECT_GE(recall(made, queries, 300), 0.95);
  }
}

TEST(CollectionParts, keep_every_row_that_is_as_near_as_what_is_known) {
  const auto set = test::make_vectors(3000, kPartsDim, 4);
  MadeCollection made(small_settings(kPartsDim, Metric::kL2));
  put_parts(made, set, in_order(set), {3000});
  const auto version = made->read_view().version;
  const Segment& part = *version->sealed.front();
  const auto queries = test::make_vectors(40, kPartsDim, 6);
  std::size_t fewer = 0;
  for (std::uint32_t q = 0; q < queries.rows; ++q) {
    SegmentQuery query;
    query.vector = queries.row(q).data();
    query.visible = made.visible();
    std::vector<hnsw::Hit> all;
    std::vector<hnsw::Hit> near;
    SegmentStats whole;
    ASSERT_OK(part.search(query, hnsw::scratch_of_this_thread(), all, &whole));
    ASSERT_EQ(all.size(), 10U);
    query.known = all[2].distance;
    SegmentStats stats;
    ASSERT_OK(part.search(query, hnsw::scratch_of_this_thread(), near, &stats));
    EXPECT_EQ(stats.plan, "graph");  // Fewer hits are no reason to scan.
    ASSERT_GE(near.size(), 3U);
    EXPECT_TRUE(std::equal(all.begin(), all.begin() + 3, near.begin()));
    fewer += near.size() < all.size() ? 1 : 0;
    query.known = 0;
    ASSERT_OK(part.search(query, hnsw::scratch_of_this_thread(), near, &stats));
    EXPECT_EQ(stats.plan, "graph");
    EXPECT_EQ(stats.rows_visited, whole.rows_visited);  // The walk is not cut: it would find less.
  }
  EXPECT_GT(fewer, 20U);
}

}  // namespace
}  // namespace vibrato::vector
