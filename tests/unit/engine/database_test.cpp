// The database over a simulated disk: what is acknowledged is there after a restart, in which ways ever it was stopped.
#include "engine/database.hpp"

#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

using test::MadeContent;

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(database_.open()); }

  MadeContent content() {
    auto found = database_.content();
    EXPECT_OK(found);
    return found.ok() ? std::move(found).value() : MadeContent{};
  }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_};
};

TEST_F(DatabaseTest, a_new_folder_becomes_an_empty_database_that_is_ready) {
  const Readiness readiness = database_->readiness();
  EXPECT_TRUE(readiness.ready);
  EXPECT_TRUE(readiness.reasons.empty());
  EXPECT_EQ(content(), MadeContent{});
  EXPECT_EQ(database_->visible_lsn(), Lsn());
  for (const char* const name :
       {"catalog.db", "state.db", "docs.db", "sql.db", "wal", "segments", "snapshots", "quarantine", "tmp"}) {
    EXPECT_OK(disk_.stat(std::string("/data/") + name)) << name;
  }
}

TEST_F(DatabaseTest, writes_survive_a_stop_in_order) {
  ASSERT_OK(database_.create("c"));
  for (std::uint64_t id = 0; id < 50; ++id) {
    ASSERT_OK(database_.put("c", id, id));
  }
  ASSERT_OK(database_.put("c", 7, 700));
  ASSERT_OK(database_.remove("c", 8));
  const MadeContent before = content();
  EXPECT_EQ(before.at("c").size(), 49U);
  EXPECT_EQ(before.at("c").at(7), 700U);
  const Lsn visible = database_->visible_lsn();
  ASSERT_OK(database_.open());
  EXPECT_EQ(content(), before);
  EXPECT_EQ(database_->visible_lsn(), visible);
}

TEST_F(DatabaseTest, writes_survive_a_power_loss_also_when_a_part_is_in_files) {
  ASSERT_OK(database_.create("c"));
  for (std::uint64_t id = 0; id < 60; ++id) {
    ASSERT_OK(database_.put("c", id, id));
    if (id == 30) {
      ASSERT_OK(database_.checkpoint());
    }
  }
  ASSERT_OK(database_.remove("c", 3));
  ASSERT_OK(database_.remove("c", 50));
  const MadeContent before = content();
  disk_.cut_power();
  database_.close();
  disk_.restart(io::CrashMode::kKeepNone, 1);
  ASSERT_OK(database_.open());
  EXPECT_EQ(content(), before);
  EXPECT_GT(database_->stats().hot_rows, 0U);
  EXPECT_LT(database_->stats().hot_rows, 50U);
}

TEST_F(DatabaseTest, a_second_process_is_turned_away) {
  const auto second =
      Database::open(disk_, database_.options(), database_.clock(), database_.logger(), database_.metrics());
  EXPECT_CODE(second, ErrorCode::kUnavailable);
  EXPECT_NE(second.status().message().find("--server"), std::string::npos);
}

TEST_F(DatabaseTest, dropped_collections_stay_dropped_and_names_are_free_again) {
  ASSERT_OK(database_.create("c"));
  ASSERT_OK(database_.put("c", 1, 1));
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.drop("c"));
  ASSERT_OK(database_.create("c"));
  ASSERT_OK(database_.put("c", 2, 2));
  const MadeContent expected = {{"c", {{2, 2}}}};
  EXPECT_EQ(content(), expected);
  ASSERT_OK(database_.open());
  EXPECT_EQ(content(), expected);
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.open());
  EXPECT_EQ(content(), expected);
}

