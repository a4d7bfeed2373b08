#include "engine/offline_folder.hpp"

#include <algorithm>

#include "engine/snapshot_list.hpp"
#include "engine/state_swap.hpp"
#include "engine/witness.hpp"
#include "wal/log_copy.hpp"

namespace vibrato::engine {

Lsn highest_lsn(const std::vector<catalog::Snapshot>& snapshots) {
  Lsn highest;
  for (const catalog::Snapshot& snapshot : snapshots) {
    highest = std::max(highest, snapshot.lsn);
  }
  return highest;
}

OfflineFolder::OfflineFolder(const OfflineContext& context, const DatabaseOptions& options)
    : context_(context), options_(options), folder_(options.data_folder) {}

Result<std::unique_ptr<OfflineFolder>> OfflineFolder::open(const OfflineContext& context,
                                                           const DatabaseOptions& options, bool make) {
  std::unique_ptr<OfflineFolder> opened(new OfflineFolder(context, options));
  const DataFolder& folder = opened->folder_;
  VIBRATO_ASSIGN_OR_RETURN(opened->lock_, make ? folder.make_and_lock(context.fs) : folder.lock(context.fs));
  VIBRATO_RETURN_IF_ERROR(finish_swap(context.fs, folder));
  const Status found = context.fs.stat(folder.path(catalog::kCatalogFile)).status();
  if (!found.ok() && found.code() != ErrorCode::kNotFound) {
    return found;
  }
  opened->has_catalog_ = found.ok();
  return opened;
}

Result<KeptState> OfflineFolder::kept(const std::string& snapshot_folder) {
  KeptState kept;
  if (has_catalog_) {
    if (const Status done = keep_of_catalog(kept); !done.ok()) {
      return done.with_context("the keys in the folder's catalog cannot be kept (move " +
                               folder_.path(catalog::kCatalogFile) + " away to go on without them)");
    }
    if (context_.fs.stat(folder_.path(kPepperFile)).ok()) {
      kept.pepper_file = folder_.path(kPepperFile);
    }
  }
  VIBRATO_RETURN_IF_ERROR(keep_found_snapshots(snapshot_folder, kept));
  return kept;
}

Status OfflineFolder::keep_of_catalog(KeptState& kept) const {
  sqlite::Vfs vfs(context_.fs);
  VIBRATO_ASSIGN_OR_RETURN(const auto catalog, catalog::Catalog::open(vfs, folder_.root(), context_.clock));
  VIBRATO_ASSIGN_OR_RETURN(const auto witness, read_witness(context_.fs, folder_));
  if (witness.has_value()) {
    VIBRATO_ASSIGN_OR_RETURN(const catalog::StoreInfo info,
                             catalog->read([](const catalog::Tables& tables) { return tables.store.read(); }));
    VIBRATO_RETURN_IF_ERROR(check_catalog(*witness, info, folder_));
  }
  VIBRATO_ASSIGN_OR_RETURN(kept.keys, catalog::read_keys_and_audit(*catalog));
  VIBRATO_ASSIGN_OR_RETURN(kept.snapshots,
                           catalog->read([](const catalog::Tables& tables) { return tables.snapshots.all(); }));
  return ok_status();
}

// Without a log nobody knows whose the folders are: the server lists them when there is one.
Status OfflineFolder::keep_found_snapshots(const std::string& snapshot_folder, KeptState& kept) const {
  auto store = store_of_log(context_.fs, folder_.path(kLogFolder));
  if (!store.ok() && !snapshot_folder.empty()) {
    store = store_of_log(context_.fs, snapshot_folder + "/" + std::string(kLogFolder));
  }
  if (!store.ok()) {
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto found, find_snapshots(context_.fs, folder_, *store));
  for (const catalog::Snapshot& snapshot : found) {
    const bool is_listed = std::any_of(kept.snapshots.begin(), kept.snapshots.end(),
                                       [&](const catalog::Snapshot& listed) { return listed.name == snapshot.name; });
    if (!is_listed) {
      kept.snapshots.push_back(snapshot);
    }
  }
  return ok_status();
}

Lsn OfflineFolder::high_water() const {
  const auto extent = wal::log_extent(context_.fs, folder_.path(kLogFolder));
  return extent.ok() ? std::max(extent->high_water, extent->last) : Lsn();
}

Result<DataFolder> OfflineFolder::building_site() {
  VIBRATO_RETURN_IF_ERROR(context_.fs.create_directory(folder_.path(kTemporaryFolder)));
  VIBRATO_RETURN_IF_ERROR(folder_.clear_building_site(context_.fs));
  return DataFolder(folder_.building_site());
}

Result<std::string> OfflineFolder::take_over(const DataFolder& built) {
  const bool take_pepper = !has_catalog_ && !options_.pepper.has_value();
  VIBRATO_ASSIGN_OR_RETURN(std::string old_state,
                           swap_state(context_.fs, folder_, built, take_pepper, context_.clock.now_ms()));
  VIBRATO_RETURN_IF_ERROR(folder_.make_folders(context_.fs));
  if (const Status removed = remove_tree(context_.fs, built.root()); !removed.ok()) {
    context_.logger.warning("{} was not removed: {}", built.root(), removed.message());
  }
  return old_state;
}

}  // namespace vibrato::engine
