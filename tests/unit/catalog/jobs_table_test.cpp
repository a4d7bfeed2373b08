#include "catalog/jobs_table.hpp"

#include "support/made_catalog.hpp"

namespace vibrato::catalog {
namespace {

class JobsTableTest : public test::CatalogTest {
 protected:
  Status insert(const Job& job) {
    return write([&](Tables& tables) { return tables.jobs.insert(job); });
  }
  std::vector<Job> newest(std::uint32_t limit) {
    auto jobs = catalog_->read([&](const Tables& tables) { return tables.jobs.newest(limit); });
    EXPECT_OK(jobs);
    return std::move(jobs).value();
  }
  static Job made_job(const std::string& id, JobState state) {
    Job job;
    job.id = id;
    job.kind = "compact";
    job.state = state;
    job.started_at_ms = 10;
    return job;
  }
};

TEST_F(JobsTableTest, a_job_is_followed_to_its_end) {
  Job job = made_job("cmp-1", JobState::kRunning);
  ASSERT_OK(insert(job));
  EXPECT_CODE(insert(job), ErrorCode::kAlreadyExists);
  job.state = JobState::kFailed;
  job.finished_at_ms = 20;
  job.details = R"({"rows":3})";
  job.error = "disk full";
  ASSERT_OK(write([&](Tables& tables) { return tables.jobs.update(job); }));
  open();
  const auto found = catalog_->read([](const Tables& tables) { return tables.jobs.find("cmp-1"); });
  ASSERT_OK(found);
  EXPECT_EQ(*found, job);
  EXPECT_CODE(write([&](Tables& tables) { return tables.jobs.update(made_job("cmp-2", JobState::kRunning)); }),
              ErrorCode::kNotFound);
}

TEST_F(JobsTableTest, what_ran_when_the_process_ended_is_interrupted) {
  ASSERT_OK(insert(made_job("a", JobState::kCompleted)));
  ASSERT_OK(insert(made_job("b", JobState::kRunning)));
  ASSERT_OK(write([](Tables& tables) { return tables.jobs.interrupt_running(99); }));
  const std::vector<Job> jobs = newest(10);
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0].state, JobState::kInterrupted);
  EXPECT_EQ(jobs[0].finished_at_ms, 99);
  EXPECT_EQ(jobs[1].state, JobState::kCompleted);
}

TEST_F(JobsTableTest, trimming_keeps_the_newest_and_all_that_run) {
  ASSERT_OK(insert(made_job("runs", JobState::kRunning)));
  for (const char* const id : {"a", "b", "c"}) {
    ASSERT_OK(insert(made_job(id, JobState::kCompleted)));
  }
  ASSERT_OK(write([](Tables& tables) { return tables.jobs.trim(1); }));
  const std::vector<Job> jobs = newest(10);
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0].id, "c");
  EXPECT_EQ(jobs[1].id, "runs");
  EXPECT_EQ(newest(1).size(), 1U);
}

}  // namespace
}  // namespace vibrato::catalog
