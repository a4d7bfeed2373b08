// What checkpoints and merges share.
//
// Locks, in this order: a checkpoint holds the checkpoint mutex from beginning to end, a merge the merge mutex; neither
// takes the other's. Both change the catalog and publish under commit_mutex, short: whoever holds it sees segments in
// the catalog and in the versions that are the same, and durable LSNs that are those of the catalog. Files are written
// before, without it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "base/logging.hpp"
#include "catalog/catalog.hpp"
#include "io/file_system.hpp"
#include "vector/maintenance.hpp"
#include "vector/segment_files.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::vector {

struct MaintenanceContext {
  MaintenanceContext(io::FileSystem& fs_in, catalog::Catalog& catalog_in, VectorModel& model_in, const Clock& clock_in,
                     const Logger& logger_in, MaintenanceOptions options_in)
      : fs(fs_in),
        catalog(catalog_in),
        model(model_in),
        clock(clock_in),
        logger(logger_in),
        options(std::move(options_in)),
        files(fs, catalog, options.data_folder, options.vector_access, options.removed_files) {}

  io::FileSystem& fs;
  catalog::Catalog& catalog;
  VectorModel& model;
  const Clock& clock;
  const Logger& logger;
  const MaintenanceOptions options;
  SegmentFiles files;

  std::mutex commit_mutex;  // Guards saved_deletes as well.
  // Up to which LSN the catalog has the deletes of a segment. What is not in it is as it was loaded.
  std::map<catalog::SegmentId, Lsn> saved_deletes;
};

// Files that were written and are not named by the catalog yet: unless they are kept, they go again.
class WrittenFiles {
 public:
  explicit WrittenFiles(SegmentFiles& files) : files_(files) {}
  ~WrittenFiles() {
    for (const std::string& file : names_) {
      files_.retire_file(file);
    }
    if (!names_.empty()) {
      static_cast<void>(files_.remove_unused());  // What fails now is tried again.
    }
  }
  WrittenFiles(const WrittenFiles&) = delete;
  WrittenFiles& operator=(const WrittenFiles&) = delete;

  // The name of a file that is about to be written.
  [[nodiscard]] Result<std::string> add(SegmentFileKind kind) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string name, files_.new_name(kind));
    names_.push_back(name);
    return name;
  }
  void keep() { names_.clear(); }

 private:
  SegmentFiles& files_;
  std::vector<std::string> names_;
};

// A commit of the catalog that names `written`. After an error the files go, unless the catalog takes no more writes:
// then a restart may find the commit.
[[nodiscard]] inline Status commit_files(catalog::Catalog& catalog, WrittenFiles& written,
                                         const std::function<Status(catalog::Tables&)>& body) {
  Status committed = catalog.write(body);
  if (committed.ok() || !catalog.check_writable().ok()) {
    written.keep();
  }
  return committed;
}

}  // namespace vibrato::vector
