// What the offline operations share: the folder, its lock, and what a new state must keep of the old one.
#pragma once

#include <memory>
#include <string>
#include <vibrato/result.hpp>

#include "engine/data_folder.hpp"
#include "engine/offline.hpp"
#include "engine/state_builder.hpp"

namespace vibrato::engine {

class OfflineFolder {
 public:
  // Locks it, and ends an interrupted restore. `make`: it need not be there.
  [[nodiscard]] static Result<std::unique_ptr<OfflineFolder>> open(const OfflineContext& context,
                                                                   const DatabaseOptions& options, bool make);

  [[nodiscard]] const DataFolder& folder() const { return folder_; }
  [[nodiscard]] bool has_catalog() const { return has_catalog_; }
  // Keys, audit and pepper of the folder, and its snapshots up to `lsn`: those behind it are of a past that will not
  // have been. Nothing of a folder without a catalog. Errors: those of the catalog, saying what to do about it.
  [[nodiscard]] Result<KeptState> kept(Lsn lsn);
  // Up to where LSNs were given out; 0 without a readable log.
  [[nodiscard]] Lsn high_water() const;
  // Where a state is built. Nothing is there.
  [[nodiscard]] Result<DataFolder> building_site();
  // Swaps the state in `built` in, and removes what it was built in. Answers where the old state is.
  [[nodiscard]] Result<std::string> take_over(const DataFolder& built);

 private:
  OfflineFolder(const OfflineContext& context, const DatabaseOptions& options);

  const OfflineContext& context_;
  const DatabaseOptions& options_;
  DataFolder folder_;
  std::unique_ptr<io::DirectoryLock> lock_;
  bool has_catalog_ = false;
};

}  // namespace vibrato::engine
