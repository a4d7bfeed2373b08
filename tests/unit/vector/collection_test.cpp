#include "vector/collection.hpp"

#include <gtest/gtest.h>
#include <set>

#include "base/limits.hpp"
#include "support/made_collection.hpp"
#include "support/vector_sets.hpp"

namespace vibrato::vector {
namespace {

using test::MadeCollection;
using test::number_id;
using test::request_of;
using test::small_settings;
using test::text_id;

std::vector<std::uint64_t> numbers_of(const SearchAnswer& answer) {
  std::vector<std::uint64_t> numbers;
  for (const PointHit& hit : answer.hits) {
    numbers.push_back(hit.id.number);
  }
  return numbers;
}

std::vector<std::uint64_t> search(MadeCollection& made, const SearchRequest& request) {
  const auto answer = made->search(request);
  EXPECT_OK(answer);
  return answer.ok() ? numbers_of(*answer) : std::vector<std::uint64_t>();
}

// Ids 0 to rows - 1.
void put_rows(MadeCollection& made, const test::VectorSet& set, std::uint32_t first, std::uint32_t end) {
  for (std::uint32_t row = first; row < end; ++row) {
    made.put(number_id(row), set.row(row), R"({"row":)" + std::to_string(row) + "}");
  }
  made.publish();
}

TEST(Collection, finds_nothing_while_it_is_empty) {
  const auto set = test::make_vectors(1, 4, 1);
  MadeCollection made(small_settings(4, Metric::kL2));
  EXPECT_TRUE(search(made, request_of(set.row(0), 10)).empty());
  const auto point = made->get(number_id(1));
  ASSERT_OK(point);
  EXPECT_EQ(*point, std::nullopt);
  EXPECT_EQ(made->info().segments, 0U);
  EXPECT_EQ(made->oldest_unsaved_lsn(), std::nullopt);
}

TEST(Collection, shows_what_is_visible_and_nothing_else) {
  const auto set = test::make_vectors(4, 4, 1);
  MadeCollection made(small_settings(4, Metric::kL2));
  put_rows(made, set, 0, 2);
  made.put(number_id(2), set.row(2));
  made.put(number_id(0), set.row(3), R"({"new":1})");
  made.erase(number_id(1));
  EXPECT_EQ(search(made, request_of(set.row(0), 10)).size(), 2U);
  auto old = made->get(number_id(0));
  ASSERT_OK(old);
  EXPECT_EQ((*old)->meta_json, R"({"row":0})");
  EXPECT_EQ((*made->get(number_id(2))), std::nullopt);
  ASSERT_TRUE((*made->find_applied(number_id(0))).has_value());
  EXPECT_EQ((*made->find_applied(number_id(0)))->meta_json, R"({"new":1})");
  EXPECT_EQ(*made->find_applied(number_id(1)), std::nullopt);

  made.publish();
  EXPECT_EQ(search(made, request_of(set.row(2), 10)).front(), 2U);
  EXPECT_EQ(search(made, request_of(set.row(2), 10)).size(), 2U);
  const auto now = made->get(number_id(0));
  ASSERT_OK(now);
  EXPECT_TRUE(std::ranges::equal((*now)->vector, set.row(3)));
  EXPECT_EQ(*made->get(number_id(1)), std::nullopt);
}

TEST(Collection, tells_numbers_from_texts) {
  const auto set = test::make_vectors(2, 4, 1);
  MadeCollection made(small_settings(4, Metric::kL2));
  made.put(number_id(7), set.row(0));
  made.put(text_id("7"), set.row(1));
  made.publish();
  EXPECT_EQ(made->info().live_count, 2U);
  EXPECT_TRUE(std::ranges::equal((*made->get(text_id("7")))->vector, set.row(1)));
}

TEST(Collection, applies_a_record_once) {
  const auto set = test::make_vectors(2, 4, 1);
  MadeCollection made(small_settings(4, Metric::kL2));
  ASSERT_OK(made->apply_put(number_id(1), set.row(0), "", Lsn(5), 50));
  ASSERT_OK(made->apply_put(number_id(1), set.row(1), "", Lsn(5), 50));
  ASSERT_OK(made->apply_delete(number_id(1), Lsn(4), 40));
  EXPECT_EQ(made->info().live_count, 1U);
  EXPECT_EQ(made->info().updated_at_ms, 50);
  EXPECT_TRUE(std::ranges::equal((*made->find_applied(number_id(1)))->vector, set.row(0)));
  ASSERT_OK(made->apply_delete(number_id(1), Lsn(6), 60));
  ASSERT_OK(made->apply_delete(number_id(1), Lsn(7), 70));
  EXPECT_EQ(made->info().live_count, 0U);
}

TEST(Collection, refuses_a_record_of_another_dimension) {
  const auto set = test::make_vectors(1, 5, 1);
  MadeCollection made(small_settings(4, Metric::kL2));
  EXPECT_CODE(made->apply_put(number_id(1), set.row(0), "", Lsn(1), 1), ErrorCode::kCorruption);
}

TEST(Collection, begins_a_new_part_when_one_is_full) {
  const auto set = test::make_vectors(25, 4, 1);
  MadeCollection made(small_settings(4, Metric::kL2), 10 * 4 * sizeof(float));
  put_rows(made, set, 0, 25);
  const auto version = made->read_view().version;
  std::uint32_t rows = version->hot->row_count();
  for (const auto& part : version->frozen) {
    EXPECT_TRUE(part->is_frozen());
    EXPECT_LE(part->row_count(), 10U);
    rows += part->row_count();
  }
  EXPECT_EQ(rows, 25U);
  EXPECT_GE(version->frozen.size(), 2U);
  EXPECT_EQ(search(made, request_of(set.row(3), 100)).size(), 25U);
}

TEST(Collection, answers_the_same_from_hot_sealed_and_merged_parts) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot}) {
    const auto set = test::make_vectors(900, 12, 2);
    MadeCollection parts(small_settings(12, metric));
    MadeCollection whole(small_settings(12, metric));
    for (std::uint32_t first = 0; first < 900; first += 300) {
      put_rows(parts, set, first, first + 300);
      parts.seal();
    }
    put_rows(whole, set, 0, 900);
    parts.merge(0, 2);
    const auto info = parts->info();
    EXPECT_EQ(info.segments, 2U);
    EXPECT_EQ(info.live_count, 900U);
    EXPECT_EQ(info.hot_rows, 0U);
    EXPECT_GT(info.bytes_on_disk, 900U * 12 * sizeof(float));
    const auto queries = test::make_vectors(20, 12, 3);
    for (std::uint32_t q = 0; q < queries.rows; ++q) {
      auto request = request_of(queries.row(q), 15);
      request.exact = true;
      EXPECT_EQ(search(parts, request), search(whole, request)) << to_string(metric);
    }
    const auto point = parts->get(number_id(5));
    ASSERT_OK(point);
    EXPECT_EQ((*point)->meta_json, R"({"row":5})");
  }
}

