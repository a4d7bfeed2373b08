#include "catalog/catalog.hpp"

#include <chrono>
#include <future>
#include <thread>

#include "io/faulty_file_system.hpp"
#include "support/file_contents.hpp"
#include "support/made_catalog.hpp"

namespace vibrato::catalog {
namespace {

using CatalogFacade = test::CatalogTest;

StoreInfo store_of(const Catalog& catalog) {
  const auto info = catalog.read([](const Tables& tables) { return tables.store.read(); });
  EXPECT_OK(info);
  return *info;
}

TEST_F(CatalogFacade, a_new_store_has_an_id_for_life) {
  const StoreInfo made = store_of(*catalog_);
  EXPECT_TRUE(made.clean_stop);
  EXPECT_EQ(made.trim_lsn, Lsn());
  EXPECT_EQ(made.created_at_ms, clock_.now_ms());
  clock_.advance_ms(5);
  open();
  EXPECT_EQ(store_of(*catalog_).id, made.id);
  EXPECT_EQ(store_of(*catalog_).created_at_ms, made.created_at_ms);
  sqlite::Vfs vfs(disk_);
  ASSERT_OK(disk_.create_directory("/other"));
  const auto other = Catalog::open(vfs, "/other", clock_);
  ASSERT_OK(other);
  EXPECT_NE(store_of(**other).id, made.id);
}

TEST_F(CatalogFacade, the_trim_lsn_never_goes_back) {
  const auto set = [&](std::uint64_t lsn) {
    return write([&](Tables& tables) { return tables.store.set_trim_lsn(Lsn(lsn)); });
  };
  ASSERT_OK(set(10));
  EXPECT_OK(set(10));
  EXPECT_CODE(set(9), ErrorCode::kInvalidArgument);
  ASSERT_OK(write([](Tables& tables) { return tables.store.set_clean_stop(false); }));
  open();
  EXPECT_EQ(store_of(*catalog_).trim_lsn, Lsn(10));
  EXPECT_FALSE(store_of(*catalog_).clean_stop);
}

TEST_F(CatalogFacade, applied_lsns_are_kept_by_model_and_collection_and_never_go_back) {
  const auto set = [&](std::string_view model, std::uint32_t collection, std::uint64_t lsn) {
    return write([&](Tables& tables) { return tables.applied.set(model, CollectionNumber(collection), Lsn(lsn)); });
  };
  ASSERT_OK(set("vector", 1, 10));
  ASSERT_OK(set("vector", 2, 20));
  ASSERT_OK(set("kv", 0, 30));
  ASSERT_OK(set("vector", 1, 15));
  EXPECT_CODE(set("vector", 1, 14), ErrorCode::kInvalidArgument);
  open();
  const auto get = [&](std::string_view model, std::uint32_t collection) {
    const auto lsn =
        catalog_->read([&](const Tables& tables) { return tables.applied.get(model, CollectionNumber(collection)); });
    EXPECT_OK(lsn);
    return lsn->value();
  };
  EXPECT_EQ(get("vector", 1), 15U);
  EXPECT_EQ(get("doc", 0), 0U);
  ASSERT_OK(write([](Tables& tables) { return tables.applied.forget("vector", CollectionNumber(2)); }));
  const auto all = catalog_->read([](const Tables& tables) { return tables.applied.all(); });
  ASSERT_OK(all);
  EXPECT_EQ(*all,
            (std::vector<AppliedLsn>{{"kv", CollectionNumber(0), Lsn(30)}, {"vector", CollectionNumber(1), Lsn(15)}}));
}

TEST_F(CatalogFacade, a_body_that_fails_changes_nothing) {
  EXPECT_CODE(write([](Tables& tables) -> Status {
                VIBRATO_RETURN_IF_ERROR(tables.collections.insert(test::made_collection(1, "a")));
                return unavailable("changed its mind");
              }),
              ErrorCode::kUnavailable);
  const auto live = catalog_->read([](const Tables& tables) { return tables.collections.live(); });
  ASSERT_OK(live);
  EXPECT_TRUE(live->empty());
}

TEST_F(CatalogFacade, a_request_gives_up_when_the_catalog_is_held_too_long) {
  MetricsRegistry metrics;
  Counter& timeouts = metrics.counter("timeouts", "");
  const auto read = [this] {
    return catalog_->read_in_time([](const Tables& tables) { return tables.collections.live(); });
  };
  EXPECT_OK(read());
  catalog_->limit_reads(100, timeouts);
  EXPECT_OK(read());
  EXPECT_OK(write([&](Tables&) -> Status {
    auto waiting = std::async(std::launch::async, read);
    EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
    // The reader may take its deadline after a step of the clock, so the clock goes on.
    while (waiting.wait_for(std::chrono::milliseconds(1)) == std::future_status::timeout) {
      clock_.advance_ms(60);
    }
    const auto given_up = waiting.get();
    EXPECT_CODE(given_up, ErrorCode::kUnavailable);
    EXPECT_NE(given_up.status().message().find("100 ms"), std::string::npos);
    return ok_status();
  }));
  EXPECT_EQ(timeouts.value(), 1U);
  EXPECT_OK(read());
}

TEST_F(CatalogFacade, only_one_has_the_catalog_of_a_folder_open) {
  EXPECT_CODE(Catalog::open(vfs_, "/data", clock_), ErrorCode::kConflict);
}

TEST_F(CatalogFacade, a_copy_is_a_catalog_of_its_own) {
  ASSERT_OK(write([](Tables& tables) { return tables.collections.insert(test::made_collection(1, "a")); }));
  ASSERT_OK(disk_.create_directory("/copy"));
  ASSERT_OK(catalog_->backup_to("/copy/catalog.db"));
  ASSERT_OK(write([](Tables& tables) { return tables.collections.insert(test::made_collection(2, "b")); }));
  sqlite::ConnectionOptions read_only;
  read_only.read_only = true;
  const auto copy = Catalog::open(vfs_, "/copy", clock_, read_only);
  ASSERT_OK(copy);
  EXPECT_OK((*copy)->verify());
  const auto live = (*copy)->read([](const Tables& tables) { return tables.collections.live(); });
  ASSERT_OK(live);
  EXPECT_EQ(*live, std::vector<Collection>{test::made_collection(1, "a")});
}

TEST_F(CatalogFacade, after_a_failed_sync_nothing_is_written_but_all_can_be_read) {
  ASSERT_OK(write([](Tables& tables) { return tables.keys.insert(test::made_key("vbk_1")); }));
  disk_.fail_next_sync();
  EXPECT_CODE(write([](Tables& tables) { return tables.keys.revoke("vbk_1", 5); }), ErrorCode::kIoError);
  EXPECT_CODE(catalog_->check_writable(), ErrorCode::kUnavailable);
  EXPECT_CODE(write([](Tables& tables) { return tables.keys.revoke("vbk_1", 5); }), ErrorCode::kUnavailable);
  const auto key = catalog_->read([](const Tables& tables) { return tables.keys.find("vbk_1"); });
  ASSERT_OK(key);
  EXPECT_EQ((*key)->revoked_at_ms, std::nullopt);
}

TEST_F(CatalogFacade, many_threads_read_and_write) {
  constexpr int kThreads = 4;
  constexpr int kWrites = 25;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < kWrites; ++i) {
        const std::string id = std::to_string(thread) + "-" + std::to_string(i);
        EXPECT_OK(write([&](Tables& tables) { return tables.keys.insert(test::made_key(id)); }));
        const auto found = catalog_->read([&](const Tables& tables) { return tables.keys.find(id); });
        EXPECT_TRUE(found.ok() && *found);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const auto all = catalog_->read([](const Tables& tables) { return tables.keys.all(); });
  ASSERT_OK(all);
  EXPECT_EQ(all->size(), static_cast<std::size_t>(kThreads * kWrites));
}

TEST_F(CatalogFacade, a_newer_format_of_the_store_is_refused) {
  catalog_.reset();
  {
    const auto connection = sqlite::Connection::open(vfs_, "/data/catalog.db");
    ASSERT_OK(connection);
    ASSERT_OK((*connection)->execute("UPDATE store SET format_version = 99"));
  }
  EXPECT_CODE(Catalog::open(vfs_, "/data", clock_), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace vibrato::catalog
