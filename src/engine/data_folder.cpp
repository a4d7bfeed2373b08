#include "engine/data_folder.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "catalog/catalog.hpp"
#include "catalog/copy_edit.hpp"
#include "engine/snapshot_check.hpp"
#include "io/atomic_file.hpp"
#include "io/safe_path.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::engine {
namespace {

constexpr std::string_view kPartialSuffix = ".partial";

Status remove_unnamed(io::FileSystem& fs, const DataFolder& folder) {
  for (const std::string_view name : {kPepperFile, kWitnessFile, kRestoreMarkerFile}) {
    const std::string path = folder.path(name) + std::string(io::kTemporarySuffix);
    const auto info = fs.stat(path);
    if (info.ok() && info->is_regular) {
      VIBRATO_RETURN_IF_ERROR(fs.remove_file(path));
    }
  }
  return ok_status();
}

// What building a state and opening it make at the top of the site.
constexpr std::array<std::string_view, 5> kSiteFolders = {kLogFolder, vector::kSegmentsFolder, kSnapshotsFolder,
                                                          kQuarantineFolder, kTemporaryFolder};
constexpr std::string_view kLockFile = "LOCK";  // That of FileSystem::lock_directory.
constexpr std::array<std::string_view, 16> kSiteFiles = {kLockFile,         catalog::kCatalogFile,
                                                         "catalog.db-wal",  "catalog.db-journal",
                                                         kPepperFile,       kWitnessFile,
                                                         kReserveFile,      kStateFile,
                                                         "state.db-wal",    "state.db-journal",
                                                         kDocumentsFile,    "docs.db-wal",
                                                         "docs.db-journal", kSqlFile,
                                                         "sql.db-wal",      "sql.db-journal"};

bool is_of_a_site(const io::FileInfo& entry) {
  std::string_view name = entry.name;
  if (entry.is_directory) {
    return std::find(kSiteFolders.begin(), kSiteFolders.end(), name) != kSiteFolders.end();
  }
  if (name.ends_with(io::kTemporarySuffix)) {
    name.remove_suffix(io::kTemporarySuffix.size());
  }
  return entry.is_regular && std::find(kSiteFiles.begin(), kSiteFiles.end(), name) != kSiteFiles.end();
}

// ok for a site of our making, or none.
Status check_site(io::FileSystem& fs, const std::string& site) {
  const auto info = fs.stat(site);
  if (!info.ok()) {
    return info.status().code() == ErrorCode::kNotFound ? ok_status() : info.status();
  }
  const Status foreign(ErrorCode::kConflict, "is not what an operation on the folder makes; move it away");
  if (!info->is_directory) {
    return foreign.with_context(site);
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto entries, fs.list_directory(site));
  const auto found = std::find_if_not(entries.begin(), entries.end(), is_of_a_site);
  return found == entries.end() ? ok_status() : foreign.with_context(site + "/" + found->name);
}

// Whether the folder is a snapshot. One whose manifest does not read is still one: a data folder has a lock file.
Result<bool> is_snapshot(io::FileSystem& fs, const std::string& root) {
  const auto info = fs.stat(root + "/" + std::string(format::kManifestFile));
  if (info.status().code() == ErrorCode::kNotFound || (info.ok() && !info->is_regular)) {
    return false;
  }
  VIBRATO_RETURN_IF_ERROR(info.status());
  const Status read = read_manifest(fs, root).status();
  // kInvalidArgument: of a newer version.
  if (read.code() != ErrorCode::kCorruption) {
    return read.ok() || read.code() == ErrorCode::kInvalidArgument ? Result<bool>(true) : read;
  }
  const bool has_catalog = fs.stat(root + "/" + std::string(catalog::kCatalogFile)).ok();
  return has_catalog && fs.stat(root + "/" + std::string(kLockFile)).status().code() == ErrorCode::kNotFound;
}

// Before anything is touched, the lock file included: a snapshot holds what its manifest names, and nothing else.
Status refuse_snapshot(io::FileSystem& fs, const std::string& root) {
  VIBRATO_ASSIGN_OR_RETURN(const bool is_one, is_snapshot(fs, root));
  return is_one ? invalid_argument(root + " is a snapshot (it has a " + std::string(format::kManifestFile) +
                                   "), not a data folder, and stays as it is: bring it back with snapshot-restore")
                : ok_status();
}

}  // namespace

