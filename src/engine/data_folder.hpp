// Names in a data folder, and its lock. The layout: docs/OPERATIONS.md.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"

namespace vibrato::engine {

inline constexpr std::string_view kLogFolder = "wal";
inline constexpr std::string_view kPepperFile = "pepper";
inline constexpr std::string_view kWitnessFile = "witness";
inline constexpr std::string_view kRestoreMarkerFile = "restore.json";
// Of the models beside the vectors.
inline constexpr std::string_view kStateFile = "state.db";
inline constexpr std::string_view kDocumentsFile = "docs.db";
inline constexpr std::string_view kSqlFile = "sql.db";
inline constexpr std::array<std::string_view, 3> kModelFiles = {kStateFile, kDocumentsFile, kSqlFile};
inline constexpr std::string_view kReserveFile = "reserve";
inline constexpr std::string_view kSnapshotsFolder = "snapshots";
inline constexpr std::string_view kQuarantineFolder = "quarantine";
inline constexpr std::string_view kTemporaryFolder = "tmp";

// Immutable. Requires: `root` is not empty.
class DataFolder {
 public:
  explicit DataFolder(std::string root) : root_(std::move(root)) {}

  [[nodiscard]] const std::string& root() const { return root_; }
  // `name` is one of the constants above, of the catalog or of the segment writer: nothing from outside.
  [[nodiscard]] std::string path(std::string_view name) const { return root_ + "/" + std::string(name); }

  // Makes the folder (its parent must be there) and locks it. Errors: kUnavailable while another process holds it,
  // kInvalidArgument for a snapshot, which is left as it is, kIoError, kDiskFull.
  [[nodiscard]] Result<std::unique_ptr<io::DirectoryLock>> make_and_lock(io::FileSystem& fs) const;
  // The same for a folder that must be there: kNotFound.
  [[nodiscard]] Result<std::unique_ptr<io::DirectoryLock>> lock(io::FileSystem& fs) const;
  // The folders inside, durably. Those that are there stay.
  [[nodiscard]] Status make_folders(io::FileSystem& fs) const;

  // Where operations on the folder build a state, and a snapshot is written before it has its name.
  [[nodiscard]] std::string building_site() const { return path(kTemporaryFolder) + "/restore"; }
  [[nodiscard]] std::string partial_snapshot(std::string_view name) const;
  // Removes both where a crash left them, and with them the space of the segments that they link to, and files beside
  // the catalog that were about to get their name. A building site that somebody holds stays, as does one that holds
  // what no building makes. Requires: the folder's lock is held.
  [[nodiscard]] Status remove_leftovers(io::FileSystem& fs) const;
  // Makes way for a new building site. Requires: the folder's lock is held.
  // Errors: kConflict naming what is there and not of our making, kIoError.
  [[nodiscard]] Status clear_building_site(io::FileSystem& fs) const;

 private:
  std::string root_;
};

// Checks that catalog and files of the models, of a database that was closed, are complete without journals, and makes
// them durable. Those that are not there are passed over, but the catalog. Errors: kIoError naming the file.
[[nodiscard]] Status finish_copies(io::FileSystem& fs, const DataFolder& folder);

// Removes everything in `folder` and the folder; ok if it is not there. Only for folders of our own making: symbolic
// links in it are removed, never followed.
[[nodiscard]] Status remove_tree(io::FileSystem& fs, const std::string& folder);

}  // namespace vibrato::engine
