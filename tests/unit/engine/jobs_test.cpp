#include "engine/jobs.hpp"

#include <future>

#include "support/made_catalog.hpp"

namespace vibrato::engine {
namespace {

class JobsTest : public test::CatalogTest {
 protected:
  static Jobs::Work answering(std::string details) {
    return [details = std::move(details)](const Jobs::KeepGoing&) -> Result<std::string> { return details; };
  }
  // Ends when the test says so.
  Jobs::Work waiting() {
    return [this](const Jobs::KeepGoing& keep_going) -> Result<std::string> {
      started_.set_value();
      release_.get_future().wait();
      VIBRATO_RETURN_IF_ERROR(keep_going());
      return std::string("{}");
    };
  }
  static JobDone into(std::promise<catalog::Job>& promise) {
    return [&promise](const catalog::Job& job, const Status& /*outcome*/) { promise.set_value(job); };
  }

  Logger logger_{LogLevel::kOff};
  std::promise<void> started_;
  std::promise<void> release_;
};

TEST_F(JobsTest, a_job_runs_and_the_catalog_remembers_how_it_ended) {
  Jobs jobs(*catalog_, clock_, logger_);
  std::promise<catalog::Job> ended;
  const auto id = jobs.start("checkpoint", answering(R"({"rows":3})"), into(ended));
  ASSERT_OK(id);
  EXPECT_EQ(id->substr(0, 4), "chk_");
  const catalog::Job job = ended.get_future().get();
  EXPECT_EQ(job.id, *id);
  EXPECT_EQ(job.state, catalog::JobState::kCompleted);
  EXPECT_EQ(job.details, R"({"rows":3})");
  const auto found = jobs.find(*id);
  ASSERT_OK(found);
  EXPECT_EQ(*found, job);
  const auto unknown = jobs.find("chk_0");
  ASSERT_OK(unknown);
  EXPECT_FALSE(unknown->has_value());
}

TEST_F(JobsTest, an_error_fails_the_job_and_is_kept) {
  Jobs jobs(*catalog_, clock_, logger_);
  std::promise<catalog::Job> ended;
  ASSERT_OK(jobs.start(
      "snapshot", [](const Jobs::KeepGoing&) -> Result<std::string> { return io_error("no such device"); },
      into(ended)));
  const catalog::Job job = ended.get_future().get();
  EXPECT_EQ(job.state, catalog::JobState::kFailed);
  EXPECT_EQ(job.error, "no such device");
}

TEST_F(JobsTest, of_a_kind_only_one_waits_or_runs) {
  Jobs jobs(*catalog_, clock_, logger_);
  std::promise<catalog::Job> first_ended;
  const auto first = jobs.start("compact", waiting(), into(first_ended));
  ASSERT_OK(first);
  started_.get_future().wait();
  const auto again = jobs.start("compact", answering("{}"), {});
  EXPECT_CODE(again, ErrorCode::kConflict);
  EXPECT_NE(again.status().message().find(*first), std::string::npos);
  std::promise<catalog::Job> other_ended;
  ASSERT_OK(jobs.start("checkpoint", answering("{}"), into(other_ended)));
  EXPECT_CODE(jobs.start("checkpoint", answering("{}"), {}), ErrorCode::kConflict);
  release_.set_value();
  EXPECT_EQ(first_ended.get_future().get().state, catalog::JobState::kCompleted);
  EXPECT_EQ(other_ended.get_future().get().state, catalog::JobState::kCompleted);
  EXPECT_OK(jobs.start("compact", answering("{}"), {}));
}

TEST_F(JobsTest, the_list_begins_with_what_runs) {
  Jobs jobs(*catalog_, clock_, logger_);
  const auto running = jobs.start("compact", waiting(), {});
  ASSERT_OK(running);
  started_.get_future().wait();
  const auto waits = jobs.start("checkpoint", answering("{}"), {});
  ASSERT_OK(waits);
  // A later one that has ended already, as far as the catalog knows.
  catalog::Job ended;
  ended.id = "snap_9";
  ended.kind = "snapshot";
  ended.state = catalog::JobState::kCompleted;
  ASSERT_OK(write([&](catalog::Tables& tables) { return tables.jobs.insert(ended); }));
  const auto listed = jobs.list(2);
  const auto all = jobs.list(10);
  release_.set_value();
  ASSERT_OK(listed);
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ((*listed)[0].id, *running);
  EXPECT_EQ((*listed)[1].id, *waits);
  ASSERT_OK(all);
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ((*all)[2].id, "snap_9");
}

TEST_F(JobsTest, stopping_ends_the_running_one_early_and_interrupts_the_waiting_one) {
  Jobs jobs(*catalog_, clock_, logger_);
  std::promise<catalog::Job> running_ended;
  std::promise<catalog::Job> waiting_ended;
  std::promise<void> began;
  ASSERT_OK(jobs.start(
      "compact",
      [&began](const Jobs::KeepGoing& keep_going) -> Result<std::string> {
        began.set_value();
        while (true) {
          VIBRATO_RETURN_IF_ERROR(keep_going());
        }
      },
      into(running_ended)));
  ASSERT_OK(jobs.start("snapshot", answering("{}"), into(waiting_ended)));
  began.get_future().wait();
  jobs.stop();
  EXPECT_EQ(running_ended.get_future().get().state, catalog::JobState::kInterrupted);
  EXPECT_EQ(waiting_ended.get_future().get().state, catalog::JobState::kInterrupted);
  EXPECT_CODE(jobs.start("checkpoint", answering("{}"), {}), ErrorCode::kUnavailable);
}

TEST_F(JobsTest, what_a_former_process_left_running_is_interrupted) {
  catalog::Job left;
  left.id = "chk_1";
  left.kind = "checkpoint";
  ASSERT_OK(write([&](catalog::Tables& tables) { return tables.jobs.insert(left); }));
  Jobs jobs(*catalog_, clock_, logger_);
  const auto found = jobs.find("chk_1");
  ASSERT_OK(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->state, catalog::JobState::kInterrupted);
}

TEST_F(JobsTest, ids_differ_within_a_millisecond_and_over_restarts) {
  std::vector<std::string> ids;
  for (int restart = 0; restart < 2; ++restart) {
    Jobs jobs(*catalog_, clock_, logger_);
    for (const char* const kind : {"checkpoint", "compact"}) {
      std::promise<catalog::Job> ended;
      const auto id = jobs.start(kind, answering("{}"), into(ended));
      ASSERT_OK(id);
      ids.push_back(*id);
      ended.get_future().wait();
    }
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

}  // namespace
}  // namespace vibrato::engine