TEST(Collection, carries_deletes_over_that_come_during_a_merge) {
  const auto set = test::make_vectors(60, 4, 2);
  MadeCollection made(small_settings(4, Metric::kL2));
  put_rows(made, set, 0, 30);
  made.seal();
  put_rows(made, set, 30, 50);
  made.seal();
  made.erase(number_id(3));
  made.publish();
  made.merge(0, 2, [&] {
    made.erase(number_id(4));
    made.put(number_id(35), set.row(55), "changed");
    made.publish();
    made.erase(number_id(36));  // Applied, not visible yet.
  });
  EXPECT_EQ(search(made, request_of(set.row(0), 100)).size(), 48U);
  EXPECT_EQ(*made->get(number_id(4)), std::nullopt);
  EXPECT_EQ((*made->get(number_id(35)))->meta_json, "changed");
  EXPECT_NE(*made->get(number_id(36)), std::nullopt);
  made.publish();
  EXPECT_EQ(*made->get(number_id(36)), std::nullopt);
  EXPECT_EQ(made->info().live_count, 47U);
  EXPECT_EQ(made->info().deleted_count, 3U) << "4, 35 and 36; 3 is gone";
}

TEST(Collection, merges_parts_without_a_living_row_into_nothing) {
  const auto set = test::make_vectors(10, 4, 2);
  MadeCollection made(small_settings(4, Metric::kL2));
  put_rows(made, set, 0, 10);
  made.seal();
  for (std::uint32_t row = 0; row < 10; ++row) {
    made.erase(number_id(row));
  }
  made.publish();
  made.merge(0, 1);
  EXPECT_EQ(made->info().segments, 0U);
  EXPECT_EQ(made->info().bytes_on_disk, 0U);
  EXPECT_EQ(made->info().live_count, 0U);
}

