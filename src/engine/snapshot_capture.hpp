// The database as of one LSN S, held fast while it goes on: the collections, and the files of the other models.
//
// How S and the versions belong together: the versions of all collections are copied, then S = visible LSN is read; if
// any collection has published meanwhile, it begins again. So each version was current when S was read
// (collection.hpp): its sealed parts hold nothing above S. Deletes carry their LSN, so their bitmaps as of S can be
// told at any later time.
//
// What the files of a collection cover, `durable`, is read before its version: a checkpoint that publishes in between
// makes the version cover more, never less. The log from the lowest of them to S holds the rest.
//
// The files of state, documents and SQL are captured before S is read, each with an applied LSN of its own, which is
// not above S: the log brings them to S.
//
// Which collections there are is known as of what is applied, so S must not lie below that. The numbers that were given
// are read from the catalog before and after: a creation or drop that is applied or saved meanwhile makes it begin
// again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/copy_edit.hpp"
#include "commit/idempotency_keys.hpp"
#include "commit/visible_lsn.hpp"
#include "engine/model_files.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::engine {

struct CapturedCollection {
  catalog::Collection row;
  std::uint64_t next_point_number = 0;
  vector::VersionPtr version;  // Keeps its files.
  Lsn durable;                 // All effects on the collection up to here are in the sealed parts of `version`.
};

struct CapturedFile {
  std::string name;  // Relative to the data folder.
  std::unique_ptr<commit::FileCapture> content;
};

struct SnapshotCapture {
  Lsn lsn;                                      // S.
  Lsn log_after;                                // The log is needed above it, up to S.
  std::vector<CapturedCollection> collections;  // Those that were saved; the others come from the log.
  std::uint64_t collection_count = 0;           // With those whose creation is in the log only.
  CollectionNumber number_max;                  // The highest that was saved.
  std::vector<CapturedFile> files;
};

// Makes what was imported into the collection known to the catalog, or says why that cannot be waited for.
using SaveImports = std::function<Status(const vector::CollectionPtr& collection)>;

// Fast: short reads of the catalog, unless an import has to be saved first. Requires: the log is held
// (LogRetention::Hold) while this runs. Errors: kUnavailable for a damaged collection, which a snapshot would silently
// lack, and when the committer does not get on; those of the catalog.
[[nodiscard]] Result<SnapshotCapture> capture(const vector::VectorModel& model, const ModelFiles& files,
                                              const commit::IdempotencyKeys& idempotency,
                                              const catalog::Catalog& catalog, const commit::VisibleLsn& visible,
                                              const SaveImports& save_imports);

// What a copy of the catalog must say to describe the capture.
[[nodiscard]] catalog::VectorState vector_state(const SnapshotCapture& capture);

}  // namespace vibrato::engine
