#include "engine/snapshot_list.hpp"

#include <algorithm>
#include <optional>

#include "engine/snapshot_check.hpp"
#include "io/safe_path.hpp"
#include "wal/state_file.hpp"

namespace vibrato::engine {
namespace {

// Nothing unless it is a whole snapshot of the store.
std::optional<catalog::Snapshot> look_at(io::FileSystem& fs, const DataFolder& folder, const std::string& name,
                                         const format::StoreId& store) {
  catalog::Snapshot snapshot;
  snapshot.name = name;
  snapshot.folder = std::string(kSnapshotsFolder) + "/" + name;
  const std::string path = folder.path(snapshot.folder);
  const auto manifest = check_snapshot_files(fs, path);
  if (!manifest.ok() || manifest->name != name) {
    return std::nullopt;
  }
  const auto found = store_of_log(fs, path + "/" + std::string(kLogFolder));
  if (!found.ok() || *found != store) {
    return std::nullopt;
  }
  snapshot.lsn = manifest->lsn;
  snapshot.created_at_ms = manifest->created_at_ms;
  for (const format::ManifestFile& file : manifest->files) {
    snapshot.bytes += file.bytes;
  }
  return snapshot;
}

}  // namespace

Result<format::StoreId> store_of_log(io::FileSystem& fs, const std::string& log_folder) {
  VIBRATO_ASSIGN_OR_RETURN(const auto state, wal::read_state_file(fs, log_folder));
  if (!state.has_value()) {
    return not_found("there is no log in " + log_folder);
  }
  return state->store_id;
}

Result<std::vector<catalog::Snapshot>> find_snapshots(io::FileSystem& fs, const DataFolder& folder,
                                                      const format::StoreId& store) {
  std::vector<catalog::Snapshot> found;
  const auto entries = fs.list_directory(folder.path(kSnapshotsFolder));
  if (entries.status().code() == ErrorCode::kNotFound) {
    return found;
  }
  VIBRATO_RETURN_IF_ERROR(entries.status());
  for (const io::FileInfo& entry : *entries) {
    if (!entry.is_directory || !io::is_safe_name(entry.name)) {
      continue;
    }
    if (auto snapshot = look_at(fs, folder, entry.name, store); snapshot.has_value()) {
      found.push_back(std::move(*snapshot));
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return found;
}

// A commit that failed may have happened all the same, and an operator may remove a snapshot.
Status forget_missing_snapshots(io::FileSystem& fs, const DataFolder& folder, catalog::Catalog& catalog) {
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<catalog::Snapshot> listed,
                           catalog.read([](const catalog::Tables& tables) { return tables.snapshots.all(); }));
  for (const catalog::Snapshot& snapshot : listed) {
    if (fs.stat(folder.path(snapshot.folder)).status().code() == ErrorCode::kNotFound) {
      VIBRATO_RETURN_IF_ERROR(
          catalog.write([&](catalog::Tables& tables) { return tables.snapshots.remove(snapshot.name); }));
    }
  }
  return ok_status();
}

Result<std::vector<std::string>> list_found_snapshots(io::FileSystem& fs, const DataFolder& folder,
                                                      catalog::Catalog& catalog) {
  std::vector<std::string> names;
  const auto store = store_of_log(fs, folder.path(kLogFolder));
  if (store.status().code() == ErrorCode::kNotFound) {
    return names;
  }
  VIBRATO_RETURN_IF_ERROR(store.status());
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<catalog::Snapshot> found, find_snapshots(fs, folder, *store));
  for (const catalog::Snapshot& snapshot : found) {
    const auto listed =
        catalog.read([&](const catalog::Tables& tables) { return tables.snapshots.find(snapshot.name); });
    VIBRATO_RETURN_IF_ERROR(listed.status());
    if (!listed->has_value()) {
      VIBRATO_RETURN_IF_ERROR(
          catalog.write([&](catalog::Tables& tables) { return tables.snapshots.insert(snapshot); }));
      names.push_back(snapshot.name);
    }
  }
  return names;
}

}  // namespace vibrato::engine
