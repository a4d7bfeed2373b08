// Long admin work: one thread runs it, the catalog remembers it, whoever asked is told when it ends.
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

using JobDone = std::function<void(const catalog::Job&)>;

// Thread-safety: all methods may be called from many threads at once.
class Jobs {
 public:
  // The work answers its details (a JSON object). It looks at `stopping` now and then.
  using Work = std::function<Result<std::string>(const std::function<Status()>& keep_going)>;

  // Both outlive it. What a former process left running is marked as interrupted.
  Jobs(catalog::Catalog& catalog, const Clock& clock, const Logger& logger);
  ~Jobs();  // As stop().

  // Queues the work and answers the job's id ("chk_...", "cmp_...", "snap_..."). kOverloaded past a few waiting jobs.
  [[nodiscard]] Result<std::string> start(std::string_view kind, Work work, JobDone done);
  // Ends the running one early, fails the waiting ones. Idempotent.
  void stop();

  // Running ones first, then newest first.
  [[nodiscard]] Result<std::vector<catalog::Job>> list(std::uint32_t limit) const;
  [[nodiscard]] Result<std::optional<catalog::Job>> find(std::string_view id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::engine
