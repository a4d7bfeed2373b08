// What ends an import before its time: it learns of it within a few rows, says why, and leaves no file behind.
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <string>
#include <utility>

#include "engine/database_impl.hpp"
#include "support/disk_files.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

constexpr std::uint64_t kRowsBefore = 1000;
constexpr std::uint64_t kRowsToLearn = 256;
constexpr std::uint64_t kRowsMax = 20'000;

class ImportEndsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(database_.open());
    ASSERT_OK(database_.create("a"));
    ASSERT_OK(database_.put("a", 1, 10));
    ASSERT_OK(database_.checkpoint());
    files_ = files();
    content_ = database_.content().value();
  }
  // Of rows without end, in the middle of which something happens. Answers how it ended, and after how many more rows.
  std::pair<Status, std::uint64_t> import_and(const std::function<void()>& happens) {
    std::promise<void> ended;
    Status status;
    std::uint64_t rows = 0;
    const auto work = [&](vector::Import& import) -> Imports::Last {
      for (; rows < kRowsMax && status.ok(); ++rows) {
        if (rows == kRowsBefore) {
          happens();
        }
        status = import.add({PointId(rows), test::made_vector(rows), meta_});
      }
      return [&ended] { ended.set_value(); };
    };
    EXPECT_OK(database_->start_import(
        collection(), [] { return ok_status(); }, work));
    ended.get_future().get();
    return {status, rows - kRowsBefore};
  }
  void expect_end(const std::function<void()>& happens, ErrorCode code, const std::string& message) {
    const auto [status, rows] = import_and(happens);
    EXPECT_CODE(status, code);
    EXPECT_NE(status.message().find(message), std::string::npos) << status.message();
    EXPECT_LE(rows, kRowsToLearn + 1);
  }
  void expect_nothing_left() {
    EXPECT_EQ(files(), files_);
    EXPECT_EQ(database_.content().value(), content_);
  }
  std::vector<std::string> files() { return test::entries_in(disk_, "/data/segments"); }
  std::uint64_t used_bytes(const std::string& folder) { return test::bytes_in(disk_, folder); }
  vector::CollectionPtr collection() { return *database_->vectors().find("a"); }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_};
  std::vector<std::string> files_;
  test::MadeContent content_;
  std::string meta_;
};

TEST_F(ImportEndsTest, the_drop_of_its_collection) {
  expect_end([&] { ASSERT_OK(database_.drop("a")); }, ErrorCode::kNotFound, "\"a\"");
  ASSERT_OK(database_.checkpoint());
  content_.clear();
  files_.clear();
  ASSERT_OK(database_->impl().maintenance->remove_unused());
  expect_nothing_left();
}

TEST_F(ImportEndsTest, the_drop_of_its_collection_that_is_made_again) {
  const auto remake = [&] {
    ASSERT_OK(database_.drop("a"));
    ASSERT_OK(database_.create("a"));
  };
  expect_end(remake, ErrorCode::kNotFound, "dropped");
  EXPECT_TRUE(database_.content()->at("a").empty());
}

TEST_F(ImportEndsTest, damage_of_its_collection) {
  const auto damage = [&] {
    const auto part = collection()->latest_version()->sealed.front();
    ASSERT_OK(database_->vectors().degrade(*collection(), part->entry().id, "a test says so"));
  };
  expect_end(damage, ErrorCode::kUnavailable, "a test says so");
  expect_nothing_left();
  EXPECT_CODE(database_.import("a", {}), ErrorCode::kUnavailable) << "the next one does not even begin";
}

// The space that is given up then is for others.
TEST_F(ImportEndsTest, a_disk_that_others_fill) {
  expect_end([&] { database_->impl().disk.report_full(); }, ErrorCode::kDiskFull, "");
  expect_nothing_left();
  EXPECT_CODE(database_.import("a", {}), ErrorCode::kDiskFull);
  database_->impl().disk.probe();
  EXPECT_OK(database_.import("a", {{7, 70}}));
}

TEST_F(ImportEndsTest, a_disk_that_it_fills_itself_and_others_get_the_space_back) {
  const std::uint64_t used = used_bytes("/data");
  disk_.set_capacity(used + 4'000'000);
  meta_ = "{\"text\":\"" + std::string(2000, 'x') + "\"}";
  const auto [status, rows] = import_and([] {});
  EXPECT_CODE(status, ErrorCode::kDiskFull);
  EXPECT_GT(rows, 0U);
  EXPECT_LT(rows, 2000U);
  expect_nothing_left();
  EXPECT_EQ(used_bytes("/data"), used);
  EXPECT_OK(database_.put("a", 2, 20)) << "the disk is not full any more";
  EXPECT_OK(database_.import("a", {{7, 70}}));
}

TEST_F(ImportEndsTest, a_stop) {
  expect_end([&] { database_->request_stop(); }, ErrorCode::kUnavailable, "stops");
  database_->stop();
  ASSERT_OK(database_.open());
  expect_nothing_left();
}

}  // namespace
}  // namespace vibrato::engine