TEST(Collection, keeps_what_an_older_reader_sees_through_a_merge) {
  const auto set = test::make_vectors(20, 4, 2);
  MadeCollection made(small_settings(4, Metric::kL2));
  put_rows(made, set, 0, 20);
  made.seal();
  const ReadView before = made->read_view();
  made.erase(number_id(1));
  made.publish();
  made.merge(0, 1);
  EXPECT_TRUE(before.version->sealed.front()->is_alive(1, before.visible));
  EXPECT_EQ(made->read_view().version->sealed.front()->row_count(), 19U);
}

TEST(Collection, breaks_ties_by_id) {
  MadeCollection made(small_settings(2, Metric::kL2));
  const std::vector<float> same{1, 2};
  for (const std::uint64_t id : {9U, 3U, 8U}) {
    made.put(number_id(id), same);
  }
  made.publish();
  made.seal();
  made.put(text_id("a"), same);
  made.put(number_id(5), same);
  made.publish();
  EXPECT_EQ(search(made, request_of(same, 10)), (std::vector<std::uint64_t>{3, 5, 8, 9, 0}));
  const auto answer = made->search(request_of(same, 10));
  EXPECT_TRUE(answer->hits.back().id.is_text);
}

TEST(Collection, breaks_ties_by_id_where_the_answer_ends) {
  MadeCollection made(small_settings(2, Metric::kL2));
  const std::vector<float> same{1, 2};
  const std::vector<float> near{1, 2.5F};
  for (std::uint64_t id = 200; id > 0; --id) {
    made.put(number_id(id), same);
  }
  made.put(number_id(300), near);
  made.publish();
  auto request = request_of(near, 4);
  EXPECT_EQ(search(made, request), (std::vector<std::uint64_t>{300, 1, 2, 3}));
  request.offset = 2;
  EXPECT_EQ(search(made, request), (std::vector<std::uint64_t>{2, 3, 4, 5}));
}

TEST(Collection, pages_through_an_answer) {
  const auto set = test::make_vectors(50, 4, 2);
  MadeCollection made(small_settings(4, Metric::kL2));
  put_rows(made, set, 0, 30);
  made.seal();
  put_rows(made, set, 30, 50);
  const auto all = search(made, request_of(set.row(0), 50));
  ASSERT_EQ(all.size(), 50U);
  std::vector<std::uint64_t> paged;
  for (std::uint32_t offset = 0; offset < 60; offset += 7) {
    auto request = request_of(set.row(0), 7);
    request.offset = offset;
    const auto page = search(made, request);
    paged.insert(paged.end(), page.begin(), page.end());
  }
  EXPECT_EQ(paged, all);
}

TEST(Collection, leaves_out_the_example_and_still_fills_k) {
  const auto set = test::make_vectors(20, 4, 2);
  MadeCollection made(small_settings(4, Metric::kL2));
  put_rows(made, set, 0, 20);
  auto request = request_of(set.row(6), 5);
  request.left_out = {PointId(6)};
  const auto found = search(made, request);
  EXPECT_EQ(found.size(), 5U);
  EXPECT_EQ(std::count(found.begin(), found.end(), 6U), 0);
}

