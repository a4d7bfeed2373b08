#include "api/job_call.hpp"

#include <utility>

namespace vibrato::api {
namespace {

// What the client can do about, it is told; what else went wrong is ours.
ErrorCode code_of(const Status& outcome) {
  switch (outcome.code()) {
    case ErrorCode::kDiskFull:
    case ErrorCode::kUnavailable:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
      return outcome.code();
    case ErrorCode::kCorruption:
      return ErrorCode::kUnavailable;  // As of reads that meet damage; the message names file and offset.
    default:
      return ErrorCode::kInternal;
  }
}

Status to_status(const catalog::Job& job, const Status& outcome) {
  switch (job.state) {
    case catalog::JobState::kRunning:
    case catalog::JobState::kCompleted:
      return ok_status();
    case catalog::JobState::kInterrupted:
      return unavailable("job " + job.id + " was interrupted: " + job.error.value_or("the server stops"));
    case catalog::JobState::kFailed:
      break;
  }
  return {code_of(outcome), "job " + job.id + " failed: " + job.error.value_or("no reason is known")};
}

void point_to_job(const std::string& id, Reply& reply) {
  reply.headers.emplace_back("Location", "/v1/admin/jobs/" + id);
}

void answer_job(const ResponderPtr& responder, const JobStyle& style, const catalog::Job& job, const Status& outcome) {
  Reply reply;
  point_to_job(job.id, reply);
  const Status status = to_status(job, outcome);
  if (status.ok()) {
    style.write(job, reply);
  } else if (status.code() == ErrorCode::kInternal) {
    reply.error_code = style.code_of_failure;
  }
  responder->answer(status, std::move(reply));
}

Reply deadline_reply(const JobStyle& style, std::string id) {
  Reply reply;
  reply.status = 202;
  point_to_job(id, reply);
  catalog::Job running;
  running.id = std::move(id);
  style.write(running, reply);
  return reply;
}

}  // namespace

Status run_job(const ResponderPtr& responder, const JobStyle& style, const StartJob& start) {
  VIBRATO_ASSIGN_OR_RETURN(std::string id, start([responder, style](const catalog::Job& job, const Status& outcome) {
                             answer_job(responder, style, job, outcome);
                           }));
  responder->set_deadline_reply(deadline_reply(style, std::move(id)));
  return ok_status();
}

}  // namespace vibrato::api
