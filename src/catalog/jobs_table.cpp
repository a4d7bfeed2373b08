#include "catalog/jobs_table.hpp"

#include "catalog/json_text.hpp"

namespace vibrato::catalog {
namespace {

enum JobQuery : std::size_t { kNewestJobs, kFindJob, kInsertJob, kUpdate, kInterrupt, kTrimJobs };

#define JOB_COLUMNS "id, kind, state, started_at_ms, finished_at_ms, details, error"

constexpr std::string_view kJobSql[] = {
    "SELECT " JOB_COLUMNS " FROM jobs ORDER BY sequence DESC LIMIT ?1",
    "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?1",
    "INSERT INTO jobs (" JOB_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    "UPDATE jobs SET state = ?2, finished_at_ms = ?3, details = ?4, error = ?5 WHERE id = ?1",
    "UPDATE jobs SET state = 'interrupted', finished_at_ms = ?1 WHERE state = 'running'",
    "DELETE FROM jobs WHERE state <> 'running' AND "
    "sequence NOT IN (SELECT sequence FROM jobs ORDER BY sequence DESC LIMIT ?1)",
};
#undef JOB_COLUMNS

constexpr JobState kStates[] = {JobState::kRunning, JobState::kCompleted, JobState::kFailed, JobState::kInterrupted};

JobState parse_state(sqlite::Rows& rows, int column) {
  const std::string text = rows.text(column);
  for (const JobState state : kStates) {
    if (text == to_string(state)) {
      return state;
    }
  }
  rows.reject(column, "is no state of a job");
  return JobState::kFailed;
}

Job read_job_row(sqlite::Rows& rows) {
  Job job;
  job.id = rows.text(0);
  job.kind = rows.text(1);
  job.state = parse_state(rows, 2);
  job.started_at_ms = rows.i64(3);
  job.finished_at_ms = rows.optional_i64(4);
  job.details = rows.text(5);
  job.error = rows.optional_text(6);
  return job;
}

}  // namespace

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::kRunning:
      return "running";
    case JobState::kCompleted:
      return "completed";
    case JobState::kFailed:
      return "failed";
    case JobState::kInterrupted:
      return "interrupted";
  }
  return "failed";
}

Result<JobsTable> JobsTable::open(sqlite::Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(Statements statements, Statements::prepare(connection, kJobSql));
  return JobsTable(std::move(statements));
}

Result<std::vector<Job>> JobsTable::newest(std::uint32_t limit) const {
  return read_all(statements_[kNewestJobs].run(limit), read_job_row);
}

Result<std::optional<Job>> JobsTable::find(std::string_view id) const {
  return read_first(statements_[kFindJob].run(id), read_job_row);
}

Status JobsTable::insert(const Job& job) {
  VIBRATO_RETURN_IF_ERROR(check_json(job.details, "details"));
  return statements_[kInsertJob].execute(job.id, job.kind, to_string(job.state), job.started_at_ms, job.finished_at_ms,
                                         job.details, job.error);
}

Status JobsTable::update(const Job& job) {
  VIBRATO_RETURN_IF_ERROR(check_json(job.details, "details"));
  VIBRATO_RETURN_IF_ERROR(
      statements_[kUpdate].execute(job.id, to_string(job.state), job.finished_at_ms, job.details, job.error));
  return statements_.connection().changed_rows() == 1 ? ok_status() : not_found("there is no job " + job.id);
}

Status JobsTable::interrupt_running(std::int64_t now_ms) {
  return statements_[kInterrupt].execute(now_ms);
}

Status JobsTable::trim(std::uint64_t jobs_max) {
  return statements_[kTrimJobs].execute(jobs_max);
}

}  // namespace vibrato::catalog
