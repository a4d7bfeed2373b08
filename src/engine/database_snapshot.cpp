// Snapshots of a running database. Which LSN a snapshot has is settled before start_snapshot() answers; the rest is a
// job, while reads and writes go on.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/database_impl.hpp"
#include "engine/snapshot_capture.hpp"
#include "engine/snapshot_writer.hpp"
#include "io/safe_path.hpp"

namespace vibrato::engine {
namespace {

// A captured state, and what keeps its log.
struct HeldCapture {
  SnapshotCapture capture;
  std::unique_ptr<LogRetention::Hold> hold;
};

Result<std::shared_ptr<HeldCapture>> capture_and_hold(Database::Impl& database) {
  auto held = std::make_shared<HeldCapture>();
  const LogRetention::Hold all(*database.retention, Lsn());
  VIBRATO_ASSIGN_OR_RETURN(held->capture,
                           capture(*database.model, *database.idempotency, *database.catalog, database.visible));
  held->hold = std::make_unique<LogRetention::Hold>(*database.retention, held->capture.log_after);
  return held;
}

}  // namespace

Result<std::string> Database::Impl::start_snapshot(const std::string& name, JobDone done) {
  VIBRATO_RETURN_IF_ERROR(check_readable());
  if (state == State::kReadOnly) {
    return unavailable("the database is read-only: " + log_damage.message());
  }
  if (!name.empty()) {
    VIBRATO_RETURN_IF_ERROR(io::check_name(name));
    VIBRATO_ASSIGN_OR_RETURN(const auto present, catalog->read([&name](const catalog::Tables& tables) {
      return tables.snapshots.find(name);
    }));
    if (present.has_value()) {
      return Status(ErrorCode::kAlreadyExists, "there is a snapshot " + name + " already");
    }
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::shared_ptr<HeldCapture> held, capture_and_hold(*this));
  const std::string given = name.empty() ? fmt::format("snap_{}_{}", clock.now_ms(), held->capture.lsn.value()) : name;
  return job_runner->start(
      "snapshot",
      [this, held, given](const Jobs::KeepGoing& keep_going) -> Result<std::string> {
        const SnapshotWriter::Parts parts = {fs, vfs, *catalog, clock, folder, keep_going};
        VIBRATO_ASSIGN_OR_RETURN(const SnapshotReport report, SnapshotWriter(parts, given, held->capture).run());
        return nlohmann::json{{"snapshot", report.name},
                              {"folder", report.folder},
                              {"lsn", report.lsn.value()},
                              {"segments", report.segments},
                              {"bytes", report.bytes}}
            .dump();
      },
      std::move(done));
}

}  // namespace vibrato::engine
