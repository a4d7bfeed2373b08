// Damage degrades, visibly, and stays so over restarts until an operator acts.
#include <algorithm>

#include "engine/database_impl.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

using test::MadeContent;

class DatabaseDamageTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(database_.open()); }

  void flip_byte(const std::string& path, std::uint64_t offset) {
    const auto file = disk_.open(path, io::OpenMode::kReadWrite);
    ASSERT_OK(file);
    std::byte byte{};
    ASSERT_OK((*file)->read_at(offset, std::span(&byte, 1)));
    byte ^= std::byte{0x40};
    ASSERT_OK((*file)->write_at(offset, std::span(&byte, 1)));
    ASSERT_OK((*file)->sync());
  }
  std::vector<std::string> files_in(const std::string& folder) {
    std::vector<std::string> names;
    const auto entries = disk_.list_directory(folder);
    EXPECT_OK(entries);
    for (const io::FileInfo& entry : *entries) {
      names.push_back(folder + "/" + entry.name);
    }
    return names;
  }
  void expect_not_ready(std::string_view reason) {
    const Readiness readiness = database_->readiness();
    EXPECT_FALSE(readiness.ready);
    const bool is_named = std::any_of(readiness.reasons.begin(), readiness.reasons.end(),
                                      [&](const std::string& text) { return text.find(reason) != std::string::npos; });
    EXPECT_TRUE(is_named) << (readiness.reasons.empty() ? "no reason" : readiness.reasons.front());
  }
  MadeContent content() {
    auto found = database_.content();
    EXPECT_OK(found);
    return found.ok() ? std::move(found).value() : MadeContent{};
  }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_};
};

TEST_F(DatabaseDamageTest, a_damaged_log_leaves_a_read_only_store_at_the_exact_prefix) {
  ASSERT_OK(database_.create("c"));
  std::vector<MadeContent> after;  // After each write.
  for (std::uint64_t id = 0; id < 40; ++id) {
    ASSERT_OK(database_.put("c", id, id));
    after.push_back(content());
  }
  database_->stop();
  const std::string segment = files_in("/data/wal").front();
  const auto size = disk_.stat(segment);
  ASSERT_OK(size);
  flip_byte(segment, size->size_bytes / 2);
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_OK(database_.open());
    expect_not_ready("read-only: " + segment.substr(std::string("/data/").size()));
    const MadeContent found = content();
    EXPECT_NE(std::find(after.begin(), after.end(), found), after.end());
    EXPECT_GT(found.at("c").size(), 10U);
    EXPECT_LT(found.at("c").size(), 30U);
    EXPECT_CODE(database_.put("c", 100, 100), ErrorCode::kUnavailable);
    EXPECT_CODE(database_.remove("c", 1), ErrorCode::kUnavailable);
    EXPECT_CODE(database_.checkpoint(), ErrorCode::kUnavailable);
    EXPECT_CODE(database_.snapshot("s"), ErrorCode::kUnavailable);
    EXPECT_OK(database_->check_readable());
  }
}

TEST_F(DatabaseDamageTest, a_log_that_is_gone_is_damage_once_the_catalog_builds_on_it) {
  ASSERT_OK(database_.create("c"));
  ASSERT_OK(database_.put("c", 1, 1));
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.put("c", 2, 2));
  database_->stop();
  for (const std::string& file : files_in("/data/wal")) {
    ASSERT_OK(disk_.remove_file(file));
  }
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_OK(database_.open());
    expect_not_ready("wal: expected a log up to LSN 3, found none");
    EXPECT_EQ(content(), (MadeContent{{"c", {{1, 1}}}}));
    EXPECT_CODE(database_.put("c", 3, 3), ErrorCode::kUnavailable);
    EXPECT_EQ(database_->stats().total_rows, 1U);
    database_->update_gauges();
  }
  EXPECT_EQ(files_in("/data/wal").size(), 0U);
}

