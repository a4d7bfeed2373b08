// The rows of a collection that give way to an import: those whose ids the import has too.
//
// Most of the work is done before the import is applied, beside writes: look() goes through whole parts. What writes
// add meanwhile is looked at by mark(), under the lock of the applier, and that is little. A part is known by its
// DeleteLsns, which it keeps when it is sealed; one that comes out of a merge is a new one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "vector/collection.hpp"
#include "vector/merge_parts.hpp"

namespace vibrato::vector {

// The row of an id in the parts of an import; nothing if it is not among its points. Errors: kCorruption.
struct ImportedRow {
  const SealedPart* part = nullptr;
  std::uint32_t row = 0;
};
[[nodiscard]] Result<std::optional<ImportedRow>> find_imported(std::span<const std::shared_ptr<SealedPart>> parts,
                                                               const PointIdView& id);

// Thread-safety: one thread at a time.
class ReplacedRows {
 public:
  // Borrows the parts of the import.
  explicit ReplacedRows(std::span<const std::shared_ptr<SealedPart>> imported) : imported_(imported) {}

  // Looks through the parts of the version that it does not know, and the new rows of those that it knows. Errors:
  // kCorruption of a part; those of `keep_going`.
  [[nodiscard]] Status look(const CollectionVersion& version, const KeepGoing& keep_going);
  // Whether all parts of the version but new rows in memory were looked at.
  [[nodiscard]] bool covers(const CollectionVersion& version) const;
  // Looks at what is new, then marks all rows that are alive as deleted at `lsn`; answers how many. Requires: nothing
  // is applied meanwhile. Errors: as look(); kUnavailable without memory.
  [[nodiscard]] Result<std::uint64_t> mark(const CollectionVersion& version, Lsn lsn);

 private:
  struct Looked {
    std::shared_ptr<DeleteLsns> deletes;
    std::uint32_t rows = 0;            // Looked at: those below.
    std::vector<std::uint32_t> found;  // That give way.
  };

  [[nodiscard]] Status look_at(const Segment& part, const KeepGoing& keep_going);
  [[nodiscard]] Status look_by_row(const Segment& part, Looked& looked, std::uint32_t end,
                                   const KeepGoing& keep_going) const;
  [[nodiscard]] Status look_by_id(const Segment& part, Looked& looked, const KeepGoing& keep_going) const;

  std::span<const std::shared_ptr<SealedPart>> imported_;
  std::map<const DeleteLsns*, Looked> looked_;
};

}  // namespace vibrato::vector
