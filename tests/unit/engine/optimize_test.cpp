// The optimization of a collection while other things happen: a stop, a drop, writes, a second one.
#include <future>
#include <gtest/gtest.h>
#include <string>

#include "engine/database_impl.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

constexpr std::uint64_t kPoints = 3000;  // Enough for a graph.

class OptimizeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(database_.open());
    ASSERT_OK(database_.create("a"));
    for (std::uint64_t first = 0; first < kPoints; first += kPoints / 3) {
      test::MadeDatabase::ImportedPoints points;
      for (std::uint64_t id = first; id < first + kPoints / 3; ++id) {
        points.emplace_back(id, id);
      }
      ASSERT_OK(database_.import("a", points));
    }
    ASSERT_OK(database_.checkpoint());
    content_ = database_.content().value();
  }
  std::future<catalog::Job> start() {
    const auto ended = std::make_shared<std::promise<catalog::Job>>();
    EXPECT_OK(database_->start_optimization(
        "a", [ended](const catalog::Job& job, const Status& /*outcome*/) { ended->set_value(job); }));
    return ended->get_future();
  }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_};
  test::MadeContent content_;
};

TEST_F(OptimizeTest, a_stop_ends_it_and_the_next_one_does_all) {
  std::future<catalog::Job> ended = start();
  database_->stop();
  const catalog::Job job = ended.get();
  EXPECT_NE(job.state, catalog::JobState::kRunning);
  EXPECT_NE(job.state, catalog::JobState::kFailed) << *job.error;
  ASSERT_OK(database_.open());
  EXPECT_EQ(database_.content().value(), content_);
  ASSERT_OK(database_.optimize("a"));
  EXPECT_EQ(database_.content().value(), content_);
  EXPECT_EQ((*database_->vectors().find("a"))->info().segments, 1U);
}

TEST_F(OptimizeTest, a_drop_meanwhile_leaves_no_file) {
  std::future<catalog::Job> ended = start();
  ASSERT_OK(database_.drop("a"));
  EXPECT_NE(ended.get().state, catalog::JobState::kRunning);
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_->impl().maintenance->remove_unused());
  const auto files = disk_.list_directory("/data/segments");
  ASSERT_OK(files);
  EXPECT_TRUE(files->empty());
  ASSERT_OK(database_.open());
  EXPECT_TRUE(database_->readiness().ready);
}

TEST_F(OptimizeTest, writes_and_deletes_meanwhile_are_kept) {
  std::future<catalog::Job> ended = start();
  ASSERT_OK(database_.delete_up_to("a", 99, {}, 10));
  for (std::uint64_t id = 0; id < 50; ++id) {
    ASSERT_OK(database_.put("a", id, 4000 + id));
    content_["a"][id] = 4000 + id;
  }
  for (std::uint64_t id = 50; id < 100; ++id) {
    content_["a"].erase(id);
  }
  EXPECT_EQ(ended.get().state, catalog::JobState::kCompleted);
  EXPECT_EQ(database_.content().value(), content_);
  ASSERT_OK(database_.open());
  EXPECT_EQ(database_.content().value(), content_);
}

}  // namespace
}  // namespace vibrato::engine
