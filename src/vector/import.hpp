// Points that come as whole segments: rows are written to files as they arrive, indexed with all processors, made
// durable; then one log record names the files, and all points are there at once, in place of older rows of their ids.
//
// Order: rows -> graph -> file synced under its name -> ... -> log record -> applied -> the catalog names the files
// (the next checkpoint). Until the record is in the log nobody sees anything, and the files are orphans that go with
// this object, or, after a crash, to the quarantine at the next start. Of an id that comes twice the last row counts.
//
// Memory: graph and codes of one file at a time (MaintenanceOptions::import_file_bytes of rows), which the system maps
// while it is built.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vibrato/result.hpp>

#include "commit/sequencer.hpp"
#include "vector/point_writes.hpp"
#include "vector/replaced_rows.hpp"

namespace vibrato::vector {

struct MaintenanceContext;

struct ImportOptions {
  // SHA-256 of the first `bytes` bytes of a file.
  using Hash = std::function<Result<std::array<std::byte, 32>>(const std::string& path, std::uint64_t bytes)>;
  Hash hash;
  KeepGoing keep_going;  // Asked now and then: an error ends the import. May be empty.
};

// Thread-safety: one thread at a time.
class Import {
 public:
  // `context` outlives it.
  Import(MaintenanceContext& context, CollectionPtr collection, ImportOptions options);
  ~Import();  // Leaves no file behind unless the log names them.
  Import(const Import&) = delete;
  Import& operator=(const Import&) = delete;

  // Errors: those of check_point; kInvalidArgument past limits::kImportFilesMax files; kDiskFull, others of the file
  // system. After an error that is not the point's the import is of no use.
  [[nodiscard]] Status add(const PointInput& point);
  // What is left becomes a file, and rows that later ones replaced are found. No add() any more.
  [[nodiscard]] Status finish();

  [[nodiscard]] std::uint64_t rows() const;     // Taken.
  [[nodiscard]] std::uint64_t indexed() const;  // Of them, in files.
  // Without those that later ones replaced. Requires: finish().
  [[nodiscard]] std::uint64_t points() const;

  // Waits for `submit`, which makes the write through the sequencer. Requires: finish(), points() > 0. Errors: those of
  // `submit`; kNotFound (dropped meanwhile), kUnavailable (damaged), kCorruption of a part that was there.
  using Submit = std::function<Result<commit::Committed>(WritePtr write)>;
  [[nodiscard]] Result<commit::Committed> commit(VectorModel& model, const Submit& submit);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::vector
