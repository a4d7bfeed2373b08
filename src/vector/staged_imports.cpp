#include "vector/staged_imports.hpp"

#include <algorithm>

namespace vibrato::vector {

void StagedImports::prepare(const std::string& first_file, PreparedImportPtr import) {
  const std::lock_guard lock(mutex_);
  prepared_[first_file] = std::move(import);
}

void StagedImports::forget(const std::string& first_file) {
  const std::lock_guard lock(mutex_);
  prepared_.erase(first_file);
}

PreparedImportPtr StagedImports::prepared(std::string_view first_file) const {
  const std::lock_guard lock(mutex_);
  const auto found = prepared_.find(first_file);
  return found == prepared_.end() ? nullptr : found->second;
}

void StagedImports::stage(Lsn lsn, CollectionNumber collection, PreparedImportPtr import) {
  staged_.push_back({lsn, collection, std::move(import)});
}

void StagedImports::unstage_from(Lsn lsn) {
  std::erase_if(staged_, [lsn](const Staged& one) { return one.lsn >= lsn; });
}

void StagedImports::set_applied(Lsn lsn) {
  while (!staged_.empty() && staged_.front().lsn <= lsn) {
    staged_.pop_front();
  }
}

Result<std::optional<StagedImports::Found>> StagedImports::find(CollectionNumber collection,
                                                                const PointIdView& id) const {
  for (auto one = staged_.rbegin(); one != staged_.rend(); ++one) {
    if (one->collection == collection) {
      VIBRATO_ASSIGN_OR_RETURN(const auto row, find_imported(one->import->import.parts, id));
      if (row) {
        return std::optional(Found{one->lsn, *row});
      }
    }
  }
  return std::optional<Found>();
}

std::uint64_t StagedImports::next_number(CollectionNumber collection) const {
  std::uint64_t next = 0;
  for (const Staged& one : staged_) {
    if (one.collection == collection) {
      next = std::max(next, one.import->import.next_point_number);
    }
  }
  return next;
}

}  // namespace vibrato::vector
