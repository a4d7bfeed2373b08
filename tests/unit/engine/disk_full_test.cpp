// A full disk: puts get 507, deletes and checkpoints go on in the space of the reserve, and when there is room again
// puts do too, without a restart.
#include <chrono>
#include <functional>
#include <future>
#include <thread>

#include "base/limits.hpp"
#include "engine/database_impl.hpp"
#include "support/disk_files.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

class DiskFullTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_.options().disk_reserve_bytes = 2 * limits::kMiB;
    ASSERT_OK(database_.open());
    ASSERT_OK(database_.create("c"));
  }
  std::uint64_t used_bytes(const std::string& folder = "/data") { return test::bytes_in(disk_, folder); }
  // Puts until one is refused; the refused one is not there.
  void fill() {
    while (true) {
      const Status put = database_.put("c", puts_, puts_);
      if (!put.ok()) {
        EXPECT_CODE(put, ErrorCode::kDiskFull);
        return;
      }
      ++puts_;
      ASSERT_LT(puts_, 100'000U);
    }
  }
  Status put_large(std::uint64_t id) {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, database_->vectors().find("c"));
    const std::string meta = "{\"text\":\"" + std::string(16 * 1024, 'x') + "\"}";
    VIBRATO_ASSIGN_OR_RETURN(vector::WritePtr write, vector::make_upsert(database_->vectors(), collection,
                                                                         {PointId(id), test::made_vector(id), meta}));
    return database_.commit(std::move(write), Database::Kind::kPut, collection.get());
  }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_};
  std::uint64_t puts_ = 0;
};

TEST_F(DiskFullTest, the_reserve_lets_deletes_and_checkpoints_go_on_and_puts_come_back_with_room) {
  const auto reserve = disk_.stat("/data/reserve");
  ASSERT_OK(reserve);
  EXPECT_EQ(reserve->size_bytes, 2 * limits::kMiB);
  disk_.set_capacity(used_bytes() + 64 * 1024);
  fill();
  ASSERT_GT(puts_, 10U);
  EXPECT_CODE(disk_.stat("/data/reserve"), ErrorCode::kNotFound);
  for (std::uint64_t id = 0; id < 10; ++id) {
    ASSERT_OK(database_.remove("c", id));
  }
  EXPECT_OK(database_.checkpoint());
  EXPECT_CODE(database_.put("c", 1, 1), ErrorCode::kDiskFull);
  auto content = database_.content();
  ASSERT_OK(content);
  EXPECT_EQ(content->at("c").size(), puts_ - 10);
  database_->impl().disk.probe();
  EXPECT_CODE(database_.put("c", 1, 1), ErrorCode::kDiskFull);

  disk_.set_capacity(UINT64_MAX);
  database_->impl().disk.probe();
  EXPECT_OK(disk_.stat("/data/reserve"));
  EXPECT_OK(database_.put("c", 1, 1));
  content = database_.content();
  ASSERT_OK(content);
  EXPECT_EQ(content->at("c").size(), puts_ - 9);
}

TEST_F(DiskFullTest, a_checkpoint_on_request_takes_the_reserve) {
  for (; puts_ < 2000; ++puts_) {
    ASSERT_OK(database_.put("c", puts_, puts_));
  }
  // For the catalog's part of it, and not for the rows.
  disk_.set_capacity(used_bytes() + 48 * 1024);
  EXPECT_OK(database_.checkpoint());
  EXPECT_CODE(disk_.stat("/data/reserve"), ErrorCode::kNotFound);
  EXPECT_CODE(database_.put("c", 1, 1), ErrorCode::kDiskFull);
  EXPECT_OK(database_.remove("c", 1));
  const auto collection = database_->vectors().find("c");
  ASSERT_OK(collection);
  EXPECT_EQ((*collection)->info().segments, 1U);
}

