// Restoring a snapshot, and the whole store as of an LSN: verify everything -> build beside -> open what was built ->
// one swap -> the old state lies aside.
#include <algorithm>
#include <fmt/format.h>

#include "engine/database.hpp"
#include "engine/offline.hpp"
#include "engine/offline_folder.hpp"
#include "engine/replay_plan.hpp"
#include "engine/snapshot_check.hpp"
#include "engine/state_builder.hpp"

namespace vibrato::engine {
namespace {

// Whether nobody but the holder of the data folder changes the files in `path`.
bool is_own_snapshot(const DataFolder& folder, const std::string& path) {
  return path.starts_with(folder.path(kSnapshotsFolder) + "/") && path.find("/..") == std::string::npos;
}

// A restore moves and removes what is in the data folder: a snapshot that is it, holds it, or lies in it among what
// changes would be spoilt. Symbolic links are resolved already.
Status check_apart(const DataFolder& folder, const std::string& snapshot) {
  const auto is_in = [](const std::string& inner, const std::string& outer) {
    return inner == outer || inner.starts_with(outer.ends_with('/') ? outer : outer + "/");
  };
  const bool is_inside = is_in(snapshot, folder.root()) && !is_own_snapshot(folder, snapshot);
  if (!is_inside && !is_in(folder.root(), snapshot)) {
    return ok_status();
  }
  return invalid_argument(snapshot + ": expected a snapshot in " + folder.path(kSnapshotsFolder) +
                          " or apart from the data folder " + folder.root() + ", found one in its way");
}

}  // namespace

Result<SnapshotReport> create_snapshot(const OfflineContext& context, const DatabaseOptions& options,
                                       const std::string& name) {
  VIBRATO_RETURN_IF_ERROR(context.fs.stat(options.data_folder).status());
  MetricsRegistry metrics;
  DatabaseOptions quiet = options;
  quiet.background_threads = 0;
  VIBRATO_ASSIGN_OR_RETURN(const auto database,
                           Database::open(context.fs, quiet, context.clock, context.logger, metrics));
  VIBRATO_RETURN_IF_ERROR(database->start());
  auto report = database->snapshot_now(name);
  database->stop();
  return report;
}

Result<RestoreReport> restore_snapshot(const OfflineContext& context, const DatabaseOptions& options,
                                       const std::string& snapshot_folder) {
  VIBRATO_RETURN_IF_ERROR(read_manifest(context.fs, snapshot_folder).status());
  VIBRATO_RETURN_IF_ERROR(check_apart(DataFolder(options.data_folder), snapshot_folder));
  VIBRATO_ASSIGN_OR_RETURN(const format::SnapshotManifest manifest,
                           check_snapshot(context.fs, snapshot_folder, context.progress));
  VIBRATO_ASSIGN_OR_RETURN(const auto data, OfflineFolder::open(context, options, true));
  VIBRATO_ASSIGN_OR_RETURN(const KeptState kept, data->kept(snapshot_folder));
  VIBRATO_ASSIGN_OR_RETURN(const DataFolder site, data->building_site());
  StateSource source;
  source.snapshot_folder = snapshot_folder;
  source.may_link = is_own_snapshot(data->folder(), snapshot_folder);
  source.logs.push_back(snapshot_folder + "/" + std::string(kLogFolder));
  source.up_to = manifest.lsn;
  source.high_water = std::max({manifest.lsn, data->high_water(), highest_lsn(kept.snapshots)});
  VIBRATO_ASSIGN_OR_RETURN(const BuiltState built, build_state(context, options, site, source, kept));
  if (built.lsn != manifest.lsn) {
    static_cast<void>(remove_tree(context.fs, site.root()));
    return corruption(fmt::format("{}: LSN: expected {} as in the manifest, found {}", snapshot_folder,
                                  manifest.lsn.value(), built.lsn.value()));
  }
  RestoreReport report;
  report.lsn = built.lsn;
  report.end = built.lsn;
  report.collections = built.collections;
  VIBRATO_ASSIGN_OR_RETURN(report.old_state, data->take_over(site));
  return report;
}

Result<RestoreReport> replay_to_lsn(const OfflineContext& context, const DatabaseOptions& options, Lsn target,
                                    const std::string& collection) {
  if (!collection.empty()) {
    return replay_collection(context, options, target, collection);
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto data, OfflineFolder::open(context, options, false));
  VIBRATO_ASSIGN_OR_RETURN(const KeptState kept, data->kept(""));
  VIBRATO_ASSIGN_OR_RETURN(const DataFolder site, data->building_site());
  VIBRATO_ASSIGN_OR_RETURN(const BuiltState built, build_at(context, options, *data, site, kept, target));
  RestoreReport report;
  report.lsn = built.lsn;
  report.end = built.lsn;
  report.collections = built.collections;
  VIBRATO_ASSIGN_OR_RETURN(report.old_state, data->take_over(site));
  return report;
}

}  // namespace vibrato::engine
