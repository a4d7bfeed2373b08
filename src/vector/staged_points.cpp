#include "vector/staged_points.hpp"

#include <algorithm>
#include <vibrato/check.hpp>

#include "format/vector_records.hpp"
#include "vector/point_numbers.hpp"

namespace vibrato::vector {
namespace {

PointIdView id_of(const wal::StoredRecord& record) {
  if (record.type == static_cast<std::uint16_t>(format::VectorRecord::kPointDeleted)) {
    const auto id = format::decode_point_deleted(record.body);
    VIBRATO_CHECK(id.ok());  // Our own writes encoded it.
    return *id;
  }
  const auto put = format::decode_point_put(record.body);
  VIBRATO_CHECK(put.ok());
  return put->id;
}

}  // namespace

void StagedPoints::stage(const wal::StoredRecord& record) {
  VIBRATO_CHECK(records_.empty() || records_.back().lsn < record.lsn);
  records_.push_back(record);
}

void StagedPoints::unstage_from(Lsn lsn) {
  const auto first = std::find_if(records_.begin(), records_.end(), [lsn](const auto& one) { return one.lsn >= lsn; });
  records_.erase(first, records_.end());
  applied_ = std::min(applied_, records_.size());
  forget_table();
  forget_numbers();
}

void StagedPoints::set_applied(Lsn lsn) {
  if (applied_ == records_.size() || records_[applied_].lsn > lsn) {
    return;
  }
  forget_table();
  while (applied_ < records_.size() && records_[applied_].lsn <= lsn) {
    ++applied_;
  }
  if (applied_ == records_.size()) {
    records_.clear();
    applied_ = 0;
    forget_numbers();
  }
}

std::uint64_t StagedPoints::next_number(CollectionNumber collection) {
  for (in_numbers_ = std::max(in_numbers_, applied_); in_numbers_ < records_.size(); ++in_numbers_) {
    const wal::StoredRecord& record = records_[in_numbers_];
    if (record.type == static_cast<std::uint16_t>(format::VectorRecord::kPointPut)) {
      std::uint64_t& next = next_numbers_[record.collection];
      next = std::max(next, number_after(id_of(record)));
    }
  }
  const auto found = next_numbers_.find(collection);
  return found == next_numbers_.end() ? 0 : found->second;
}

const wal::StoredRecord* StagedPoints::find(CollectionNumber collection, const PointIdView& id) {
  for (in_table_ = std::max(in_table_, applied_); in_table_ < records_.size(); ++in_table_) {
    const wal::StoredRecord& record = records_[in_table_];
    newest_.insert_or_assign(Key{record.collection, id_of(record)}, in_table_);
  }
  const auto found = newest_.find(Key{collection, id});
  return found == newest_.end() ? nullptr : &records_[found->second];
}

// Its keys lie in the bodies, and are looked at by every search of the table: it goes before the first body does.
void StagedPoints::forget_table() {
  newest_.clear();
  in_table_ = 0;
}

void StagedPoints::forget_numbers() {
  next_numbers_.clear();
  in_numbers_ = 0;
}

}  // namespace vibrato::vector