TEST_F(DiskFullTest, a_checkpoint_that_does_not_fit_says_that_the_disk_is_full) {
  for (; puts_ < 300; ++puts_) {
    ASSERT_OK(put_large(puts_));
  }
  disk_.set_capacity(used_bytes() + 48 * 1024);  // For the catalog's part of it.
  std::promise<Status> ended;
  ASSERT_OK(database_->start_checkpoint(
      [&ended](const catalog::Job& /*job*/, const Status& outcome) { ended.set_value(outcome); }));
  EXPECT_CODE(ended.get_future().get(), ErrorCode::kDiskFull);
  disk_.set_capacity(UINT64_MAX);
  EXPECT_OK(database_.checkpoint());
}

TEST_F(DiskFullTest, a_start_on_a_full_disk_gives_the_reserve_up_and_loses_nothing) {
  for (; puts_ < 100; ++puts_) {
    ASSERT_OK(database_.put("c", puts_, puts_));
  }
  disk_.cut_power();
  database_.close();
  disk_.restart(io::CrashMode::kKeepNone, 3);
  disk_.set_capacity(used_bytes() + 1024);
  ASSERT_OK(database_.open());
  EXPECT_CODE(disk_.stat("/data/reserve"), ErrorCode::kNotFound);
  EXPECT_CODE(database_.put("c", 500, 500), ErrorCode::kDiskFull);
  EXPECT_OK(database_.remove("c", 5));
  const auto content = database_.content();
  ASSERT_OK(content);
  EXPECT_EQ(content->at("c").size(), 99U);
}

