// Imports into a whole database: all or nothing, over restarts, checkpoints, merges, snapshots, drops and full disks.
#include <condition_variable>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>
#include <mutex>

#include "base/limits.hpp"
#include "engine/database_impl.hpp"
#include "engine/offline.hpp"
#include "support/disk_files.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

using test::MadeContent;
using Points = test::MadeDatabase::ImportedPoints;

class DatabaseImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(database_.open());
    ASSERT_OK(database_.create("a"));
  }
  Points some(std::uint64_t first_id, std::uint64_t count, std::uint64_t number) {
    Points points;
    for (std::uint64_t i = 0; i < count; ++i) {
      points.emplace_back(first_id + i, number + i);
      expected_["a"][first_id + i] = number + i;
    }
    return points;
  }
  void put(std::uint64_t id, std::uint64_t number) {
    ASSERT_OK(database_.put("a", id, number));
    expected_["a"][id] = number;
  }
  void expect_content() {
    const auto content = database_.content();
    ASSERT_OK(content);
    EXPECT_EQ(*content, expected_);
  }
  void restart() {
    database_.close();
    ASSERT_OK(database_.open());
    EXPECT_TRUE(database_->readiness().ready);
    expect_content();
  }
  [[nodiscard]] std::vector<std::string> segment_files() { return test::entries_in(disk_, "/data/segments"); }
  vector::CollectionPtr collection() { return *database_->vectors().find("a"); }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_};
  MadeContent expected_{{"a", {}}};
};

TEST_F(DatabaseImportTest, brings_all_points_in_place_of_older_ones) {
  put(1, 10);
  put(2, 20);
  ASSERT_OK(database_.checkpoint());
  put(3, 30);
  put(50, 40);
  const Lsn before = database_->visible_lsn();
  ASSERT_OK(database_.import("a", some(2, 30, 100)));
  EXPECT_EQ(database_->visible_lsn(), before.next()) << "one record";
  expect_content();
  EXPECT_EQ(collection()->info().live_count, 32U);
  EXPECT_EQ(collection()->next_point_number(), 51U);
  put(5, 500);
  ASSERT_OK(database_.remove("a", 6));
  expected_["a"].erase(6);
  expect_content();
}

TEST_F(DatabaseImportTest, of_an_id_that_comes_twice_the_last_row_counts) {
  ASSERT_OK(database_.import("a", {{1, 10}, {2, 20}, {1, 30}, {1, 40}, {3, 50}}));
  expected_["a"] = {{1, 40}, {2, 20}, {3, 50}};
  expect_content();
  EXPECT_EQ(collection()->info().deleted_count, 2U);
  restart();
  ASSERT_OK(database_.checkpoint());
  restart();
}

TEST_F(DatabaseImportTest, outlives_a_kill_before_and_after_the_catalog_knows_it) {
  put(1, 10);
  ASSERT_OK(database_.import("a", some(0, 20, 100)));
  put(3, 30);
  restart();
  EXPECT_EQ(collection()->latest_version()->imported.size(), 1U);
  ASSERT_OK(database_.checkpoint());
  EXPECT_TRUE(collection()->latest_version()->imported.empty());
  EXPECT_EQ(collection()->durable_lsn(), database_->visible_lsn());
  restart();
  EXPECT_EQ(collection()->latest_version()->sealed.size(), 2U);
  ASSERT_OK(database_.compact("a"));
  expect_content();
  restart();
}

TEST_F(DatabaseImportTest, several_between_two_checkpoints_and_merges_keep_their_order) {
  ASSERT_OK(database_.import("a", some(0, 20, 100)));
  ASSERT_OK(database_.import("a", some(10, 20, 200)));
  put(15, 1);
  ASSERT_OK(database_.import("a", some(12, 3, 300)));
  expect_content();
  restart();
  ASSERT_OK(database_.import("a", some(13, 1, 400)));
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.import("a", some(14, 1, 500)));
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.compact("a"));
  restart();
  EXPECT_EQ(collection()->latest_version()->sealed.size(), 1U);
}

