#include "engine/data_folder.hpp"

#include <algorithm>
#include <vector>

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

}  // namespace

Result<std::unique_ptr<io::DirectoryLock>> DataFolder::make_and_lock(io::FileSystem& fs) const {
  if (fs.stat(root_).status().code() == ErrorCode::kNotFound) {
    VIBRATO_RETURN_IF_ERROR(fs.create_directory(root_));
  }
  // Also when it was there: its name may be from a start that crashed before this.
  VIBRATO_RETURN_IF_ERROR(fs.sync_directory(io::parent_of(root_)));
  return lock(fs);
}

Result<std::unique_ptr<io::DirectoryLock>> DataFolder::lock(io::FileSystem& fs) const {
  VIBRATO_RETURN_IF_ERROR(fs.stat(root_).status());
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
  if (const Status site = fs.stat(building_site()).status(); !site.ok()) {
    return site.code() == ErrorCode::kNotFound ? ok_status() : site;
  }
  const auto held = fs.lock_directory(building_site());
  if (held.status().code() == ErrorCode::kConflict) {
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(held.status());
  return remove_tree(fs, building_site());
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
