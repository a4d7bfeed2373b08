// The store against a map, over saves, views and power losses; and in threads.
#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <thread>

#include "base/random.hpp"
#include "io/real_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "overlay/row_store.hpp"
#include "support/row_stores.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::overlay {
namespace {

using test::made_row;
using test::open_rows;
using test::rest_of_view;
using test::rows_in_range;
using test::value_at;
using test::value_of_row;

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
  const std::size_t cached_bytes_max = GetParam() % 2 == 0 ? 0 : 1024 * 1024;
  const auto open_store = [&](sqlite::Vfs& vfs) { return open_rows(vfs, nullptr, "/rows.db", cached_bytes_max); };
  auto vfs = std::make_unique<sqlite::Vfs>(fs);
  auto store = open_store(*vfs);
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
        store->put(key, made_row(applied, std::to_string(applied)), Lsn(visible));
      }
    } else if (dice < 70) {
      visible = applied;
    } else if (dice < 80) {
      const std::string key = made_key(random);
      EXPECT_EQ(value_at(*store, key, visible), oracle.get(key, visible).value_or("(none)")) << step;
      EXPECT_EQ(value_of_row(store->get_newest(key)), oracle.get(key, applied).value_or("(none)")) << step;
    } else if (dice < 88) {
      const KeyRange range = random.below(2) == 0 ? range_of_prefix("b") : KeyRange{made_key(random), std::nullopt};
      EXPECT_EQ(rows_in_range(*store, range, visible), oracle.list(range, visible)) << step;
    } else if (dice < 92) {
      if (old_view.has_value()) {
        EXPECT_EQ(rest_of_view(*old_view->view), old_view->expected) << step;
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
        store = open_store(*vfs);
        ASSERT_TRUE(store);
        const std::uint64_t found = store->durable_lsn().value();
        EXPECT_TRUE(found == durable || found == visible) << found;
        EXPECT_TRUE(!saved.ok() || found == visible);
      } else {
        store.reset();
        store = open_store(*vfs);
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
  const auto store = open_rows(vfs, nullptr, folder.path("rows.db"));
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
    store->put("a", made_row(lsn, std::to_string(lsn)), Lsn(seen));
    store->put("b", made_row(lsn + 1, std::to_string(lsn)), Lsn(seen));
    visible = lsn + 1;
  }
  is_over = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace vibrato::overlay
