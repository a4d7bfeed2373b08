#include "vector/hot_part.hpp"

#include <gtest/gtest.h>
#include <set>

#include "base/limits.hpp"
#include "support/made_collection.hpp"
#include "support/status_matchers.hpp"
#include "support/vector_sets.hpp"
#include "vector/choose_codes.hpp"

namespace vibrato::vector {
namespace {

using test::number_id;
using test::text_id;

std::shared_ptr<HotPart> make_part(std::uint32_t dim, std::uint32_t capacity, std::uint64_t bytes_max = 0,
                                   IndexKind index = IndexKind::kHnsw) {
  HotPartOptions options;
  options.settings.dim = dim;
  options.settings.metric = Metric::kL2;
  options.settings.index = index;
  options.settings.m = 8;
  options.settings.ef_construction = 60;
  options.row_capacity = capacity;
  options.data_bytes_max = bytes_max;
  auto part = HotPart::create(options);
  EXPECT_OK(part);
  return std::move(part).value();
}

// Row r gets id r and LSN 10 + r.
void append_rows(HotPart& part, const test::VectorSet& made, std::uint32_t first, std::uint32_t end) {
  for (std::uint32_t row = first; row < end; ++row) {
    const auto at = part.append(number_id(row), made.row(row), "{}", Lsn(10 + row));
    ASSERT_OK(at);
    ASSERT_EQ(*at, row);
  }
}

void index_all(HotPart& part) {
  while (part.index_step(500)) {
  }
}

std::vector<std::uint32_t> search(const HotPart& part, std::span<const float> query, std::uint32_t k, Lsn visible,
                                  std::string_view* plan = nullptr, bool exact = false) {
  SegmentQuery asked;
  asked.vector = query.data();
  asked.k = k;
  asked.exact = exact;
  asked.visible = visible;
  std::vector<hnsw::Hit> hits;
  SegmentStats stats;
  EXPECT_OK(part.search(asked, hnsw::scratch_of_this_thread(), hits, &stats));
  EXPECT_TRUE(std::is_sorted(hits.begin(), hits.end(), nearer_hit));
  if (plan != nullptr) {
    *plan = stats.plan;
  }
  std::vector<std::uint32_t> rows;
  for (const hnsw::Hit& hit : hits) {
    rows.push_back(hit.row);
  }
  return rows;
}

TEST(HotPart, keeps_what_was_written) {
  const auto made = test::make_vectors(3, 4, 1);
  const auto part = make_part(4, 100);
  ASSERT_OK(part->append(text_id("a"), made.row(0), R"({"x":1})", Lsn(5)));
  ASSERT_OK(part->append(number_id(7), made.row(1), "", Lsn(6)));
  ASSERT_OK(part->append(text_id("7"), made.row(2), "", Lsn(9)));
  EXPECT_EQ(part->row_count(), 3U);
  EXPECT_EQ(part->first_lsn(), Lsn(5));
  EXPECT_EQ(part->last_lsn(), Lsn(9));
  EXPECT_EQ(*part->id(0), text_id("a"));
  EXPECT_EQ(*part->id(1), number_id(7));
  EXPECT_EQ(*part->id(2), text_id("7"));
  EXPECT_EQ(*part->meta_json(0), R"({"x":1})");
  EXPECT_EQ(*part->meta_json(1), "");
  EXPECT_TRUE(std::ranges::equal(*part->vector(2), made.row(2)));
  EXPECT_EQ(part->row_lsn(1), Lsn(6));
  EXPECT_EQ(part->data_bytes(), 3 * 16U + 7 + 1 + 8 + 1);
}

TEST(HotPart, finds_the_row_of_an_id_as_of_each_lsn) {
  const auto made = test::make_vectors(4, 4, 1);
  const auto part = make_part(4, 100);
  ASSERT_OK(part->append(number_id(1), made.row(0), "", Lsn(5)));
  ASSERT_OK(part->append(number_id(2), made.row(1), "", Lsn(6)));
  ASSERT_OK(part->append(number_id(1), made.row(2), "", Lsn(8)));
  ASSERT_OK(part->append(number_id(1), made.row(3), "", Lsn(11)));
  EXPECT_EQ(*part->find(number_id(1), Lsn(4)), std::nullopt);
  EXPECT_EQ(*part->find(number_id(1), Lsn(5)), 0U);
  EXPECT_EQ(*part->find(number_id(1), Lsn(7)), 0U);
  EXPECT_EQ(*part->find(number_id(1), Lsn(8)), 2U);
  EXPECT_EQ(*part->find(number_id(1), Lsn::max()), 3U);
  EXPECT_EQ(*part->find(text_id("1"), Lsn::max()), std::nullopt);
}

TEST(HotPart, finds_every_one_of_many_ids) {
  const auto made = test::make_vectors(5000, 2, 1);
  const auto part = make_part(2, 5000);
  append_rows(*part, made, 0, 5000);
  for (std::uint32_t row = 0; row < 5000; ++row) {
    ASSERT_EQ(*part->find(number_id(row), Lsn::max()), row);
  }
  EXPECT_EQ(*part->find(number_id(5000), Lsn::max()), std::nullopt);
}

TEST(HotPart, shows_a_reader_the_rows_up_to_its_lsn_and_no_deleted_ones) {
  for (const bool indexed : {false, true}) {
    const auto made = test::make_vectors(3000, 20, 1);
    const auto part = make_part(20, 3000);
    append_rows(*part, made, 0, 3000);
    if (indexed) {
      part->freeze();
      index_all(*part);
      ASSERT_EQ(part->indexed_count(), 3000U);
    }
    EXPECT_EQ(search(*part, made.row(2999), 1, Lsn::max()).front(), 2999U);
    for (const std::uint32_t visible_rows : {0U, 1U, 5U, 900U, 1500U, 2999U}) {
      const Lsn visible(9 + visible_rows);
      EXPECT_EQ(part->rows_at(visible), visible_rows);
      const auto found = search(*part, made.row(2999), 10, visible);
      EXPECT_EQ(found.size(), std::min(10U, visible_rows));
      EXPECT_TRUE(std::all_of(found.begin(), found.end(), [&](std::uint32_t row) { return row < visible_rows; }));
    }
    ASSERT_OK(part->deletes()->mark(17, Lsn(5000)));
    EXPECT_EQ(search(*part, made.row(17), 1, Lsn(4999)).front(), 17U);
    EXPECT_NE(search(*part, made.row(17), 1, Lsn(5000)).front(), 17U);
    EXPECT_FALSE(part->is_alive(17, Lsn(5000)));
    EXPECT_TRUE(part->is_alive(17, Lsn(4999)));
  }
}

TEST(HotPart, fills_k_however_many_rows_are_deleted) {
  const auto made = test::make_vectors(4000, 20, 1);
  const auto part = make_part(20, 4000);
  append_rows(*part, made, 0, 4000);
  part->freeze();
  index_all(*part);
  std::uint64_t lsn = 5000;
  // The rows nearest to the query die first.
  const auto order = search(*part, made.row(0), 4000, Lsn::max(), nullptr, true);
  ASSERT_EQ(order.size(), 4000U);
  std::uint32_t dead = 0;
  for (const std::uint32_t target : {100U, 2000U, 3000U, 3950U, 3995U, 4000U}) {
    for (; dead < target; ++dead) {
      ASSERT_OK(part->deletes()->mark(order[dead], Lsn(++lsn)));
    }
    const auto found = search(*part, made.row(0), 10, Lsn::max());
    ASSERT_EQ(found.size(), std::min(10U, 4000 - dead)) << dead;
    const std::vector<std::uint32_t> best(order.begin() + dead, order.begin() + dead + std::min(10U, 4000 - dead));
    std::size_t common = 0;
    for (const std::uint32_t row : found) {
      common += std::count(best.begin(), best.end(), row) != 0 ? 1U : 0U;
    }
    EXPECT_GE(common + 1, best.size()) << dead;
  }
}

TEST(HotPart, scans_on_codes_before_anything_is_indexed) {
  const auto made = test::make_vectors(3000, 32, 1);
  const auto part = make_part(32, 3000);
  append_rows(*part, made, 0, 3000);
  EXPECT_EQ(part->rows().encoded_count(), 3000U);
  std::string_view plan;
  EXPECT_EQ(search(*part, made.row(1), 1, Lsn::max(), &plan), std::vector<std::uint32_t>{1});
  EXPECT_EQ(plan, "coded_scan");
  (void)search(*part, made.row(1), 1, Lsn::max(), &plan, true);
  EXPECT_EQ(plan, "scan");
  EXPECT_TRUE(part->index_step(1500));
  EXPECT_EQ(part->indexed_count(), 1500U);
  EXPECT_EQ(search(*part, made.row(2), 1, Lsn::max(), &plan), std::vector<std::uint32_t>{2});
  EXPECT_EQ(plan, "graph+tail");
}

TEST(HotPart, indexes_the_last_row_once_it_is_frozen) {
  const auto made = test::make_vectors(1100, 4, 1);
  const auto part = make_part(4, 2000);
  append_rows(*part, made, 0, kCodedRowsMin - 1);
  EXPECT_FALSE(part->needs_indexing());
  append_rows(*part, made, kCodedRowsMin - 1, 1100);
  EXPECT_TRUE(part->index_step(kCodedRowsMin));
  EXPECT_FALSE(part->needs_indexing()) << "a hundred rows are no batch";
  EXPECT_FALSE(part->index_step(1000));
  part->freeze();
  EXPECT_TRUE(part->needs_indexing());
  index_all(*part);
  EXPECT_EQ(part->indexed_count(), 1100U);
  EXPECT_FALSE(part->needs_indexing());
}

TEST(HotPart, of_a_flat_collection_is_scanned_exactly) {
  const auto made = test::make_vectors(2500, 32, 1);
  const auto part = make_part(32, 2500, 0, IndexKind::kFlat);
  append_rows(*part, made, 0, 2500);
  part->freeze();
  EXPECT_FALSE(part->index_step(1000));
  std::string_view plan;
  EXPECT_EQ(search(*part, made.row(9), 1, Lsn::max(), &plan).front(), 9U);
  EXPECT_EQ(plan, "scan");
}

TEST(HotPart, is_full_by_rows_or_by_bytes) {
  const auto made = test::make_vectors(20, 4, 1);
  const auto by_rows = make_part(4, 3);
  append_rows(*by_rows, made, 0, 2);
  EXPECT_FALSE(by_rows->is_full());
  append_rows(*by_rows, made, 2, 3);
  EXPECT_TRUE(by_rows->is_full());
  const auto by_bytes = make_part(4, 100, 3 * 26);
  append_rows(*by_bytes, made, 0, 2);
  EXPECT_FALSE(by_bytes->is_full());
  append_rows(*by_bytes, made, 2, 3);
  EXPECT_TRUE(by_bytes->is_full());
}

TEST(HotPart, costs_a_few_kilobytes_for_ten_rows) {
  const auto made = test::make_vectors(10, 128, 1);
  const auto part = make_part(128, 131'072, 64 * limits::kMiB);
  append_rows(*part, made, 0, 10);
  EXPECT_LE(part->bytes_in_memory(), 10 * 512 + 4096U);
}

}  // namespace
}  // namespace vibrato::vector
