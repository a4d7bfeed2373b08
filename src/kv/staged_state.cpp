#include "kv/staged_state.hpp"

#include <algorithm>
#include <limits>
#include <vibrato/check.hpp>

#include "format/state_records.hpp"

namespace vibrato::kv {
namespace {

std::string_view key_of(const wal::StoredRecord& record) {
  if (record.type == static_cast<std::uint16_t>(format::StateRecord::kDeleted)) {
    const auto deleted = format::decode_state_deleted(record.body);
    VIBRATO_CHECK(deleted.ok());  // Our own writes encoded it.
    return deleted->key;
  }
  const auto put = format::decode_state_put(record.body);
  VIBRATO_CHECK(put.ok());
  return put->key;
}

}  // namespace

void StagedState::stage(const wal::StoredRecord& record) {
  VIBRATO_CHECK(records_.empty() || records_.back().lsn < record.lsn);
  records_.push_back(record);
  if (record.type == static_cast<std::uint16_t>(format::StateRecord::kPut)) {
    const auto put = format::decode_state_put(record.body);
    VIBRATO_CHECK(put.ok());
    next_expiry_ms_ = std::min(next_expiry_ms_, put->expires_at_ms.value_or(next_expiry_ms_));
  }
}

void StagedState::unstage_from(Lsn lsn) {
  const auto first = std::find_if(records_.begin(), records_.end(), [lsn](const auto& one) { return one.lsn >= lsn; });
  records_.erase(first, records_.end());
  applied_ = std::min(applied_, records_.size());
  forget_table();
}

void StagedState::set_applied(Lsn lsn) {
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
    next_expiry_ms_ = std::numeric_limits<std::int64_t>::max();
  }
}

const wal::StoredRecord* StagedState::find(std::string_view key) {
  for (in_table_ = std::max(in_table_, applied_); in_table_ < records_.size(); ++in_table_) {
    newest_.insert_or_assign(key_of(records_[in_table_]), in_table_);
  }
  const auto found = newest_.find(key);
  return found == newest_.end() ? nullptr : &records_[found->second];
}

// Its keys lie in the bodies: it goes before the first body does.
void StagedState::forget_table() {
  newest_.clear();
  in_table_ = 0;
}

}  // namespace vibrato::kv
