// Writes a captured state as a snapshot: a folder below `snapshots/` that says all by itself what it holds.
//
// Order, each arrow a barrier: the files, each synced -> their folders -> the manifest -> the rename of the folder to
// its name -> fsync of `snapshots/` -> the catalog's row. A folder with a leading dot is one that was not completed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "catalog/catalog.hpp"
#include "engine/data_folder.hpp"
#include "engine/snapshot_capture.hpp"
#include "format/snapshot_manifest.hpp"

namespace vibrato::engine {

struct SnapshotReport {
  std::string name;
  std::string folder;  // Absolute.
  Lsn lsn;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;
};

// Thread-safety: one thread at a time.
class SnapshotWriter {
 public:
  struct Parts {
    io::FileSystem& fs;
    sqlite::Vfs& vfs;
    catalog::Catalog& catalog;
    const Clock& clock;
    const DataFolder& folder;
    std::function<Status()> keep_going;
  };

  // `name` is a safe one.
  // Lets go of the files of `capture` once they are copied.
  SnapshotWriter(const Parts& parts, std::string name, SnapshotCapture& capture)
      : parts_(parts), name_(std::move(name)), capture_(capture) {}

  // Requires: the log is held from capture.log_after on. After an error nothing is left but, perhaps, the folder with
  // the dot, which the next start removes, or a complete snapshot. Errors: kAlreadyExists, kCorruption for a damaged
  // segment, kIoError, kDiskFull.
  [[nodiscard]] Result<SnapshotReport> run();

 private:
  [[nodiscard]] Status write_files();
  [[nodiscard]] Status copy_files();
  [[nodiscard]] Status copy_catalog();
  [[nodiscard]] Status link_segments();
  [[nodiscard]] Status copy_pepper();
  [[nodiscard]] Status copy_the_log();
  [[nodiscard]] Status write_manifest();
  [[nodiscard]] Status publish();
  [[nodiscard]] Status take_back();
  void add(std::string path) { files_.push_back(std::move(path)); }

  const Parts& parts_;
  const std::string name_;
  SnapshotCapture& capture_;
  std::string partial_;  // Where it is written.
  std::vector<std::string> files_;
  std::int64_t created_at_ms_ = 0;  // As the manifest has it.
  SnapshotReport report_;
};

}  // namespace vibrato::engine
