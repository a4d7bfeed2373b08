// The background work of all collections, a step at a time: indexing hot rows, sealing (checkpoints), merging
// (compaction), archiving, checking what is on the disk (scrub), removing what nobody needs. It decides what is due;
// the engine brings threads and calls.
//
// A checkpoint, in order; each arrow is a barrier:
//   freeze -> index what waits -> write files (synced, renamed, folder synced) -> one catalog commit: new collections,
//   segments, delete bitmaps of all parts that changed, applied LSNs -> publish versions -> durable LSNs.
// A checkpoint of much is many such commits, so that one that is never finished makes progress all the same.
// Merging: write -> catalog commit (new segment in, inputs out) -> publish with the deletes carried over -> the inputs'
// files are removed when their last reader has left.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "base/logging.hpp"
#include "base/metrics.hpp"
#include "vector/import.hpp"
#include "vector/merge_parts.hpp"
#include "vector/segment_writer.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::vector {

struct MaintenanceOptions {
  std::string data_folder;
  std::uint32_t index_batch_rows = 2048;
  // Checkpoints of themselves: a full hot part at once; a smaller one once its oldest row is that old.
  std::int64_t checkpoint_age_ms = 300'000;
  std::uint32_t small_rows = 1000;  // Below both, parts are sealed together in a pack.
  std::uint64_t small_bytes = std::uint64_t{1024} * 1024;
  // Of one commit of a checkpoint, as far as parts are not larger: what a kill costs.
  std::uint64_t commit_bytes = std::uint64_t{64} * 1024 * 1024;
  // Compaction.
  std::uint32_t merge_width = 4;  // Parts of about one size that are merged together.
  double tombstone_ratio = 0.2;   // A part with more dead rows is rewritten.
  std::uint64_t bytes_per_pass = std::uint64_t{4} * 1024 * 1024 * 1024;
  std::uint64_t import_file_bytes =
      std::uint64_t{256} * 1024 * 1024;  // Of rows, from where on an import begins a file.
  std::int64_t idle_ms = 60'000;         // Without writes for that long, a collection settles.
  WriteThrottle throttle;
  // Called after each commit of a checkpoint, by its thread: more may be durable. May be empty. It must not begin work
  // of this kind itself.
  std::function<void()> committed;
  Counter* removed_files = nullptr;                    // Counts files that are removed; may be null.
  VectorAccess vector_access = VectorAccess::kRandom;  // Of the parts that it writes and opens.
};

struct CheckpointReport {
  std::uint64_t collections = 0;
  std::uint64_t segments = 0;
  std::uint64_t rows = 0;
  Lsn first_lsn;  // Of the rows and deletes that became durable; 0, 0 for nothing.
  Lsn last_lsn;
};

struct CompactionReport {
  std::vector<std::string> inputs;  // Files.
  std::string output;               // Empty if nothing was left, or nothing was to do.
  std::uint8_t level = 0;
  std::uint64_t rows = 0;
  bool archived = false;
};

// What one step of the scrub did.
struct ScrubStep {
  std::uint64_t bytes = 0;     // Read and found whole.
  std::uint64_t parts = 0;     // 1 if that was the end of a part.
  std::string damage;          // What was found, with file and offset; empty for nothing.
  std::string unreadable;      // What the disk did not give, with file and offset; empty for nothing.
  std::string readable_again;  // The file of a part that was unreadable or marked as damaged, and is whole.
  bool has_ended = false;      // Every part was visited: the next step begins again.
};

// Thread-safety: all methods may be called from many threads; each kind of work runs once at a time.
class Maintenance {
 public:
  // All outlive it.
  Maintenance(io::FileSystem& fs, catalog::Catalog& catalog, VectorModel& model, const Clock& clock,
              const Logger& logger, MaintenanceOptions options);
  ~Maintenance();

  // Indexes a slice of the rows that wait longest. False if nothing waits: too few rows for a batch do so with `all`
  // only, as each step costs a pass over the whole graph.
  [[nodiscard]] bool index_step(bool all = false);
  // Checkpoints what is due by the options, or, with `up_to`, every collection with an unsaved effect at or below it.
  // Answers what was done; rows 0 for nothing.
  [[nodiscard]] Result<CheckpointReport> checkpoint_due(const KeepGoing& keep_going);
  [[nodiscard]] Result<CheckpointReport> checkpoint(Lsn up_to, const KeepGoing& keep_going);
  // Points that come as segments. It must end before this does.
  [[nodiscard]] std::unique_ptr<Import> begin_import(const CollectionPtr& collection, ImportOptions options);
  // Checkpoints this collection, if anything of it is unsaved.
  [[nodiscard]] Result<CheckpointReport> save(const CollectionPtr& collection, const KeepGoing& keep_going);
  // One merge, if one is due; with `collection`, whatever brings it to the fewest segments next.
  [[nodiscard]] Result<CompactionReport> compact_due(const KeepGoing& keep_going);
  [[nodiscard]] Result<CompactionReport> compact(const CollectionPtr& collection, const KeepGoing& keep_going);
  // Reads the next MiB of sealed parts and checks it. A damaged segment is marked in the catalog, and its collection
  // takes no writes; nor does that of one that the disk does not give, until a later pass reads it. Errors: kIoError
  // for a part that could not be opened for now; the next step goes on behind it.
  [[nodiscard]] Result<ScrubStep> scrub_step();
  // Marks in the catalog what requests have found damaged since the last call: their collections take no writes since
  // they found it. Answers what was found, with file and offset. Cheap for nothing.
  std::vector<std::string> mark_found_damage();
  // Removes files that a merge or a drop left without readers. Foreign files are never touched.
  [[nodiscard]] Status remove_unused();
  // Such files that are still there.
  [[nodiscard]] std::uint64_t retired_files() const;
  // At start: files in the segments folder with names of ours that no catalog row names go to quarantine/.
  [[nodiscard]] Result<std::uint64_t> quarantine_orphans();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::vector
