#include "overlay/row_store.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "base/random.hpp"
#include "io/real_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::overlay {
namespace {

RowPtr row_of(std::uint64_t lsn, std::string value, std::optional<std::int64_t> expires_at_ms = std::nullopt) {
  auto row = std::make_shared<Row>();
  row->lsn = Lsn(lsn);
  row->value = std::move(value);
  row->expires_at_ms = expires_at_ms;
  return row;
}

std::unique_ptr<RowStore> open(sqlite::Vfs& vfs, RowObserver* observer = nullptr,
                               const std::string& path = "/rows.db") {
  auto opened = RowStore::open(vfs, path, observer);
  EXPECT_OK(opened);
  return opened.ok() ? std::move(opened).value() : nullptr;
}

std::string value_of(const Result<RowPtr>& row) {
  EXPECT_OK(row);
  return row.ok() ? (*row ? (*row)->value : "(none)") : "(error)";
}

std::string get(const RowStore& store, std::string_view key, std::uint64_t as_of = 1'000'000) {
  return value_of(store.get(key, Lsn(as_of)));
}

// "a=1 b=2".
std::string rest_of(RowView& view) {
  std::string text;
  for (;;) {
    auto entry = view.next();
    EXPECT_OK(entry);
    if (!entry.ok() || !entry->has_value()) {
      return text;
    }
    text += (text.empty() ? "" : " ") + (*entry)->key + "=" + (*entry)->row->value;
  }
}

std::string list(const RowStore& store, const KeyRange& range, std::uint64_t as_of = 1'000'000) {
  auto view = store.view(range, Lsn(as_of));
  EXPECT_OK(view);
  return view.ok() ? rest_of(**view) : "(error)";
}

class RowStoreTest : public ::testing::Test {
 protected:
  void put(std::uint64_t lsn, std::string_view key, std::string value,
           std::optional<std::int64_t> expires_at_ms = std::nullopt) {
    store_->put(key, row_of(lsn, std::move(value), expires_at_ms), Lsn(lsn - 1));
  }
  void erase(std::uint64_t lsn, std::string_view key) { store_->erase(key, Lsn(lsn), Lsn(lsn - 1)); }
  void reopen() {
    store_.reset();
    store_ = open(vfs_);
  }