TEST(Collection, keeps_the_hits_within_a_threshold) {
  MadeCollection l2(small_settings(1, Metric::kL2));
  MadeCollection dot(small_settings(1, Metric::kDot));
  for (std::uint32_t i = 0; i < 10; ++i) {
    const std::vector<float> vector{static_cast<float>(i)};
    l2.put(number_id(i), vector);
    dot.put(number_id(i), vector);
  }
  l2.publish();
  dot.publish();
  const std::vector<float> zero{0};
  const std::vector<float> one{1};
  auto request = request_of(zero, 10);
  request.max_distance = 9.0F;
  EXPECT_EQ(search(l2, request), (std::vector<std::uint64_t>{0, 1, 2, 3}));
  request = request_of(one, 10);
  request.min_score = 8.0F;
  EXPECT_EQ(search(dot, request), (std::vector<std::uint64_t>{9, 8}));

  request.max_distance = 1.0F;
  EXPECT_CODE(dot->search(request), ErrorCode::kInvalidArgument);
  request = request_of(zero, 10);
  request.min_score = 1.0F;
  EXPECT_CODE(l2->search(request), ErrorCode::kInvalidArgument);
}

TEST(Collection, checks_what_is_asked) {
  const auto set = test::make_vectors(1, 4, 2);
  MadeCollection made(small_settings(4, Metric::kCosine));
  put_rows(made, set, 0, 1);
  EXPECT_CODE(made->search(request_of(set.row(0).first(3), 1)), ErrorCode::kDimMismatch);
  EXPECT_CODE(made->search(request_of(set.row(0), 0)), ErrorCode::kInvalidArgument);
  EXPECT_CODE(made->search(request_of(set.row(0), limits::kSearchKMax + 1)), ErrorCode::kInvalidArgument);
  EXPECT_OK(made->search(request_of(set.row(0), limits::kSearchKMax)));
  auto request = request_of(set.row(0), 1);
  request.ef = limits::kEfMax;
  EXPECT_OK(made->search(request));
  request.ef = limits::kEfMax + 1;
  EXPECT_CODE(made->search(request), ErrorCode::kInvalidArgument);
  const std::vector<float> zero(4);
  EXPECT_CODE(made->search(request_of(zero, 1)), ErrorCode::kInvalidArgument);
}

TEST(Collection, searches_the_tier_that_is_asked) {
  const auto set = test::make_vectors(20, 4, 2);
  MadeCollection made(small_settings(4, Metric::kL2));
  put_rows(made, set, 0, 10);
  made.seal();
  put_rows(made, set, 10, 20);
  auto request = request_of(set.row(0), 20);
  EXPECT_EQ(search(made, request).size(), 20U);
  request.tier = Tier::kActive;
  EXPECT_EQ(search(made, request).size(), 20U);
  request.tier = Tier::kArchive;
  EXPECT_TRUE(search(made, request).empty());
}

TEST(Collection, explains_what_each_part_did) {
  const auto set = test::make_vectors(30, 4, 2);
  MadeCollection made(small_settings(4, Metric::kL2));
  put_rows(made, set, 0, 10);
  made.seal();
  put_rows(made, set, 10, 25);
  (void)made->freeze_hot();
  put_rows(made, set, 25, 30);
  const auto answer = made->search(request_of(set.row(0), 3), true);
  ASSERT_OK(answer);
  ASSERT_EQ(answer->explain.size(), 3U);
  EXPECT_EQ(answer->explain[0].segment, "segments/1.vdb");
  EXPECT_EQ(answer->explain[1].segment, "frozen");
  EXPECT_EQ(answer->explain[1].rows, 15U);
  EXPECT_EQ(answer->explain[2].segment, "hot");
  EXPECT_EQ(answer->explain[2].stats.plan, "scan");
}

TEST(Collection, knows_what_is_not_saved) {
  const auto set = test::make_vectors(4, 4, 2);
  MadeCollection made(small_settings(4, Metric::kL2));
  put_rows(made, set, 0, 2);
  EXPECT_EQ(made->oldest_unsaved_lsn(), Lsn(1));
  made.seal();
  EXPECT_EQ(made->durable_lsn(), Lsn(2));
  EXPECT_EQ(made->oldest_unsaved_lsn(), std::nullopt);
  made.erase(number_id(0));
  made.publish();
  EXPECT_EQ(made->oldest_unsaved_lsn(), Lsn(3));
}