Result<std::unique_ptr<io::DirectoryLock>> DataFolder::make_and_lock(io::FileSystem& fs) const {
  VIBRATO_RETURN_IF_ERROR(refuse_snapshot(fs, root_));
  if (fs.stat(root_).status().code() == ErrorCode::kNotFound) {
    VIBRATO_RETURN_IF_ERROR(fs.create_directory(root_));
  }
  // Also when it was there: its name may be from a start that crashed before this.
  VIBRATO_RETURN_IF_ERROR(fs.sync_directory(io::parent_of(root_)));
  return lock(fs);
}

Result<std::unique_ptr<io::DirectoryLock>> DataFolder::lock(io::FileSystem& fs) const {
  VIBRATO_RETURN_IF_ERROR(fs.stat(root_).status());
  VIBRATO_RETURN_IF_ERROR(refuse_snapshot(fs, root_));
  auto lock = fs.lock_directory(root_);
  if (lock.status().code() == ErrorCode::kConflict) {
    return unavailable("another process holds the data folder " + root_ +
                       "; stop it, or ask it with --server URL --key KEY");
  }
  return lock;
}

Status DataFolder::make_folders(io::FileSystem& fs) const {
  for (const std::string_view name : {vector::kSegmentsFolder, kSnapshotsFolder, kQuarantineFolder, kTemporaryFolder}) {
    VIBRATO_RETURN_IF_ERROR(fs.create_directory(path(name)));
  }
  return fs.sync_directory(root_);
}

std::string DataFolder::partial_snapshot(std::string_view name) const {
  return path(kSnapshotsFolder) + "/." + std::string(name) + std::string(kPartialSuffix);
}

Status DataFolder::remove_leftovers(io::FileSystem& fs) const {
  VIBRATO_RETURN_IF_ERROR(remove_unnamed(fs, *this));
  VIBRATO_ASSIGN_OR_RETURN(const auto entries, fs.list_directory(path(kSnapshotsFolder)));
  for (const io::FileInfo& entry : entries) {
    const std::string_view name = entry.name;
    const bool is_partial =
        entry.is_directory && name.starts_with('.') && name.ends_with(kPartialSuffix) &&
        io::is_safe_name(name.substr(1, std::max(name.size(), kPartialSuffix.size() + 1) - kPartialSuffix.size() - 1));
    if (is_partial) {
      VIBRATO_RETURN_IF_ERROR(remove_tree(fs, path(kSnapshotsFolder) + "/" + entry.name));
    }
  }
  const Status ours = check_site(fs, building_site());
  if (!ours.ok()) {
    return ours.code() == ErrorCode::kConflict ? ok_status() : ours;
  }
  if (fs.stat(building_site()).status().code() == ErrorCode::kNotFound) {
    return ok_status();
  }
  const auto held = fs.lock_directory(building_site());
  if (held.status().code() == ErrorCode::kConflict) {
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(held.status());
  return remove_tree(fs, building_site());
}

Status DataFolder::clear_building_site(io::FileSystem& fs) const {
  VIBRATO_RETURN_IF_ERROR(check_site(fs, building_site()));
  return remove_tree(fs, building_site());
}

Status finish_copies(io::FileSystem& fs, const DataFolder& folder) {
  VIBRATO_RETURN_IF_ERROR(catalog::finish_copy(fs, folder.path(catalog::kCatalogFile)));
  for (const std::string_view name : kModelFiles) {
    const Status found = fs.stat(folder.path(name)).status();
    if (found.code() == ErrorCode::kNotFound) {
      continue;
    }
    VIBRATO_RETURN_IF_ERROR(found);
    VIBRATO_RETURN_IF_ERROR(catalog::finish_copy(fs, folder.path(name)));
  }
  return ok_status();
}

Status remove_tree(io::FileSystem& fs, const std::string& folder) {
  const auto entries = fs.list_directory(folder);
  if (!entries.ok()) {
    return entries.status().code() == ErrorCode::kNotFound ? ok_status() : entries.status();
  }
  for (const io::FileInfo& entry : *entries) {
    const std::string path = folder + "/" + entry.name;
    VIBRATO_RETURN_IF_ERROR(entry.is_directory ? remove_tree(fs, path) : fs.remove_file(path));
  }
  return fs.remove_directory(folder);
}

}  // namespace vibrato::engine
