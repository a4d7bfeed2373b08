// Reads and writes of a running database, and the jobs that make it work.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/database_impl.hpp"

namespace vibrato::engine {
namespace {

// What a full disk stops is tried once more in the space of the reserve.
template <typename Work>
auto with_reserve(DiskSpace& disk, const Work& work) {
  auto done = work();
  return done.status().code() == ErrorCode::kDiskFull && disk.report_full() ? work() : std::move(done);
}

}  // namespace

Status Database::Impl::check_readable() const {
  switch (state.load()) {
    case State::kRunning:
    case State::kReadOnly:
      return ok_status();
    case State::kStopped:
      return unavailable("the server stops");
    case State::kOpened:
    case State::kRecovering:
      break;
  }
  return unavailable(fmt::format("replaying the log: {:.0f} %", 100 * replay_progress.load()));
}

Status Database::Impl::check_writable() const {
  VIBRATO_RETURN_IF_ERROR(check_readable());
  if (state == State::kReadOnly) {
    return unavailable("the database is read-only: " + log_damage.message());
  }
  return fs.check();
}

Status Database::Impl::submit(std::unique_ptr<commit::Write> write, Kind kind, const vector::Collection* collection,
                              commit::Durability durability, commit::Completion done) {
  VIBRATO_RETURN_IF_ERROR(check_writable());
  VIBRATO_RETURN_IF_ERROR(check_budgets(kind, [&] { return budgets->check(collection, write->bytes()); }));
  return queue(std::move(write), durability, std::move(done));
}

Status Database::Impl::submit_to_all(std::unique_ptr<commit::Write> write, Kind kind,
                                     std::span<const vector::CollectionPtr> collections, commit::Durability durability,
                                     commit::Completion done) {
  VIBRATO_RETURN_IF_ERROR(check_writable());
  VIBRATO_RETURN_IF_ERROR(check_budgets(kind, [&] { return budgets->check_all(collections, write->bytes()); }));
  return queue(std::move(write), durability, std::move(done));
}

Status Database::Impl::queue(std::unique_ptr<commit::Write> write, commit::Durability durability,
                             commit::Completion done) {
  const std::uint64_t bytes = write->bytes();
  budgets->add_queued(bytes);
  Status submitted = sequencer->submit(std::move(write), durability,
                                       [this, bytes, then = std::move(done)](Result<commit::Committed> result) {
                                         budgets->remove_queued(bytes);
                                         if (result.status().code() == ErrorCode::kDiskFull) {
                                           disk.report_full();
                                         }
                                         then(std::move(result));
                                       });
  if (!submitted.ok()) {
    budgets->remove_queued(bytes);
  }
  return submitted;
}

Status Database::Impl::check_budgets(Kind kind, const std::function<Status()>& check) {
  if (kind != Kind::kPut) {
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(disk.check());
  Status room = check();
  if (!room.ok()) {
    background->wake_indexing();
    background->wake_saving_if_due();
  }
  return room;
}

Result<std::string> Database::Impl::start_checkpoint(JobDone done) {
  VIBRATO_RETURN_IF_ERROR(check_writable());
  const Lsn up_to = visible.get();
  return job_runner->start(
      "checkpoint",
      [this, up_to](const Jobs::KeepGoing& keep_going) -> Result<std::string> {
        const Background::Running running(background->checkpoints_running());
        const auto save = [&] { return maintenance->checkpoint(up_to, keep_going); };
        VIBRATO_ASSIGN_OR_RETURN(const auto report, with_reserve(disk, save));
        background->note_checkpoint(report);
        VIBRATO_RETURN_IF_ERROR(files->save(up_to));
        if (const Status trimmed = retention->trim(disk.is_full()); !trimmed.ok()) {
          logger.warning("the log was not trimmed: {}", trimmed.message());
        }
        return nlohmann::json{{"collections", report.collections},
                              {"segments", report.segments},
                              {"rows", report.rows},
                              {"start_lsn", report.first_lsn.value()},
                              {"end_lsn", report.last_lsn.value()}}
            .dump();
      },
      std::move(done));
}

Result<std::string> Database::Impl::start_compaction(const std::optional<std::string>& name, JobDone done) {
  VIBRATO_RETURN_IF_ERROR(check_writable());
  vector::CollectionPtr collection;
  if (name.has_value()) {
    VIBRATO_ASSIGN_OR_RETURN(collection, model->find(*name));
  }
  return job_runner->start(
      "compact", [this, collection](const Jobs::KeepGoing& keep_going) { return run_merges(collection, keep_going); },
      std::move(done));
}

// Whatever is due; with `collection`, until it has the fewest segments. Answers the details of the job.
Result<std::string> Database::Impl::run_merges(const vector::CollectionPtr& collection,
                                               const Jobs::KeepGoing& keep_going) {
  const Background::Running running(background->compactions_running());
  nlohmann::json merges = nlohmann::json::array();
  while (true) {
    const auto merge = [&] {
      return collection == nullptr ? maintenance->compact_due(keep_going)
                                   : maintenance->compact(collection, keep_going);
    };
    VIBRATO_ASSIGN_OR_RETURN(const auto report, with_reserve(disk, merge));
    if (report.inputs.empty()) {
      break;
    }
    background->note_compaction(report);
    merges.push_back({{"inputs", report.inputs},
                      {"output", report.output},
                      {"level", report.level},
                      {"rows", report.rows},
                      {"archived", report.archived}});
  }
  VIBRATO_RETURN_IF_ERROR(maintenance->remove_unused());
  return nlohmann::json{{"merges", std::move(merges)}}.dump();
}

Result<std::string> Database::Impl::start_optimization(const std::string& name, JobDone done) {
  VIBRATO_RETURN_IF_ERROR(check_writable());
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, model->find(name));
  VIBRATO_RETURN_IF_ERROR(collection->check_writable());
  return job_runner->start(
      "optimize",
      [this, collection](const Jobs::KeepGoing& keep_going) -> Result<std::string> {
        {
          const Background::Running running(background->checkpoints_running());
          const auto save = [&] { return maintenance->save(collection, keep_going); };
          VIBRATO_ASSIGN_OR_RETURN(const auto report, with_reserve(disk, save));
          background->note_checkpoint(report);
        }
        return run_merges(collection, keep_going);
      },
      std::move(done));
}

Status Database::Impl::settle_now(const vector::CollectionPtr& collection, bool merge) {
  VIBRATO_RETURN_IF_ERROR(check_writable());
  VIBRATO_RETURN_IF_ERROR(maintenance->checkpoint(visible.get(), {}).status());
  VIBRATO_RETURN_IF_ERROR(files->save(visible.get()));
  while (merge) {
    VIBRATO_ASSIGN_OR_RETURN(const auto report, maintenance->compact(collection, {}));
    merge = !report.inputs.empty();
  }
  return maintenance->remove_unused();
}

}  // namespace vibrato::engine
