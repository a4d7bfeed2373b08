// The part of a collection that takes imports in.
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "vector/collection.hpp"
#include "vector/find_alive.hpp"
#include "vector/replaced_rows.hpp"

namespace vibrato::vector {

Status Collection::apply_import(const NewImport& import, Lsn lsn, std::int64_t time_ms) {
  const std::lock_guard lock(apply_mutex_);
  if (lsn.value() <= applied_lsn_.load(std::memory_order_relaxed)) {
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t replaced, replace_old_rows(import, lsn));
  const VersionPtr before = current();
  auto next = std::make_shared<CollectionVersion>(*before);
  for (const std::shared_ptr<SealedPart>& part : import.parts) {
    part->set_lsn(lsn);
    adopt(*part);
    next->imported.push_back(part);
  }
  next->before_import = before;
  next->import_lsn = lsn;
  publish(next);
  live_count_.fetch_add(import.points, std::memory_order_relaxed);
  live_count_.fetch_sub(replaced, std::memory_order_relaxed);
  if (import.next_point_number > next_point_number()) {
    next_point_number_.store(import.next_point_number, std::memory_order_relaxed);
  }
  note_applied(lsn, time_ms);
  return ok_status();
}

// Requires: apply_mutex_ is held. Answers how many rows gave way.
Result<std::uint64_t> Collection::replace_old_rows(const NewImport& import, Lsn lsn) {
  const VersionPtr version = current();
  if (import.replaced != nullptr) {
    return import.replaced->mark(*version, lsn);
  }
  std::uint64_t count = 0;
  for (const std::shared_ptr<SealedPart>& part : import.parts) {
    for (std::uint32_t row = 0; row < part->row_count(); ++row) {
      if (part->deletes()->is_deleted(row, Lsn::max())) {
        continue;
      }
      VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, part->id(row));
      std::vector<std::shared_ptr<const Segment>> passed_over;
      VIBRATO_ASSIGN_OR_RETURN(const std::optional<Place> old, find_alive(*version, id, Lsn::max(), &passed_over));
      if (old) {
        VIBRATO_RETURN_IF_ERROR(old->segment->deletes()->mark(old->row, lsn).status());
        ++count;
      } else {
        note_passed_over(passed_over, id, lsn);
      }
    }
  }
  return count;
}

// The id of a segment is the catalog's to give, and this one never gets one: no mark of it is written or taken back.
void Collection::apply_lost_import(const std::string& reason, Lsn lsn, std::int64_t time_ms) {
  const std::lock_guard lock(apply_mutex_);
  if (lsn.value() <= applied_lsn_.load(std::memory_order_relaxed)) {
    return;
  }
  const catalog::SegmentId nobodys(std::numeric_limits<std::int64_t>::max() - lsn.value());
  damage_->add(nobodys, reason);
  damage_->set_marked(nobodys);
  set_incomplete();
  note_applied(lsn, time_ms);
}

}  // namespace vibrato::vector
