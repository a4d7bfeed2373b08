// Imports on their way through the sequencer: prepared, perhaps in flight, not applied yet. For VectorModel.
//
// A record names files only; what was prepared with them (open parts, the rows that give way) waits here under the name
// of the first file. A replay finds nothing and opens the files itself.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "vector/collection.hpp"
#include "vector/replaced_rows.hpp"

namespace vibrato::vector {

struct PreparedImport {
  NewImport import;
  std::unique_ptr<ReplacedRows> replaced;
};
using PreparedImportPtr = std::shared_ptr<const PreparedImport>;

// Thread-safety: prepare() and forget() from any thread; the rest is the committer's alone.
class StagedImports {
 public:
  void prepare(const std::string& first_file, PreparedImportPtr import);
  void forget(const std::string& first_file);

  // Null if it was not prepared.
  [[nodiscard]] PreparedImportPtr prepared(std::string_view first_file) const;
  void stage(Lsn lsn, CollectionNumber collection, PreparedImportPtr import);
  void unstage_from(Lsn lsn);
  void set_applied(Lsn lsn);
  [[nodiscard]] bool empty() const { return staged_.empty(); }

  struct Found {
    Lsn lsn;
    ImportedRow row;
  };
  // The row of an id in the newest import in flight that has it. Errors: kCorruption.
  [[nodiscard]] Result<std::optional<Found>> find(CollectionNumber collection, const PointIdView& id) const;
  // Above every number that a point of one in flight has as its id; 0 without any.
  [[nodiscard]] std::uint64_t next_number(CollectionNumber collection) const;

 private:
  struct Staged {
    Lsn lsn;
    CollectionNumber collection;
    PreparedImportPtr import;
  };

  mutable std::mutex mutex_;  // Guards prepared_.
  std::map<std::string, PreparedImportPtr, std::less<>> prepared_;
  std::deque<Staged> staged_;  // By LSN; nearly always empty.
};

}  // namespace vibrato::vector