  io::SimulatedFileSystem fs_;
  sqlite::Vfs vfs_{fs_};
  std::unique_ptr<RowStore> store_ = open(vfs_);
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
    EXPECT_EQ(get(*store_, ""), "of the empty key");
    EXPECT_EQ(get(*store_, "k"), "(none)");
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
  store_->put("k", row_of(3, "three"), Lsn(1));
  store_->put("k", row_of(4, "four"), Lsn(1));
  EXPECT_EQ(get(*store_, "k", 1), "one");
  EXPECT_EQ(get(*store_, "k", 3), "three");
  EXPECT_EQ(get(*store_, "k", 4), "four");
  EXPECT_EQ(value_of(store_->get_newest("k")), "four");
  store_->erase("k", Lsn(5), Lsn(3));
  EXPECT_EQ(get(*store_, "k", 1), "three") << "a later one is visible by now";
  EXPECT_EQ(get(*store_, "k", 4), "four");
  EXPECT_EQ(get(*store_, "k", 5), "(none)");
  EXPECT_EQ(value_of(store_->get_newest("k")), "(none)");
}

TEST_F(RowStoreTest, what_is_not_visible_is_not_seen_over_a_row_of_the_file) {
  put(1, "k", "one");
  ASSERT_OK(store_->save(Lsn(1)));
  store_->put("k", row_of(2, "two"), Lsn(1));
  EXPECT_EQ(get(*store_, "k", 1), "one");
  EXPECT_EQ(list(*store_, {"", std::nullopt}, 1), "k=one");
  EXPECT_EQ(list(*store_, {"", std::nullopt}, 2), "k=two");
}

TEST_F(RowStoreTest, a_save_writes_what_is_visible_and_keeps_the_rest) {
  put(1, "a", "1");
  put(2, "b", "2");
  store_->put("a", row_of(3, "3"), Lsn(2));
  store_->erase("b", Lsn(4), Lsn(2));
  ASSERT_OK(store_->save(Lsn(2)));
  EXPECT_EQ(store_->durable_lsn(), Lsn(2));
  EXPECT_GT(store_->unsaved_bytes(), 0U);
  EXPECT_EQ(list(*store_, {"", std::nullopt}), "a=3");
  EXPECT_EQ(list(*store_, {"", std::nullopt}, 2), "a=1 b=2");
  reopen();
  EXPECT_EQ(list(*store_, {"", std::nullopt}), "a=1 b=2");
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
  EXPECT_EQ(list(*store_, {"", std::nullopt}), "a=2 b=3");
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
  EXPECT_EQ(rest_of(**view), "a=1 b=2 c=3");
  EXPECT_EQ(value_of((*view)->get("b")), "2");
  EXPECT_EQ(value_of((*view)->get("c")), "3");
  EXPECT_EQ(value_of((*view)->get("d")), "(none)");
  ASSERT_OK((*view)->seek("b"));
  EXPECT_EQ(rest_of(**view), "b=2 c=3");
  EXPECT_EQ(list(*store_, {"", std::nullopt}), "a=4 c=3 d=6");
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
  EXPECT_EQ(list(*store_, range_of_prefix("a")), "a=4 ac=5");
  EXPECT_EQ(list(*store_, range_of_prefix("")), "a=4 ac=5 b=3 " + high + "=high");
  EXPECT_EQ(list(*store_, range_of_prefix("\xff")), high + "=high");
  EXPECT_EQ(list(*store_, {"ab", "b"}), "ac=5");
  EXPECT_EQ(list(*store_, {"b", "b"}), "");
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
  EXPECT_EQ(rest_of(**view), "k2=x k3=3 k4=x");
  view = store_->view({"", std::nullopt}, Lsn(13), 4);
  ASSERT_OK(view);
  EXPECT_FALSE((*view)->is_cut());
  EXPECT_EQ(rest_of(**view), "k2=x k3=3 k4=x k5=5 k6=6 k7=7 k8=x k9=9");
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
  const auto copy = open(vfs_, nullptr, "/copy.db");
  EXPECT_EQ(copy->durable_lsn(), Lsn(1));
  EXPECT_EQ(list(*copy, {"", std::nullopt}), "a=1");
}

TEST_F(RowStoreTest, a_full_disk_stops_saves_and_nothing_else) {
  put(1, "a", "1");
  ASSERT_OK(store_->save(Lsn(1)));
  put(2, "b", std::string(200'000, 'b'));
  fs_.set_capacity(0);
  EXPECT_CODE(store_->save(Lsn(2)), ErrorCode::kDiskFull);
  EXPECT_EQ(store_->durable_lsn(), Lsn(1));
  EXPECT_EQ(get(*store_, "a"), "1");
  EXPECT_EQ(get(*store_, "b").size(), 200'000U);
  put(3, "a", "3");
  EXPECT_EQ(list(*store_, {"", "b"}), "a=3");
  fs_.set_capacity(UINT64_MAX);
  ASSERT_OK(store_->save(Lsn(3)));
  reopen();
  EXPECT_EQ(get(*store_, "b").size(), 200'000U);
}

TEST_F(RowStoreTest, after_a_failed_sync_reads_go_on) {
  put(1, "a", "1");
  ASSERT_OK(store_->save(Lsn(1)));
  put(2, "b", "2");
  fs_.fail_next_sync();
  EXPECT_FALSE(store_->save(Lsn(2)).ok());
  EXPECT_CODE(store_->save(Lsn(2)), ErrorCode::kUnavailable);
  EXPECT_EQ(list(*store_, {"", std::nullopt}), "a=1 b=2");
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
    const auto store = open(vfs, &observer);
    store->put("a", row_of(1, "four"), Lsn(0));
    store->put("b", row_of(2, "fives"), Lsn(1));
    EXPECT_EQ(bytes(*store), 0);
    ASSERT_OK(store->save(Lsn(2)));
    EXPECT_EQ(bytes(*store), 9);
    store->erase("a", Lsn(3), Lsn(2));
    store->put("b", row_of(4, "b"), Lsn(3));
    ASSERT_OK(store->save(Lsn(4)));
    EXPECT_EQ(bytes(*store), 1);
  }
  EXPECT_EQ(bytes(*open(vfs, &observer)), 1);
}

// All versions that were ever written, as a model of what reads answer.
class Oracle {
 public:
  void put(const std::string& key, std::uint64_t lsn, std::optional<std::string> value) {
    versions_[key][lsn] = std::move(value);
  }
  std::optional<std::string> get(const std::string& key, std::uint64_t as_of) const {
    const auto found = versions_.find(key);
    if (found == versions_.end()) {
      return std::nullopt;
    }
    const auto after = found->second.upper_bound(as_of);
    return after == found->second.begin() ? std::nullopt : std::prev(after)->second;
  }
  std::string list(const KeyRange& range, std::uint64_t as_of) const {
    std::string text;
    for (const auto& [key, versions] : versions_) {
      const auto value = get(key, as_of);
      if (key >= range.from && (!range.to || key < *range.to) && value.has_value()) {
        text += (text.empty() ? "" : " ") + key + "=" + *value;
      }
    }
    return text;
  }
  void forget_above(std::uint64_t lsn) {
    for (auto& [key, versions] : versions_) {
      versions.erase(versions.upper_bound(lsn), versions.end());
    }
  }

 private:
  std::map<std::string, std::map<std::uint64_t, std::optional<std::string>>> versions_;
};

std::string made_key(Random& random) {
  return std::string(1, static_cast<char>('a' + random.below(3))) + std::to_string(random.below(20));
}

class RandomRowStore : public ::testing::TestWithParam<std::uint64_t> {};

// A batch is applied, then visible; reads ask as of the visible LSN; saves, views that live on, and power losses.
TEST_P(RandomRowStore, answers_as_a_map_does) {
  Random random(GetParam());
  io::SimulatedFileSystem fs;
  auto vfs = std::make_unique<sqlite::Vfs>(fs);
  auto store = open(*vfs);
  Oracle oracle;
  std::uint64_t applied = 0;
  std::uint64_t visible = 0;
  struct OldView {
    std::unique_ptr<RowView> view;
    std::string expected;
  };
  std::optional<OldView> old_view;
  for (int step = 0; step < 1500; ++step) {
    const std::uint64_t dice = random.below(100);
    if (dice < 60) {
      const std::string key = made_key(random);
      ++applied;
      if (random.below(3) == 0) {
        oracle.put(key, applied, std::nullopt);
        store->erase(key, Lsn(applied), Lsn(visible));
      } else {
        oracle.put(key, applied, std::to_string(applied));
        store->put(key, row_of(applied, std::to_string(applied)), Lsn(visible));
      }
    } else if (dice < 70) {
      visible = applied;
    } else if (dice < 80) {
      const std::string key = made_key(random);
      EXPECT_EQ(get(*store, key, visible), oracle.get(key, visible).value_or("(none)")) << step;
      EXPECT_EQ(value_of(store->get_newest(key)), oracle.get(key, applied).value_or("(none)")) << step;
    } else if (dice < 88) {
      const KeyRange range = random.below(2) == 0 ? range_of_prefix("b") : KeyRange{made_key(random), std::nullopt};
      EXPECT_EQ(list(*store, range, visible), oracle.list(range, visible)) << step;
    } else if (dice < 92) {
      if (old_view.has_value()) {
        EXPECT_EQ(rest_of(*old_view->view), old_view->expected) << step;
        old_view.reset();
      } else {
        auto view = store->view({"", std::nullopt}, Lsn(visible));
        ASSERT_OK(view);
        old_view = OldView{std::move(*view), oracle.list({"", std::nullopt}, visible)};
      }
    } else if (dice < 98) {
      ASSERT_OK(store->save(Lsn(visible)));
      EXPECT_EQ(store->durable_lsn(), Lsn(visible));
    } else {
      old_view.reset();
      const std::uint64_t durable = store->durable_lsn().value();
      if (random.below(2) == 0) {
        fs.cut_power_after(random.below(12));
        const Status saved = store->save(Lsn(visible));
        fs.cut_power();
        store.reset();
        vfs.reset();
        fs.restart(io::kAllCrashModes[random.below(std::size(io::kAllCrashModes))], random.below(1000));
        vfs = std::make_unique<sqlite::Vfs>(fs);
        store = open(*vfs);
        ASSERT_TRUE(store);
        const std::uint64_t found = store->durable_lsn().value();
        EXPECT_TRUE(found == durable || found == visible) << found;
        EXPECT_TRUE(!saved.ok() || found == visible);
      } else {
        store.reset();
        store = open(*vfs);
        EXPECT_EQ(store->durable_lsn(), Lsn(durable));
      }
      applied = visible = store->durable_lsn().value();
      oracle.forget_above(applied);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomRowStore, ::testing::Range(std::uint64_t{1}, std::uint64_t{9}));

// Two keys are always written together. A reader never finds them apart, nor older than before.
TEST(RowStore, threads_read_whole_batches_while_one_applies_and_one_saves) {
  const test::TempDirectory folder;
  io::RealFileSystem fs;
  sqlite::Vfs vfs(fs);
  const auto store = open(vfs, nullptr, folder.path("rows.db"));
  std::atomic<std::uint64_t> visible = 0;
  std::atomic<bool> is_over = false;
  std::atomic<int> views = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&] {
      std::uint64_t last = 0;
      while (!is_over.load()) {
        auto view = store->view({"", std::nullopt}, Lsn(visible.load()));
        ASSERT_OK(view);
        const auto a = (*view)->next();
        const auto b = (*view)->next();
        ASSERT_OK(a);
        ASSERT_OK(b);
        ASSERT_EQ(a->has_value(), b->has_value());
        if (a->has_value()) {
          EXPECT_EQ((*a)->row->value, (*b)->row->value);
          const std::uint64_t lsn = (*b)->row->lsn.value();
          EXPECT_GE(lsn, last);
          last = lsn;
        }
        const auto row = store->get("a", Lsn(visible.load()));
        ASSERT_OK(row);
        if (last > 0) {
          ASSERT_NE(*row, nullptr);
          EXPECT_GE((*row)->lsn.value() + 1, last);
        }
        ++views;
      }
    });
  }
  threads.emplace_back([&] {
    while (!is_over.load()) {
      ASSERT_OK(store->save(Lsn(visible.load())));
    }
  });
  for (std::uint64_t lsn = 1; lsn < 20'000 || views.load() < 200; lsn += 2) {
    const std::uint64_t seen = visible.load();
    store->put("a", row_of(lsn, std::to_string(lsn)), Lsn(seen));
    store->put("b", row_of(lsn + 1, std::to_string(lsn)), Lsn(seen));
    visible = lsn + 1;
  }
  is_over = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace vibrato::overlay