TEST_F(DatabaseImportTest, that_fails_leaves_nothing_behind) {
  put(1, 10);
  Points points = some(0, 5, 100);
  expected_["a"] = {{1, 10}};
  const Lsn before = database_->visible_lsn();
  std::promise<void> ended;
  const auto wrong = [&](vector::Import& import) -> Imports::Last {
    EXPECT_OK(import.add({PointId(1), test::made_vector(5), ""}));
    EXPECT_CODE(import.add({PointId(2), {1, 2}, ""}), ErrorCode::kDimMismatch);
    return [&ended] { ended.set_value(); };
  };
  ASSERT_OK(database_->start_import(
      collection(), [] { return ok_status(); }, wrong));
  ended.get_future().get();
  ASSERT_OK(database_.import("a", {})) << "no points";
  EXPECT_EQ(database_->visible_lsn(), before);
  EXPECT_TRUE(segment_files().empty());
  expect_content();
  restart();
}

TEST_F(DatabaseImportTest, into_a_collection_that_is_dropped_and_made_again_meanwhile_is_not_found) {
  std::promise<Status> ended;
  const auto work = [&](vector::Import& import) -> Imports::Last {
    const vector::CollectionPtr target = collection();
    Status status = import.add({PointId(1), test::made_vector(5), test::made_meta(5)});
    EXPECT_OK(database_.drop("a"));
    EXPECT_OK(database_.create("a"));
    ended.set_value(status.ok() ? database_->commit_import(target, import).status() : status);
    return nullptr;
  };
  ASSERT_OK(database_->start_import(
      collection(), [] { return ok_status(); }, work));
  EXPECT_CODE(ended.get_future().get(), ErrorCode::kNotFound);
  restart();
  EXPECT_TRUE(segment_files().empty());
}

TEST_F(DatabaseImportTest, a_collection_that_is_dropped_afterwards_takes_its_files_along) {
  ASSERT_OK(database_.import("a", some(0, 5, 100)));
  ASSERT_OK(database_.drop("a"));
  expected_.clear();
  restart();
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.compact("none").code() == ErrorCode::kNotFound ? ok_status() : io_error("?"));
  EXPECT_TRUE(segment_files().empty());
}

TEST_F(DatabaseImportTest, one_at_a_time_into_a_collection_and_few_in_all) {
  std::mutex mutex;
  std::condition_variable changed;
  bool may_end = false;
  const auto wait = [&](vector::Import&) -> Imports::Last {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return may_end; });
    return nullptr;
  };
  const auto go_on = [] { return ok_status(); };
  ASSERT_OK(database_->start_import(collection(), go_on, wait));
  EXPECT_CODE(database_->start_import(collection(), go_on, wait), ErrorCode::kOverloaded);
  for (std::uint32_t i = 1; i <= limits::kImportsMax; ++i) {
    ASSERT_OK(database_.create(fmt::format("c{}", i)));
    const Status started = database_->start_import(*database_->vectors().find(fmt::format("c{}", i)), go_on, wait);
    EXPECT_EQ(started.code(), i < limits::kImportsMax ? ErrorCode::kOk : ErrorCode::kOverloaded) << i;
  }
  {
    const std::lock_guard lock(mutex);
    may_end = true;
  }
  changed.notify_all();
  database_->stop();
}

TEST_F(DatabaseImportTest, ends_when_nobody_wants_it_any_more) {
  const auto work = [&](vector::Import& import) -> Imports::Last {
    Status status;
    for (std::uint64_t i = 0; status.ok(); ++i) {
      status = import.add({PointId(i), test::made_vector(i), ""});
      if (status.ok() && i % 1000 == 999) status = database_->commit_import(collection(), import).status();
    }
    EXPECT_CODE(status, ErrorCode::kUnavailable);
    return nullptr;
  };
  ASSERT_OK(database_->start_import(
      collection(), [] { return unavailable("the client is gone"); }, work));
  database_->stop();
  restart();
  EXPECT_TRUE(segment_files().empty());
}

