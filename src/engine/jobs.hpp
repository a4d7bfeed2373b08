// Long admin work: one thread runs it, the catalog remembers it, whoever asked is told when it ends.
//
// Invariant: a job that start() gave an id for ends exactly once: it is marked as completed, failed or interrupted, and
// then its `done` is called. At most one job of a kind waits or runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "base/logging.hpp"
#include "catalog/catalog.hpp"

namespace vibrato::engine {

// Called on the thread of the jobs (or on that of stop()), once the catalog says how the job ended: with the status of
// its work, whose message is the job's error. May be empty.
using JobDone = std::function<void(const catalog::Job& job, const Status& outcome)>;

// Thread-safety: all methods may be called from many threads at once; stop() not from the work or the `done` of a job.
class Jobs {
 public:
  // Not ok, kUnavailable, once the work should end early.
  using KeepGoing = std::function<Status()>;
  // The work answers its details (a JSON object). It asks `keep_going` now and then, and passes its error on.
  using Work = std::function<Result<std::string>(const KeepGoing& keep_going)>;

  // All three outlive it. What a former process left running is marked as interrupted.
  Jobs(catalog::Catalog& catalog, const Clock& clock, const Logger& logger);
  ~Jobs();  // As stop().
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // Queues the work and answers the job's id: "chk_...", "cmp_...", "opt_..." or "snap_..." for the kinds "checkpoint",
  // "compact", "optimize" and "snapshot", else "job_...".
  // Errors: kConflict while a job of that kind waits or runs, naming it; kUnavailable once stopped; the catalog's.
  [[nodiscard]] Result<std::string> start(std::string_view kind, Work work, JobDone done);
  // Ends the running one early and interrupts the waiting ones. Idempotent.
  void stop();

  // At most `limit`; those that wait or run first, then newest first.
  [[nodiscard]] Result<std::vector<catalog::Job>> list(std::uint32_t limit) const;
  [[nodiscard]] Result<std::optional<catalog::Job>> find(std::string_view id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::engine
