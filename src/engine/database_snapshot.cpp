// Snapshots of a running database. Which LSN a snapshot has is settled before start_snapshot() answers; the rest is a
// job, while reads and writes go on.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/database_impl.hpp"
#include "engine/snapshot_capture.hpp"
#include "io/safe_path.hpp"

namespace vibrato::engine {

// A captured state, and what keeps its log.
struct Database::Impl::HeldCapture {
  std::string name;
  SnapshotCapture capture;
  std::unique_ptr<LogRetention::Hold> hold;
};

Result<std::shared_ptr<Database::Impl::HeldCapture>> Database::Impl::begin_snapshot(const std::string& name,
                                                                                    bool may_wait) {
  VIBRATO_RETURN_IF_ERROR(check_writable());
  if (!name.empty()) {
    VIBRATO_RETURN_IF_ERROR(io::check_name(name));
    VIBRATO_ASSIGN_OR_RETURN(const auto present, catalog->read([&name](const catalog::Tables& tables) {
      return tables.snapshots.find(name);
    }));
    // Also a folder that the catalog does not list, which somebody copied there.
    const Status folder_found = fs.stat(folder.path(kSnapshotsFolder) + "/" + name).status();
    if (!folder_found.ok() && folder_found.code() != ErrorCode::kNotFound) {
      return folder_found;
    }
    if (present.has_value() || folder_found.ok()) {
      return Status(ErrorCode::kAlreadyExists, "there is a snapshot " + name + " already");
    }
  }
  auto held = std::make_shared<HeldCapture>();
  const LogRetention::Hold all(*retention, Lsn());
  const auto save_imports = [&](const vector::CollectionPtr& collection) -> Status {
    return may_wait ? maintenance->save(collection, {}).status()
                    : unavailable("an import into collection " + collection->identity().name +
                                  " is being made known to the catalog; try again in a moment");
  };
  VIBRATO_ASSIGN_OR_RETURN(held->capture, capture(*model, *files, *idempotency, *catalog, visible, save_imports));
  held->hold = std::make_unique<LogRetention::Hold>(*retention, held->capture.log_after);
  held->name = name.empty() ? fmt::format("snap_{}_{}", clock.now_ms(), held->capture.lsn.value()) : name;
  return held;
}

Result<SnapshotReport> Database::Impl::write_snapshot(HeldCapture& held, const Jobs::KeepGoing& keep_going) {
  const SnapshotWriter::Parts parts = {fs, vfs, *catalog, clock, folder, keep_going};
  return SnapshotWriter(parts, held.name, held.capture).run();
}

Result<std::string> Database::Impl::start_snapshot(const std::string& name, JobDone done) {
  VIBRATO_ASSIGN_OR_RETURN(const std::shared_ptr<HeldCapture> held,
                           begin_snapshot(name, options.background_threads == 0));
  return job_runner->start(
      "snapshot",
      [this, held](const Jobs::KeepGoing& keep_going) -> Result<std::string> {
        VIBRATO_ASSIGN_OR_RETURN(const SnapshotReport report, write_snapshot(*held, keep_going));
        return nlohmann::json{{"snapshot", report.name},
                              {"folder", report.folder},
                              {"lsn", report.lsn.value()},
                              {"segments", report.segments},
                              {"bytes", report.bytes}}
            .dump();
      },
      std::move(done));
}

Result<SnapshotReport> Database::Impl::snapshot_now(const std::string& name) {
  VIBRATO_ASSIGN_OR_RETURN(const std::shared_ptr<HeldCapture> held, begin_snapshot(name, true));
  return write_snapshot(*held, [] { return ok_status(); });
}

}  // namespace vibrato::engine