// With the background's threads, a log that would be kept for long, and points that fill the disk soon.
class DiskFullStoryTest : public DiskFullTest {
 protected:
  void SetUp() override {
    engine::DatabaseOptions& options = database_.options();
    options.background_threads = 2;
    options.wal_segment_bytes = limits::kMiB;
    options.wal_retain_bytes = 1024 * limits::kMiB;
    DiskFullTest::SetUp();
    ASSERT_OK(database_.create("other"));
    ASSERT_OK(database_.put("other", 1, 1));
    disk_.set_capacity(used_bytes() + 28 * limits::kMiB);
  }
  void fill_with_large() {
    Status put;
    while ((put = put_large(puts_)).ok()) {
      ++puts_;
      ASSERT_LT(puts_, 10'000U);
    }
    EXPECT_CODE(put, ErrorCode::kDiskFull);
    ASSERT_GT(puts_, 500U);
    EXPECT_CODE(database_.put("other", 2, 2), ErrorCode::kDiskFull);
    const Readiness readiness = database_->readiness();
    EXPECT_TRUE(readiness.ready);
    ASSERT_EQ(readiness.reasons.size(), 1U);
    EXPECT_NE(readiness.reasons[0].find("the disk is full"), std::string::npos) << readiness.reasons[0];
  }
  // A second of the database's clock each time. Bounds only how long a failure takes.
  bool comes_true(const std::function<bool()>& condition) {
    for (int tries = 0; tries < 3000; ++tries) {
      if (condition()) {
        return true;
      }
      database_.clock().advance_ms(1000);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  void expect_over_a_power_loss(const test::MadeContent& expected) {
    auto content = database_.content();
    ASSERT_OK(content);
    EXPECT_EQ(*content, expected);
    disk_.cut_power();
    database_.close();
    disk_.restart(io::CrashMode::kKeepNone, 3);
    ASSERT_OK(database_.open());
    content = database_.content();
    ASSERT_OK(content);
    EXPECT_EQ(*content, expected);
  }
};

TEST_F(DiskFullStoryTest, puts_come_back_after_a_drop_without_a_restart) {
  fill_with_large();
  ASSERT_OK(database_.drop("c"));
  EXPECT_TRUE(comes_true([this] { return database_.put("other", 2, 2).ok(); }));
  EXPECT_OK(disk_.stat("/data/reserve"));
  EXPECT_TRUE(database_->readiness().reasons.empty());
  EXPECT_LT(used_bytes("/data/wal"), 4 * limits::kMiB);
  expect_over_a_power_loss({{"other", {{1, 1}, {2, 2}}}});
}

TEST_F(DiskFullStoryTest, puts_come_back_after_all_points_are_deleted_without_a_restart) {
  fill_with_large();
  for (std::uint64_t id = 0; id < puts_; ++id) {
    ASSERT_OK(database_.remove("c", id)) << id;
  }
  EXPECT_TRUE(comes_true([this] { return database_.put("other", 2, 2).ok(); }));
  EXPECT_OK(database_.put("c", 7, 7));
  expect_over_a_power_loss({{"c", {{7, 7}}}, {"other", {{1, 1}, {2, 2}}}});
}

TEST_F(DiskFullTest, a_part_without_a_living_row_gets_no_file) {
  ASSERT_OK(database_.put("c", 1, 1));
  ASSERT_OK(database_.put("c", 2, 2));
  ASSERT_OK(database_.checkpoint());
  const auto collection = database_->vectors().find("c");
  ASSERT_OK(collection);
  ASSERT_EQ((*collection)->info().segments, 1U);
  // Rows that replace sealed ones, and whose deletes are the only trace of it that stays.
  for (std::uint64_t id = 1; id < 1500; ++id) {
    ASSERT_OK(database_.put("c", id, id + 10));
  }
  for (std::uint64_t id = 1; id < 1500; ++id) {
    ASSERT_OK(database_.remove("c", id));
  }
  ASSERT_OK(database_.checkpoint());
  EXPECT_EQ((*collection)->info().segments, 1U);
  EXPECT_EQ((*collection)->info().hot_rows, 0U);
  EXPECT_FALSE((*collection)->oldest_unsaved_lsn().has_value());
  ASSERT_OK(database_.put("c", 3, 3));
  disk_.cut_power();
  database_.close();
  disk_.restart(io::CrashMode::kKeepNone, 3);
  ASSERT_OK(database_.open());
  const auto content = database_.content();
  ASSERT_OK(content);
  const test::MadeContent expected = {{"c", {{3, 3}}}};
  EXPECT_EQ(*content, expected);
}

TEST(WriteBudgets, puts_wait_for_memory_and_tails_and_deletes_never_do) {
  io::SimulatedFileSystem disk;
  DatabaseOptions options = test::made_database_options();
  options.memory_budget_bytes = 20'000;
  test::MadeDatabase database(disk, options);
  ASSERT_OK(database.open());
  ASSERT_OK(database.create("c"));
  std::uint64_t puts = 0;
  Status put;
  while (put.ok() && puts < 10'000) {
    put = database.put("c", puts, puts);
    puts += put.ok() ? 1 : 0;
  }
  EXPECT_CODE(put, ErrorCode::kOverloaded);
  EXPECT_NE(put.message().find("memory budget"), std::string::npos);
  EXPECT_GT(puts, 20U);
  EXPECT_OK(database.remove("c", 1));
  // What is in files does not count.
  ASSERT_OK(database.checkpoint());
  EXPECT_OK(database.put("c", 1, 1));

  options.memory_budget_bytes = 0;
  options.tail_budget_bytes = 1'000;
  options.data_folder = "/tail";
  test::MadeDatabase other(disk, options);
  ASSERT_OK(other.open());
  ASSERT_OK(other.create("c"));
  put = ok_status();
  for (puts = 0; put.ok() && puts < 10'000; ++puts) {
    put = other.put("c", puts, puts);
  }
  EXPECT_CODE(put, ErrorCode::kOverloaded);
  EXPECT_NE(put.message().find("not indexed"), std::string::npos);
  EXPECT_OK(other.remove("c", 1));
  other->update_gauges();
  EXPECT_NE(other.metrics().render_prometheus().find("vibrato_ingest_backpressure_soft_total 1\n"), std::string::npos);
}

}  // namespace
}  // namespace vibrato::engine