TEST_F(DatabaseImportTest, writes_that_come_before_its_record_give_way_and_later_ones_stay) {
  std::promise<Status> ended;
  const auto work = [&](vector::Import& import) -> Imports::Last {
    Status status;
    for (const auto& [id, number] : Points{{1, 10}, {2, 20}, {3, 30}}) {
      status = import.add({PointId(id), test::made_vector(number), test::made_meta(number)});
      EXPECT_OK(status);
    }
    EXPECT_OK(database_.put("a", 2, 77));
    ended.set_value(database_->commit_import(collection(), import).status());
    return nullptr;
  };
  ASSERT_OK(database_->start_import(
      collection(), [] { return ok_status(); }, work));
  ASSERT_OK(ended.get_future().get());
  put(3, 33);
  expected_["a"] = {{1, 10}, {2, 20}, {3, 33}};
  expect_content();
  restart();
}

TEST_F(DatabaseImportTest, a_file_that_is_lost_before_the_catalog_knows_it_makes_the_collection_read_only) {
  put(1, 10);
  ASSERT_OK(database_.import("a", some(5, 5, 100)));
  database_.close();
  ASSERT_EQ(segment_files().size(), 1U);
  ASSERT_OK(disk_.remove_file("/data/segments/" + segment_files().front()));
  ASSERT_OK(database_.open());
  EXPECT_FALSE(database_->readiness().ready);
  EXPECT_CODE(database_.put("a", 2, 20), ErrorCode::kUnavailable);
  ASSERT_EQ(collection()->info().notes.size(), 1U);
  EXPECT_NE(collection()->info().notes.front().find("the import at LSN 3 cannot be replayed"), std::string::npos);
  EXPECT_CODE(collection()->get(PointId(7).view()), ErrorCode::kUnavailable);
  EXPECT_OK(database_.create("b")) << "others take writes";
}

TEST_F(DatabaseImportTest, a_snapshot_has_it_and_is_restored_with_it) {
  put(1, 10);
  ASSERT_OK(database_.import("a", some(0, 20, 100)));
  ASSERT_OK(database_.snapshot("s"));
  const MadeContent then = expected_;
  put(2, 2);
  database_.close();
  const OfflineContext context{disk_, database_.clock(), database_.logger(), {}};
  ASSERT_OK(restore_snapshot(context, database_.options(), "/data/snapshots/s"));
  expected_ = then;
  ASSERT_OK(database_.open());
  expect_content();
}

TEST_F(DatabaseImportTest, replay_to_an_lsn_takes_its_files_as_long_as_they_are_there) {
  database_.options().wal_retain_bytes = std::numeric_limits<std::uint64_t>::max() / 4;
  database_.close();
  ASSERT_OK(database_.open());
  put(1, 10);
  ASSERT_OK(database_.import("a", some(0, 20, 100)));
  const Lsn target = database_->visible_lsn();
  const MadeContent then = expected_;
  ASSERT_OK(database_.checkpoint());
  put(3, 30);
  database_.close();
  const OfflineContext context{disk_, database_.clock(), database_.logger(), {}};
  ASSERT_OK(replay_to_lsn(context, database_.options(), target, ""));
  expected_ = then;
  ASSERT_OK(database_.open());
  expect_content();
  // Merged, they are gone, and there is no snapshot behind them.
  put(4, 40);
  const Lsn later = database_->visible_lsn();
  put(5, 50);
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.compact("a"));
  database_.close();
  const auto failed = replay_to_lsn(context, database_.options(), later, "");
  EXPECT_FALSE(failed.ok());
  EXPECT_NE(failed.status().message().find("the import at LSN"), std::string::npos) << failed.status().message();
  ASSERT_OK(database_.open());
  expect_content();
}

TEST_F(DatabaseImportTest, of_many_rows_has_a_graph_at_once) {
  Points points;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    points.emplace_back(i, i);
  }
  ASSERT_OK(database_.import("a", points));
  const vector::CollectionInfo info = collection()->info();
  EXPECT_EQ(info.indexed_count, 3000U);
  EXPECT_EQ(info.live_count, 3000U);
  EXPECT_TRUE(collection()->latest_version()->imported.front()->rows().has_graph());
}

}  // namespace
}  // namespace vibrato::engine
