// How a route starts a job and waits for it. For the routes of this folder.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "api/responder.hpp"
#include "catalog/jobs_table.hpp"
#include "engine/jobs.hpp"

namespace vibrato::api {

// How a surface answers.
struct JobStyle {
  void (*write)(const catalog::Job& job, Reply& reply) = nullptr;
  std::string_view code_of_failure = {};  // In place of "internal"; static storage.
};

using StartJob = std::function<Result<std::string>(engine::JobDone done)>;

// Starts the job; answers 200 once it is completed, its error if it failed, and 202 with its id at the deadline of the
// request. Errors: those of `start`.
[[nodiscard]] Status run_job(const ResponderPtr& responder, const JobStyle& style, const StartJob& start);

}  // namespace vibrato::api