TEST_F(DatabaseDamageTest, a_damaged_segment_makes_its_collection_read_only_until_it_is_dropped) {
  // Not small, so that each has a file of its own.
  for (const char* const name : {"bad", "good"}) {
    ASSERT_OK(database_.create(name, 300));
    const auto collection = database_->vectors().find(name);
    ASSERT_OK(collection);
    const auto outcome = std::make_shared<vector::BatchOutcome>();
    std::vector<vector::PointInput> points;
    for (std::uint64_t id = 0; id < 1200; ++id) {
      points.push_back({PointId(id), std::vector<float>(300, static_cast<float>(id)), ""});
    }
    ASSERT_OK(database_.commit(vector::make_upsert_batch(database_->vectors(), *collection, std::move(points), outcome),
                               Database::Kind::kPut, collection->get()));
  }
  ASSERT_OK(database_.checkpoint());
  const auto bad = database_->vectors().find("bad");
  ASSERT_OK(bad);
  const std::string file = (*bad)->read_view().version->sealed.front()->entry().file;
  database_->stop();
  flip_byte("/data/" + file, 10);  // In the header.
  for (std::uint64_t restart = 0; restart < 2; ++restart) {
    ASSERT_OK(database_.open());
    expect_not_ready(file);
    expect_not_ready("a collection is read-only: ");
    EXPECT_CODE(database_.snapshot("s"), ErrorCode::kUnavailable);
    const auto good = database_->vectors().find("good");
    ASSERT_OK(good);
    EXPECT_EQ((*good)->info().live_count, 1200U - restart);
    EXPECT_OK(database_.remove("good", restart));
    EXPECT_FALSE(database_.remove("bad", 1).ok());
  }
  ASSERT_OK(database_.drop("bad"));
  EXPECT_TRUE(database_->readiness().ready);
  ASSERT_OK(database_.open());
  EXPECT_TRUE(database_->readiness().ready);
}

TEST_F(DatabaseDamageTest, a_segment_that_is_put_back_whole_is_taken_again_with_what_was_written_since) {
  ASSERT_OK(database_.create("c"));
  for (std::uint64_t id = 0; id < 20; ++id) {
    ASSERT_OK(database_.put("c", id, id));
  }
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.put("c", 3, 300));
  ASSERT_OK(database_.remove("c", 4));
  const MadeContent before = content();
  const std::string path = files_in("/data/segments").front();
  database_->stop();
  ASSERT_OK(disk_.rename(path, "/data/moved"));
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_OK(database_.open());
    expect_not_ready("a collection is read-only: segments/pack-");
    EXPECT_CODE(database_.put("c", 5, 5), ErrorCode::kUnavailable);
    EXPECT_OK(database_.checkpoint());
  }
  database_->stop();
  ASSERT_OK(disk_.rename("/data/moved", path));
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_OK(database_.open());
    EXPECT_TRUE(database_->readiness().ready);
    EXPECT_EQ(content(), before);
  }
  EXPECT_OK(database_.put("c", 5, 500));
  EXPECT_OK(database_.checkpoint());
  EXPECT_OK(database_.snapshot("s"));
}

TEST_F(DatabaseDamageTest, after_a_failed_sync_of_the_log_nothing_is_acknowledged_until_a_restart) {
  ASSERT_OK(database_.create("c"));
  ASSERT_OK(database_.put("c", 1, 1));
  disk_.fail_next_sync();
  EXPECT_FALSE(database_.put("c", 2, 2).ok());
  EXPECT_CODE(database_.put("c", 3, 3), ErrorCode::kUnavailable);
  EXPECT_EQ(content().at("c").size(), 1U);
  expect_not_ready("no writes are taken until a restart");
  disk_.cut_power();
  database_.close();
  disk_.restart(io::CrashMode::kKeepAll, 1);
  ASSERT_OK(database_.open());
  EXPECT_TRUE(database_->readiness().ready);
  EXPECT_EQ(content().at("c").at(1), 1U);
  EXPECT_EQ(content().at("c").count(3), 0U);
  EXPECT_OK(database_.put("c", 3, 3));
}

TEST_F(DatabaseDamageTest, a_failed_sync_of_a_segment_ends_writing_as_well) {
  ASSERT_OK(database_.create("c"));
  ASSERT_OK(database_.put("c", 1, 1));
  disk_.fail_next_sync();
  EXPECT_FALSE(database_.checkpoint().ok());
  EXPECT_CODE(database_.put("c", 2, 2), ErrorCode::kUnavailable);
  EXPECT_CODE(database_.checkpoint(), ErrorCode::kUnavailable);
  expect_not_ready("no writes are taken until a restart");
  disk_.cut_power();
  database_.close();
  disk_.restart(io::CrashMode::kKeepNone, 1);
  ASSERT_OK(database_.open());
  EXPECT_TRUE(database_->readiness().ready);
  EXPECT_EQ(content(), (MadeContent{{"c", {{1, 1}}}}));
  EXPECT_OK(database_.checkpoint());
}

}  // namespace
}  // namespace vibrato::engine
