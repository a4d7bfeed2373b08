#include "api/job_call.hpp"

#include <utility>

namespace vibrato::api {
namespace {

Status to_status(const catalog::Job& job) {
  switch (job.state) {
    case catalog::JobState::kRunning:
    case catalog::JobState::kCompleted:
      return ok_status();
    case catalog::JobState::kInterrupted:
      return unavailable("job " + job.id + " was interrupted: " + job.error.value_or("the server stops"));
    case catalog::JobState::kFailed:
      break;
  }
  return {ErrorCode::kInternal, "job " + job.id + " failed: " + job.error.value_or("no reason is known")};
}

void point_to_job(const std::string& id, Reply& reply) {
  reply.headers.emplace_back("Location", "/v1/admin/jobs/" + id);
}

void answer_job(const ResponderPtr& responder, const JobStyle& style, const catalog::Job& job) {
  Reply reply;
  point_to_job(job.id, reply);
  const Status status = to_status(job);
  if (status.ok()) {
    style.write(job, reply);
  } else {
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
  VIBRATO_ASSIGN_OR_RETURN(std::string id,
                           start([responder, style](const catalog::Job& job) { answer_job(responder, style, job); }));
  responder->set_deadline_reply(deadline_reply(style, std::move(id)));
  return ok_status();
}

}  // namespace vibrato::api
