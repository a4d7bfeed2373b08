#include "vector/staged_points.hpp"

#include <algorithm>
#include <vibrato/check.hpp>

#include "format/vector_records.hpp"
#include "vector/point_numbers.hpp"

namespace vibrato::vector {

StagedPoints::Keys::Key StagedPoints::Keys::of(const wal::StoredRecord& record) {
  if (record.type == static_cast<std::uint16_t>(format::VectorRecord::kPointDeleted)) {
    const auto id = format::decode_point_deleted(record.body);
    VIBRATO_CHECK(id.ok());  // Our own writes encoded it.
    return {record.collection, *id};
  }
  const auto put = format::decode_point_put(record.body);
  VIBRATO_CHECK(put.ok());
  return {record.collection, put->id};
}

void StagedPoints::unstage_from(Lsn lsn) {
  records_.unstage_from(lsn);
  forget_numbers();
}

void StagedPoints::set_applied(Lsn lsn) {
  records_.set_applied(lsn);
  if (records_.is_empty()) {
    forget_numbers();
  }
}

std::uint64_t StagedPoints::next_number(CollectionNumber collection) {
  const auto records = records_.in_flight();
  for (auto record = std::ranges::upper_bound(records, in_numbers_, {}, &wal::StoredRecord::lsn);
       record != records.end(); ++record) {
    if (record->type == static_cast<std::uint16_t>(format::VectorRecord::kPointPut)) {
      std::uint64_t& next = next_numbers_[record->collection];
      next = std::max(next, number_after(Keys::of(*record).id));
    }
    in_numbers_ = record->lsn;
  }
  const auto found = next_numbers_.find(collection);
  return found == next_numbers_.end() ? 0 : found->second;
}

void StagedPoints::forget_numbers() {
  next_numbers_.clear();
  in_numbers_ = Lsn();
}

}  // namespace vibrato::vector
