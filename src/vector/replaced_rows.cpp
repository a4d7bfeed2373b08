#include "vector/replaced_rows.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kSearchedRowsAStep = 4096;  // Between two looks at keep_going.

bool is_dead(const Segment& part, std::uint32_t row) {
  return part.deletes()->is_deleted(row, Lsn::max());
}

}  // namespace

Result<std::optional<ImportedRow>> find_imported(std::span<const std::shared_ptr<SealedPart>> parts,
                                                 const PointIdView& id) {
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    VIBRATO_ASSIGN_OR_RETURN(const auto row, (*part)->find(id, Lsn::max()));
    if (row && !is_dead(**part, *row)) {
      return std::optional(ImportedRow{part->get(), *row});
    }
  }
  return std::optional<ImportedRow>();
}

Status ReplacedRows::look(const CollectionVersion& version, const KeepGoing& keep_going) {
  Status looked;
  version.for_each_newest_first([&](const std::shared_ptr<const Segment>& part) {
    looked = look_at(*part, keep_going);
    return looked.ok();
  });
  return looked;
}

bool ReplacedRows::covers(const CollectionVersion& version) const {
  bool covered = true;
  version.for_each_newest_first([&](const std::shared_ptr<const Segment>& part) {
    const auto known = looked_.find(part->deletes().get());
    covered = part == version.hot || (known != looked_.end() && known->second.rows == part->row_count());
    return covered;
  });
  return covered;
}

// What costs less: the rows of the part, or those of the import.
Status ReplacedRows::look_at(const Segment& part, const KeepGoing& keep_going) {
  Looked& looked = looked_[part.deletes().get()];
  looked.deletes = part.deletes();
  const std::uint32_t end = part.row_count();
  std::uint64_t imported = 0;
  for (const std::shared_ptr<SealedPart>& one : imported_) {
    imported += one->row_count();
  }
  const bool by_id = looked.rows == 0 && end > imported;
  VIBRATO_RETURN_IF_ERROR(by_id ? look_by_id(part, looked, keep_going) : look_by_row(part, looked, end, keep_going));
  looked.rows = end;
  return ok_status();
}

Status ReplacedRows::look_by_row(const Segment& part, Looked& looked, std::uint32_t end,
                                 const KeepGoing& keep_going) const {
  for (std::uint32_t row = looked.rows; row < end; ++row) {
    if (row % kSearchedRowsAStep == 0) {
      VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
    }
    if (is_dead(part, row)) {
      continue;
    }
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, part.id(row));
    VIBRATO_ASSIGN_OR_RETURN(const auto in_import, find_imported(imported_, id));
    if (in_import) {
      looked.found.push_back(row);
    }
  }
  return ok_status();
}

Status ReplacedRows::look_by_id(const Segment& part, Looked& looked, const KeepGoing& keep_going) const {
  for (const std::shared_ptr<SealedPart>& one : imported_) {
    for (std::uint32_t row = 0; row < one->row_count(); ++row) {
      if (row % kSearchedRowsAStep == 0) {
        VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
      }
      if (is_dead(*one, row)) {
        continue;
      }
      VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, one->id(row));
      VIBRATO_ASSIGN_OR_RETURN(const auto old, part.find(id, Lsn::max()));
      if (old && !is_dead(part, *old)) {
        looked.found.push_back(*old);
      }
    }
  }
  return ok_status();
}

Result<std::uint64_t> ReplacedRows::mark(const CollectionVersion& version, Lsn lsn) {
  VIBRATO_RETURN_IF_ERROR(look(version, {}));
  std::uint64_t count = 0;
  Status marked;
  version.for_each_newest_first([&](const std::shared_ptr<const Segment>& part) {
    for (const std::uint32_t row : looked_.find(part->deletes().get())->second.found) {
      const Result<bool> is_new = part->deletes()->mark(row, lsn);
      marked = is_new.status();
      if (!marked.ok()) {
        return false;
      }
      count += *is_new ? 1 : 0;
    }
    return true;
  });
  VIBRATO_RETURN_IF_ERROR(marked);
  return count;
}

}  // namespace vibrato::vector
