#include "overlay/row_store.hpp"

#include <ctime>
#include <gtest/gtest.h>

#include "io/simulated_file_system.hpp"
#include "support/row_stores.hpp"

namespace vibrato::overlay {
namespace {

using test::made_row;
using test::open_rows;
using test::rest_of_view;
using test::rows_in_range;
using test::value_at;
using test::value_of_row;

class RowStoreTest : public ::testing::Test {
 protected:
  void put(std::uint64_t lsn, std::string_view key, std::string value,
           std::optional<std::int64_t> expires_at_ms = std::nullopt) {
    store_->put(key, made_row(lsn, std::move(value), expires_at_ms), Lsn(lsn - 1));
  }
  void erase(std::uint64_t lsn, std::string_view key) { store_->erase(key, Lsn(lsn), Lsn(lsn - 1)); }
  void reopen() {
    store_.reset();
    store_ = open_rows(vfs_);
  }

  io::SimulatedFileSystem fs_;
  sqlite::Vfs vfs_{fs_};
  std::unique_ptr<RowStore> store_ = open_rows(vfs_);
};

TEST_F(RowStoreTest, a_row_is_the_same_before_a_save_after_it_and_when_opened_again) {
  const std::string value("a\0b", 3);
  put(1, std::string("k\0", 2), value, 77);
  put(2, "", "of the empty key");
  for (int step = 0; step < 3; ++step) {
    const auto row = store_->get(std::string("k\0", 2), Lsn(5));
    ASSERT_OK(row);
    ASSERT_NE(*row, nullptr);
    EXPECT_EQ((*row)->lsn, Lsn(1));
    EXPECT_EQ((*row)->value, value);
    EXPECT_EQ((*row)->expires_at_ms, 77);
    EXPECT_EQ(value_at(*store_, ""), "of the empty key");
    EXPECT_EQ(value_at(*store_, "k"), "(none)");
    if (step == 0) {
      EXPECT_GT(store_->unsaved_bytes(), 0U);
      ASSERT_OK(store_->save(Lsn(2)));
      EXPECT_EQ(store_->unsaved_bytes(), 0U);
    } else {
      reopen();
    }
    EXPECT_EQ(store_->durable_lsn(), Lsn(2));
  }
}

TEST_F(RowStoreTest, a_read_takes_the_row_that_was_visible) {
  put(1, "k", "one");
  store_->put("k", made_row(3, "three"), Lsn(1));
  store_->put("k", made_row(4, "four"), Lsn(1));
  EXPECT_EQ(value_at(*store_, "k", 1), "one");
  EXPECT_EQ(value_at(*store_, "k", 3), "three");
  EXPECT_EQ(value_at(*store_, "k", 4), "four");
  EXPECT_EQ(value_of_row(store_->get_newest("k")), "four");
  store_->erase("k", Lsn(5), Lsn(3));
  EXPECT_EQ(value_at(*store_, "k", 1), "three") << "a later one is visible by now";
  EXPECT_EQ(value_at(*store_, "k", 4), "four");
  EXPECT_EQ(value_at(*store_, "k", 5), "(none)");
  EXPECT_EQ(value_of_row(store_->get_newest("k")), "(none)");
}

// Ten times as many rows of one key take about ten times as long, not a hundred times.
TEST_F(RowStoreTest, many_rows_of_one_key_in_one_round_take_time_in_proportion) {
  std::uint64_t lsn = 0;
  const auto put_round = [&](std::uint64_t rows) {
    const Lsn visible(lsn);
    const auto begin = std::clock();
    for (std::uint64_t row = 0; row < rows; ++row) {
      ++lsn;
      store_->put("k", made_row(lsn, "v", 1000 + static_cast<std::int64_t>(row)), visible);
    }
    return std::clock() - begin;
  };
  put_round(10);
  const auto few = put_round(5'000);
  const auto many = put_round(50'000);
  EXPECT_LT(many, 40 * few) << few << " and " << many;
  EXPECT_EQ(value_at(*store_, "k", lsn - 50'000), "v");
  // The next round lets go of all of them but the one that is visible.
  put_round(1);
  EXPECT_LT(store_->unsaved_bytes(), 1000U);
  const auto due = store_->expired(INT64_MAX, 10, Lsn(lsn));
  ASSERT_OK(due);
  ASSERT_EQ(due->size(), 1U);
  EXPECT_EQ(due->front().row->lsn, Lsn(lsn));
}

TEST_F(RowStoreTest, what_is_not_visible_is_not_seen_over_a_row_of_the_file) {
  put(1, "k", "one");
  ASSERT_OK(store_->save(Lsn(1)));
  store_->put("k", made_row(2, "two"), Lsn(1));
  EXPECT_EQ(value_at(*store_, "k", 1), "one");
  EXPECT_EQ(rows_in_range(*store_, {"", std::nullopt}, 1), "k=one");
  EXPECT_EQ(rows_in_range(*store_, {"", std::nullopt}, 2), "k=two");
}

TEST_F(RowStoreTest, a_save_writes_what_is_visible_and_keeps_the_rest) {
  put(1, "a", "1");
  put(2, "b", "2");
  store_->put("a", made_row(3, "3"), Lsn(2));
  store_->erase("b", Lsn(4), Lsn(2));
  ASSERT_OK(store_->save(Lsn(2)));
  EXPECT_EQ(store_->durable_lsn(), Lsn(2));
  EXPECT_GT(store_->unsaved_bytes(), 0U);
  EXPECT_EQ(rows_in_range(*store_, {"", std::nullopt}), "a=3");
  EXPECT_EQ(rows_in_range(*store_, {"", std::nullopt}, 2), "a=1 b=2");
  reopen();
  EXPECT_EQ(rows_in_range(*store_, {"", std::nullopt}), "a=1 b=2");
  EXPECT_EQ(store_->unsaved_bytes(), 0U);
}

TEST_F(RowStoreTest, a_save_of_nothing_still_keeps_the_lsn) {
  ASSERT_OK(store_->save(Lsn(9)));
  EXPECT_EQ(store_->durable_lsn(), Lsn(9));
  ASSERT_OK(store_->save(Lsn(4))) << "it never goes back";
  EXPECT_EQ(store_->durable_lsn(), Lsn(9));
  reopen();
  EXPECT_EQ(store_->durable_lsn(), Lsn(9));
}

TEST_F(RowStoreTest, applying_again_changes_nothing) {
  put(1, "a", "1");
  put(2, "a", "2");
  put(3, "b", "3");
  ASSERT_OK(store_->save(Lsn(2)));
  put(1, "a", "1");
  erase(2, "b");
  put(3, "b", "other");
  EXPECT_EQ(rows_in_range(*store_, {"", std::nullopt}), "a=2 b=3");
}

TEST_F(RowStoreTest, the_newest_lsn_is_known_of_rows_of_the_file_and_above_it) {
  put(1, "saved", "v");
  put(2, "both", "v");
  put(3, "gone", "v");
  ASSERT_OK(store_->save(Lsn(3)));
  put(4, "both", "w");
  put(5, "above", "v");
  erase(6, "gone");
  for (const auto& [key, lsn] : std::initializer_list<std::pair<const char*, std::uint64_t>>{
           {"saved", 1}, {"both", 4}, {"above", 5}, {"gone", 0}, {"none", 0}}) {
    EXPECT_EQ(store_->newest_lsn(key).value(), Lsn(lsn)) << key;
  }
}

TEST_F(RowStoreTest, rows_that_were_saved_or_read_are_kept_in_memory) {
  put(1, "k", "one");
  ASSERT_OK(store_->save(Lsn(1)));
  const std::uint64_t bytes = store_->cached_bytes();
  EXPECT_GT(bytes, 0U);
  reopen();
  EXPECT_EQ(store_->cached_bytes(), 0U);
  EXPECT_EQ(value_at(*store_, "k"), "one");
  EXPECT_EQ(store_->cached_bytes(), bytes);
  EXPECT_EQ(value_at(*store_, "k"), "one");
  EXPECT_EQ(value_at(*store_, "none"), "(none)");
  EXPECT_EQ(store_->cached_bytes(), bytes);
  erase(2, "k");
  EXPECT_EQ(value_at(*store_, "k"), "(none)");
  ASSERT_OK(store_->save(Lsn(2)));
  EXPECT_EQ(value_at(*store_, "k"), "(none)");
  EXPECT_EQ(store_->cached_bytes(), 0U);
}

TEST_F(RowStoreTest, a_view_is_of_one_moment) {
  put(1, "a", "1");
  put(2, "b", "2");
  ASSERT_OK(store_->save(Lsn(2)));
  put(3, "c", "3");
  auto view = store_->view({"", std::nullopt}, Lsn(3));
  ASSERT_OK(view);
  EXPECT_EQ((*view)->as_of(), Lsn(3));
  put(4, "a", "4");
  erase(5, "b");
  put(6, "d", "6");
  ASSERT_OK(store_->save(Lsn(6)));
  EXPECT_EQ(rest_of_view(**view), "a=1 b=2 c=3");
  EXPECT_EQ(value_of_row((*view)->get("b")), "2");
  EXPECT_EQ(value_of_row((*view)->get("c")), "3");
  EXPECT_EQ(value_of_row((*view)->get("d")), "(none)");
  ASSERT_OK((*view)->seek("b"));
  EXPECT_EQ(rest_of_view(**view), "b=2 c=3");
  EXPECT_EQ(rows_in_range(*store_, {"", std::nullopt}), "a=4 c=3 d=6");
}

TEST_F(RowStoreTest, a_view_goes_through_its_range_in_byte_order) {
  const std::string high("\xff\xff", 2);
  put(1, high, "high");
  put(2, "ab", "2");
  put(3, "b", "3");
  ASSERT_OK(store_->save(Lsn(3)));
  put(4, "a", "4");
  put(5, "ac", "5");
  erase(6, "ab");
  EXPECT_EQ(rows_in_range(*store_, range_of_prefix("a")), "a=4 ac=5");
  EXPECT_EQ(rows_in_range(*store_, range_of_prefix("")), "a=4 ac=5 b=3 " + high + "=high");
  EXPECT_EQ(rows_in_range(*store_, range_of_prefix("\xff")), high + "=high");
  EXPECT_EQ(rows_in_range(*store_, {"ab", "b"}), "ac=5");
  EXPECT_EQ(rows_in_range(*store_, {"b", "b"}), "");
}

TEST_F(RowStoreTest, a_view_of_few_rows_ends_where_it_did_not_look) {
  for (std::uint64_t lsn = 1; lsn <= 9; ++lsn) {
    put(lsn, "k" + std::to_string(lsn), std::to_string(lsn));
  }
  ASSERT_OK(store_->save(Lsn(9)));
  erase(10, "k1");
  put(11, "k2", "x");
  put(12, "k4", "x");
  put(13, "k8", "x");
  auto view = store_->view({"", std::nullopt}, Lsn(13), 2);
  ASSERT_OK(view);
  EXPECT_TRUE((*view)->is_cut());
  EXPECT_EQ(rest_of_view(**view), "k2=x k3=3 k4=x");
  view = store_->view({"", std::nullopt}, Lsn(13), 4);
  ASSERT_OK(view);
  EXPECT_FALSE((*view)->is_cut());
  EXPECT_EQ(rest_of_view(**view), "k2=x k3=3 k4=x k5=5 k6=6 k7=7 k8=x k9=9");
}

TEST_F(RowStoreTest, rows_whose_time_is_over_are_found_here_and_in_the_file) {
  EXPECT_EQ(store_->next_expiry_ms(), std::nullopt);
  put(1, "never", "1");
  EXPECT_EQ(store_->next_expiry_ms(), std::nullopt);
  put(2, "late", "2", 900);
  put(3, "early", "3", 100);
  put(4, "middle", "4", 500);
  const auto keys = [this](std::int64_t now_ms, std::size_t count) {
    const auto rows = store_->expired(now_ms, count, Lsn(1000));
    EXPECT_OK(rows);
    std::string text;
    for (const RowEntry& entry : *rows) {
      text += entry.key + " ";
    }
    return text;
  };
  for (const bool saved : {false, true}) {
    if (saved) {
      ASSERT_OK(store_->save(Lsn(4)));
      reopen();
    }
    EXPECT_EQ(store_->next_expiry_ms(), 100);
    EXPECT_EQ(keys(99, 10), "");
    EXPECT_EQ(keys(500, 10), "early middle ");
    EXPECT_EQ(keys(5000, 2), "early middle ");
  }
  erase(5, "early");
  put(6, "middle", "6", 2000);
  EXPECT_EQ(keys(1000, 10), "late ");
  EXPECT_EQ(store_->next_expiry_ms(), 900) << "what the file still has of the others is of no account";
  erase(7, "late");
  EXPECT_EQ(keys(1000, 10), "");
  EXPECT_EQ(store_->next_expiry_ms(), 2000);
  put(8, "middle", "8");
  ASSERT_OK(store_->save(Lsn(8)));
  EXPECT_EQ(store_->next_expiry_ms(), std::nullopt);
}

TEST_F(RowStoreTest, a_capture_is_the_file_as_it_was) {
  put(1, "a", "1");
  ASSERT_OK(store_->save(Lsn(1)));
  put(2, "b", "2");
  {
    auto capture = store_->capture();
    ASSERT_OK(capture);
    ASSERT_OK(store_->save(Lsn(2)));
    EXPECT_EQ((*capture)->applied_lsn(), Lsn(1));
    ASSERT_OK((*capture)->copy_to("/copy.db"));
  }
  const auto copy = open_rows(vfs_, nullptr, "/copy.db");
  EXPECT_EQ(copy->durable_lsn(), Lsn(1));
  EXPECT_EQ(rows_in_range(*copy, {"", std::nullopt}), "a=1");
}

TEST_F(RowStoreTest, a_full_disk_stops_saves_and_nothing_else) {
  put(1, "a", "1");
  ASSERT_OK(store_->save(Lsn(1)));
  put(2, "b", std::string(200'000, 'b'));
  fs_.set_capacity(0);
  EXPECT_CODE(store_->save(Lsn(2)), ErrorCode::kDiskFull);
  EXPECT_EQ(store_->durable_lsn(), Lsn(1));
  EXPECT_EQ(value_at(*store_, "a"), "1");
  EXPECT_EQ(value_at(*store_, "b").size(), 200'000U);
  put(3, "a", "3");
  EXPECT_EQ(rows_in_range(*store_, {"", "b"}), "a=3");
  fs_.set_capacity(UINT64_MAX);
  ASSERT_OK(store_->save(Lsn(3)));
  reopen();
  EXPECT_EQ(value_at(*store_, "b").size(), 200'000U);
}

TEST_F(RowStoreTest, after_a_failed_sync_reads_go_on) {
  put(1, "a", "1");
  ASSERT_OK(store_->save(Lsn(1)));
  put(2, "b", "2");
  fs_.fail_next_sync();
  EXPECT_FALSE(store_->save(Lsn(2)).ok());
  EXPECT_CODE(store_->save(Lsn(2)), ErrorCode::kUnavailable);
  EXPECT_EQ(rows_in_range(*store_, {"", std::nullopt}), "a=1 b=2");
  EXPECT_EQ(store_->durable_lsn(), Lsn(1));
}

TEST(RowStore, a_file_that_is_something_else_is_refused) {
  io::SimulatedFileSystem fs;
  sqlite::Vfs vfs(fs);
  {
    auto connection = sqlite::Connection::open(vfs, "/rows.db");
    ASSERT_OK(connection);
    ASSERT_OK((*connection)->execute("PRAGMA user_version = 2"));
  }
  EXPECT_CODE(RowStore::open(vfs, "/rows.db", nullptr), ErrorCode::kCorruption);
}

// Counts the bytes of the values.
class ByteCount final : public RowObserver {
 public:
  [[nodiscard]] Status prepare(sqlite::Connection& file) override {
    return file.execute(
        "CREATE TABLE IF NOT EXISTS bytes(n INTEGER); INSERT INTO bytes SELECT 0 WHERE NOT EXISTS "
        "(SELECT * FROM bytes)");
  }
  [[nodiscard]] Status on_row(sqlite::Connection& file, std::string_view key, const Row& row) override {
    VIBRATO_ASSIGN_OR_RETURN(
        auto update, file.prepare("UPDATE bytes SET n = n + ?2 - "
                                  "coalesce((SELECT length(value) FROM rows WHERE key = CAST(?1 AS BLOB)), 0)"));
    return update.execute(key, row.value.size());
  }
};

TEST(RowStore, an_observer_keeps_tables_in_step_with_the_rows) {
  io::SimulatedFileSystem fs;
  sqlite::Vfs vfs(fs);
  ByteCount observer;
  const auto bytes = [](RowStore& store) {
    auto view = store.view({"", std::nullopt}, Lsn(100));
    EXPECT_OK(view);
    auto statement = (*view)->file().prepare("SELECT n FROM bytes");
    EXPECT_OK(statement);
    sqlite::Rows rows = statement->run();
    EXPECT_OK(rows.next());
    return rows.i64(0);
  };
  {
    const auto store = open_rows(vfs, &observer);
    store->put("a", made_row(1, "four"), Lsn(0));
    store->put("b", made_row(2, "fives"), Lsn(1));
    EXPECT_EQ(bytes(*store), 0);
    ASSERT_OK(store->save(Lsn(2)));
    EXPECT_EQ(bytes(*store), 9);
    store->erase("a", Lsn(3), Lsn(2));
    store->put("b", made_row(4, "b"), Lsn(3));
    ASSERT_OK(store->save(Lsn(4)));
    EXPECT_EQ(bytes(*store), 1);
  }
  EXPECT_EQ(bytes(*open_rows(vfs, &observer)), 1);
}

}  // namespace
}  // namespace vibrato::overlay