TEST_F(DatabaseTest, the_log_is_trimmed_behind_checkpoints_and_never_before) {
  ASSERT_OK(database_.create("c"));
  for (std::uint64_t id = 0; id < 2000; ++id) {
    ASSERT_OK(database_.put("c", id, id));
  }
  const std::uint64_t full = database_->stats().wal_bytes;
  EXPECT_EQ(database_->stats().oldest_lsn, Lsn(1));
  ASSERT_OK(database_.checkpoint());
  EXPECT_LT(database_->stats().wal_bytes, full);
  EXPECT_GT(database_->stats().oldest_lsn, Lsn(1));
  const MadeContent before = content();
  disk_.cut_power();
  database_.close();
  disk_.restart(io::CrashMode::kKeepNone, 2);
  ASSERT_OK(database_.open());
  EXPECT_EQ(content(), before);
  EXPECT_EQ(before.at("c").size(), 2000U);
}

TEST_F(DatabaseTest, after_a_stop_nothing_is_taken) {
  ASSERT_OK(database_.create("c"));
  const auto collection = database_->vectors().find("c");
  ASSERT_OK(collection);
  database_->stop();
  database_->stop();
  EXPECT_CODE(database_->check_readable(), ErrorCode::kUnavailable);
  auto write = vector::make_delete(database_->vectors(), *collection, PointId(std::uint64_t{1}));
  ASSERT_OK(write);
  EXPECT_CODE(database_.commit(std::move(*write), Database::Kind::kDelete), ErrorCode::kUnavailable);
  EXPECT_CODE(database_->start_checkpoint({}), ErrorCode::kUnavailable);
  EXPECT_FALSE(database_->readiness().ready);
}

TEST_F(DatabaseTest, before_the_start_it_is_not_readable_and_says_how_far_it_is) {
  const DatabaseOptions other = test::made_database_options("/other");
  const auto opened = Database::open(disk_, other, database_.clock(), database_.logger(), database_.metrics());
  ASSERT_OK(opened);
  EXPECT_CODE((*opened)->check_readable(), ErrorCode::kUnavailable);
  const Readiness readiness = (*opened)->readiness();
  EXPECT_FALSE(readiness.ready);
  ASSERT_EQ(readiness.reasons.size(), 1U);
  EXPECT_EQ(readiness.reasons[0], "replaying the log: 0 %");
  EXPECT_EQ(readiness.replay_progress, 0.0);
  ASSERT_OK((*opened)->start());
  EXPECT_TRUE((*opened)->readiness().ready);
}

TEST_F(DatabaseTest, whoever_waits_for_an_lsn_is_told_once_it_is_visible) {
  ASSERT_OK(database_.create("c"));
  std::promise<Status> at_once;
  database_->when_visible(Lsn(1), INT64_MAX, [&](Status status) { at_once.set_value(std::move(status)); });
  EXPECT_OK(at_once.get_future().get());
  std::promise<Status> later;
  database_->when_visible(Lsn(2), INT64_MAX, [&](Status status) { later.set_value(std::move(status)); });
  ASSERT_OK(database_.put("c", 1, 1));
  EXPECT_OK(later.get_future().get());
  std::promise<Status> never;
  database_->when_visible(Lsn(99), INT64_MAX, [&](Status status) { never.set_value(std::move(status)); });
  database_->stop();
  EXPECT_CODE(never.get_future().get(), ErrorCode::kUnavailable);
}

TEST_F(DatabaseTest, gauges_show_the_collections_that_there_are) {
  ASSERT_OK(database_.create("one"));
  ASSERT_OK(database_.create("two"));
  ASSERT_OK(database_.put("one", 1, 1));
  database_->update_gauges();
  std::string text = database_.metrics().render_prometheus();
  EXPECT_NE(text.find("vibrato_collection_rows{collection=\"one\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("vibrato_collection_rows{collection=\"two\"} 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("vibrato_total_vectors 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("vibrato_hot_vectors 1\n"), std::string::npos) << text;
  ASSERT_OK(database_.drop("two"));
  database_->update_gauges();
  text = database_.metrics().render_prometheus();
  EXPECT_EQ(text.find("collection=\"two\""), std::string::npos) << text;
}

}  // namespace
}  // namespace vibrato::engine