TEST(Collection, skips_records_up_to_the_durable_lsn_after_loading) {
  const auto set = test::make_vectors(4, 4, 2);
  MadeCollection made(small_settings(4, Metric::kL2));
  put_rows(made, set, 0, 3);
  made.seal();
  commit::VisibleLsn visible;
  Collection loaded(made->identity(), visible, {});
  loaded.load_sealed(made->read_view().version->sealed, Lsn(3), 3);
  visible.publish(Lsn(3));
  for (std::uint64_t lsn = 1; lsn <= 3; ++lsn) {
    ASSERT_OK(loaded.apply_put(number_id(lsn - 1), set.row(0), "", Lsn(lsn), 1));
  }
  EXPECT_EQ(loaded.info().live_count, 3U);
  EXPECT_EQ(loaded.info().hot_rows, 0U);
  ASSERT_OK(loaded.apply_put(number_id(0), set.row(3), "", Lsn(4), 1));
  visible.publish(Lsn(4));
  EXPECT_EQ(loaded.info().live_count, 3U);
  EXPECT_TRUE(std::ranges::equal((*loaded.get(number_id(0)))->vector, set.row(3)));
}

TEST(Collection, counts_the_bytes_that_wait) {
  const auto set = test::make_vectors(2000, 32, 2);
  MadeCollection made(small_settings(32, Metric::kL2));
  put_rows(made, set, 0, 999);
  EXPECT_EQ(made->tail_bytes(), 0U) << "few rows never get an index";
  EXPECT_EQ(made->info().indexed_count, 999U) << "nor do they wait for one";
  put_rows(made, set, 999, 2000);
  EXPECT_GE(made->tail_bytes(), 2000U * 32 * 4);
  EXPECT_EQ(made->info().indexed_count, 0U);
  EXPECT_EQ(made->hot_bytes(), made->read_view().version->hot->data_bytes());
  while (made->read_view().version->hot->index_step(1000)) {
  }
  EXPECT_EQ(made->tail_bytes(), 0U);
  EXPECT_EQ(made->info().indexed_count, 2000U);
  made.seal();
  EXPECT_EQ(made->hot_bytes(), 0U);
}

TEST(Collection, says_why_it_takes_no_writes) {
  MadeCollection made(small_settings(4, Metric::kL2));
  EXPECT_OK(made->check_writable());
  made->set_damaged("segments/3.vdb: gone");
  made->set_damaged("something later");
  const Status status = made->check_writable();
  EXPECT_EQ(status.code(), ErrorCode::kUnavailable);
  EXPECT_NE(status.message().find("segments/3.vdb: gone"), std::string::npos);
  ASSERT_EQ(made->info().notes.size(), 1U);
}

TEST(Collection, finds_the_neighbours_over_many_indexed_parts) {
  const auto set = test::make_vectors(8000, 24, 4);
  MadeCollection made(small_settings(24, Metric::kCosine));
  for (std::uint32_t first = 0; first < 8000; first += 2000) {
    put_rows(made, set, first, first + 2000);
    if (first < 6000) {
      made.seal();
    }
  }
  while (made->read_view().version->hot->index_step(1000)) {
  }
  const auto queries = test::make_vectors(50, 24, 5);
  double recall = 0;
  for (std::uint32_t q = 0; q < queries.rows; ++q) {
    const auto found = search(made, request_of(queries.row(q), 10));
    recall += test::recall_of(Metric::kCosine, set, queries.row(q), 10, {found.begin(), found.end()});
  }
  EXPECT_GE(recall / queries.rows, 0.97);
  const auto answer = made->search(request_of(queries.row(0), 10), true);
  for (const SegmentExplain& part : answer->explain) {
    EXPECT_EQ(part.stats.plan.substr(0, 5), "graph") << part.segment;
  }
}

TEST(Collection, estimates_more_for_more_work) {
  const auto set = test::make_vectors(5000, 32, 2);
  MadeCollection made(small_settings(32, Metric::kL2));
  put_rows(made, set, 0, 100);
  auto request = request_of(set.row(0), 10);
  const auto few = made->estimate_search_us(request);
  EXPECT_LT(few, 2000U);
  put_rows(made, set, 100, 5000);
  request.exact = true;
  EXPECT_GT(made->estimate_search_us(request), few);
}

}  // namespace
}  // namespace vibrato::vector
