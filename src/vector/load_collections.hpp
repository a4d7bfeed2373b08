// Reads collections and their sealed parts back from the catalog, at start. For VectorModel.
//
// A part that cannot be used (its file is missing, its header or its bitmap damaged) never keeps the database from
// starting: it is left out, its collection is read-only, and the catalog remembers both, with the reason. A file that
// the system does not read for now is no proof of damage: the next start looks again. One that the catalog has as
// damaged is read from beginning to end: whole, as an operator may have put it back, it loses the mark, or else the
// mark tells what is wrong now.
#pragma once

#include <memory>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/catalog.hpp"
#include "commit/visible_lsn.hpp"
#include "io/file_system.hpp"
#include "vector/collection.hpp"

namespace vibrato::vector {

struct LoadedCollections {
  std::vector<std::shared_ptr<Collection>> collections;  // By number.
  CollectionNumber highest_number;                       // Ever given, as far as the catalog knows.
  Lsn applied;                                           // Of the model as a whole.
  std::vector<std::string> whole_again;                  // Files of parts that were marked, and are no longer.
};

struct LoadContext {
  io::FileSystem& fs;
  catalog::Catalog& catalog;
  const commit::VisibleLsn& visible;
  const std::string& data_folder;
  const Collection::Options& options;
  VectorAccess vector_access = VectorAccess::kRandom;
};

// Errors: those of the catalog; kCorruption for rows that make no sense.
[[nodiscard]] Result<LoadedCollections> load_collections(const LoadContext& context);

}  // namespace vibrato::vector
