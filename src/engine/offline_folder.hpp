// What the offline operations share: the folder, its lock, and what a new state must keep of the old one.
#pragma once

#include <memory>
#include <string>
#include <vibrato/result.hpp>

#include "engine/data_folder.hpp"
#include "engine/offline.hpp"
#include "engine/state_builder.hpp"

namespace vibrato::engine {

// 0 without any. A snapshot may be of a past that was undone: its LSNs are not given again either.
[[nodiscard]] Lsn highest_lsn(const std::vector<catalog::Snapshot>& snapshots);

class OfflineFolder {
 public:
  // Locks it, and ends an interrupted restore. `make`: it need not be there.
  [[nodiscard]] static Result<std::unique_ptr<OfflineFolder>> open(const OfflineContext& context,
                                                                   const DatabaseOptions& options, bool make);

  [[nodiscard]] const DataFolder& folder() const { return folder_; }
  [[nodiscard]] bool has_catalog() const { return has_catalog_; }
  // Keys, audit and pepper of the folder, none of a folder without a catalog, and all its snapshots, listed or not.
  // `snapshot_folder`: what the log is taken from, if there is none in the folder; may be empty.
  // Errors: those of the catalog, saying what to do about it.
  [[nodiscard]] Result<KeptState> kept(const std::string& snapshot_folder);
  // Up to where LSNs were given out; 0 without a readable log.
  [[nodiscard]] Lsn high_water() const;
  // Where a state is built. Nothing is there.
  [[nodiscard]] Result<DataFolder> building_site();
  // Swaps the state in `built` in, and removes what it was built in. Answers where the old state is.
  [[nodiscard]] Result<std::string> take_over(const DataFolder& built);

 private:
  OfflineFolder(const OfflineContext& context, const DatabaseOptions& options);

  [[nodiscard]] Status keep_of_catalog(KeptState& kept) const;
  [[nodiscard]] Status keep_found_snapshots(const std::string& snapshot_folder, KeptState& kept) const;

  const OfflineContext& context_;
  const DatabaseOptions& options_;
  DataFolder folder_;
  std::unique_ptr<io::DirectoryLock> lock_;
  bool has_catalog_ = false;
};

}  // namespace vibrato::engine
